"""A record that a network brings in, by which identities it is known, and what became of it."""

from dataclasses import dataclass, field
from uuid import UUID

from app.resources.practices.sources.schemas import SourcePractice

Key = tuple[str, str, str]


@dataclass(slots=True)
class Record:
    """One record of a batch, and what became of it."""

    external_id: str
    body: SourcePractice
    result: str = "invalid"
    id: UUID | None = None
    errors: list[dict[str, str]] = field(default_factory=list)

    @property
    def keys(self) -> set[Key]:
        """Everything that tells which record this is."""
        found: set[Key] = {("external id", entry.scheme, entry.value) for entry in self.body.external_ids}
        found.add(("own id", "", self.external_id))
        if self.body.source_url:
            found.add(("address", "", self.body.source_url))
        return found

    def refuse(self, result: str, pointer: str, code: str, detail: str) -> None:
        """Leave it out, for this reason."""
        self.result = result
        self.errors.append({"pointer": pointer, "code": code, "detail": detail})
