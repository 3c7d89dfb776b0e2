"""What came of a file: how many records were made, changed and left alone, and what was wrong where."""

from collections import Counter
from dataclasses import dataclass, field

MOST_FAULTS_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one record.

    Attributes:
        file: the file's name.
        record: the number of the record in the file, from 1.
        line: the line where the record begins, where it is known.
        field: the member that is wrong, such as `indicators.0.value`; empty for the whole record.
        message: what is wrong.
    """

    file: str
    record: int
    line: int | None
    field: str
    message: str


@dataclass(slots=True)
class Report:
    """The outcome of one file, or of several."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    invalid: int = 0
    faults: list[Fault] = field(default_factory=list)
    warnings: Counter[str] = field(default_factory=Counter)

    @property
    def read(self) -> int:
        """How many records the file held."""
        return self.created + self.updated + self.unchanged + self.invalid

    def refuse(self, *faults: Fault) -> None:
        """Count one record as invalid; only the first faults of a long file are kept."""
        self.invalid += 1
        self.faults.extend(faults[: max(0, MOST_FAULTS_KEPT - len(self.faults))])

    def add(self, other: "Report") -> None:
        """Add another report to this one."""
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.invalid += other.invalid
        self.faults.extend(other.faults)
        self.warnings.update(other.warnings)
