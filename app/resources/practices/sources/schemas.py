"""Wire shapes of what networks bring in."""

import re
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.fields import CityId, HttpUrl, Input, Output
from app.resources.practices.examples import EXAMPLE, SAMPLE_ID
from app.resources.practices.schemas import PracticeFields

Result = Literal["created", "updated", "unchanged", "linked", "conflict", "invalid"]
# The scheme of the identity that a record has at the exchange where it was made: it stays with every copy, so that a
# copy that comes home, or comes by two ways, is known.
BIRTH_SCHEME = "practice-exchange"
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SOURCE_EXAMPLE: dict[str, Any] = {
    **{name: value for name, value in EXAMPLE.items() if name not in {"contact", "offers"}},
    "city_id": "ca-montreal",
    "source_url": "https://network.example/practices/4711",
}
OUTCOME_EXAMPLE: dict[str, Any] = {"external_id": "4711", "id": SAMPLE_ID, "result": "created", "errors": []}


class SourcePractice(PracticeFields):
    """A practice as a network has it. What is left out is empty: the record becomes what is sent."""

    model_config = {"json_schema_extra": {"examples": [SOURCE_EXAMPLE]}}

    city_id: CityId = Field(description="The city; also taken as `city`, an id or `{id}`.")
    status: Literal["draft", "published"] = Field(
        default="published", description="Published as submitted where the network reviews what it brings in."
    )
    source_url: HttpUrl | None = Field(
        default=None, description="Where the network shows the record; two records of one address are the same."
    )

    @model_validator(mode="after")
    def _published_with_a_summary(self) -> Self:
        if self.status == "published" and self.summary is None:
            raise PydanticCustomError("summary", "A published practice has a summary.")
        return self


class SourceError(Output):
    """What is wrong with a line, and where."""

    pointer: str
    code: str
    detail: str


class SourceOutcome(Output):
    """What became of a record."""

    model_config = {"json_schema_extra": {"examples": [OUTCOME_EXAMPLE]}}

    external_id: str | None
    id: UUID | None = Field(description="The practice; null where nothing was stored.")
    result: Result = Field(
        description="`linked`: another network brought the record before, nothing of it was overwritten;"
        " `conflict`: the city has claimed it, or an identity is another record's."
    )
    errors: list[SourceError]


class SourceQuery(Input):
    """How many are brought in."""

    dry_run: bool = Field(default=False, description="Say what would be done, and do nothing.")
