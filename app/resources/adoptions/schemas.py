"""Wire shapes of adoptions."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.areas import Region
from app.fields import (
    AdoptionStage,
    CityId,
    CityRef,
    Country,
    CursorText,
    Day,
    HttpUrl,
    Input,
    Markdown,
    Moment,
    Output,
    Slug,
    TagId,
)
from app.resources.adoptions.examples import EXAMPLE, LINEAGE_EXAMPLE, WHOLE_EXAMPLE


class AdoptionFields(Input):
    """Everything that the adopting city may write."""

    stage: AdoptionStage = "exploring"
    started_on: Day | None = None
    what_was_kept: Markdown | None = None
    what_was_changed: Markdown | None = None
    why_stopped: Markdown | None = Field(default=None, description="Needed with the stage `stopped`.")
    results: Markdown | None = None
    resulting_practice_id: UUID | None = Field(default=None, description="The city's own practice that came of it.")
    exchange_request_id: UUID | None = Field(default=None, description="The exchange that led to it.")
    evidence_url: HttpUrl | None = None

    @model_validator(mode="after")
    def _says_why_it_stopped(self) -> Self:
        if self.stage == "stopped" and not self.why_stopped:
            raise PydanticCustomError("why_stopped", "An adoption that was stopped says why, in why_stopped.")
        return self


class AdoptionCreate(AdoptionFields):
    """A new adoption, by the city that adapts the practice."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    practice_version: Annotated[int, Field(strict=True, ge=1, le=2_000_000_000)] | None = Field(
        default=None, description="The version that is adapted. Unsaid: the present one."
    )


class AdoptionUpdate(Input):
    """A merge patch (RFC 7396): what is given is changed, null removes, what is not given stays."""

    model_config = {"json_schema_extra": {"examples": [{"stage": "running", "results": "4,000 cards."}]}}

    stage: AdoptionStage | None = None
    started_on: Day | None = None
    what_was_kept: Markdown | None = None
    what_was_changed: Markdown | None = None
    why_stopped: Markdown | None = None
    results: Markdown | None = None
    resulting_practice_id: UUID | None = None
    exchange_request_id: UUID | None = None
    evidence_url: HttpUrl | None = None


class AdoptionPublic(Output):
    """An adoption."""

    model_config = {"json_schema_extra": {"examples": [WHOLE_EXAMPLE]}}

    id: UUID
    practice_id: UUID
    practice_version: int
    city: CityRef
    stage: AdoptionStage
    started_on: str | None
    what_was_kept: str | None
    what_was_changed: str | None
    why_stopped: str | None
    results: str | None
    resulting_practice_id: UUID | None
    exchange_request_id: UUID | None
    evidence_url: str | None
    confirmed_by_origin: bool
    created_at: Moment
    updated_at: Moment
    version: int


class AdoptionPage(Output):
    """A page of adoptions, newest first."""

    model_config = {"json_schema_extra": {"examples": [{"items": [WHOLE_EXAMPLE], "next_cursor": None}]}}

    items: list[AdoptionPublic]
    next_cursor: str | None


class PracticeAdoptionQuery(Input):
    """Filters of a practice's adoptions."""

    stage: AdoptionStage | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None


class AdoptionQuery(PracticeAdoptionQuery):
    """Filters of all adoptions."""

    tag: Annotated[list[TagId], Field(max_length=20)] = Field(
        default=[], description="Of the practice; all must match; narrower do."
    )
    practice: UUID | None = None
    city: CityId | None = Field(default=None, description="The city that adapts.")
    origin: CityId | None = Field(default=None, description="The city that the practice comes from.")
    country: Country | None = Field(default=None, description="Of the city that adapts.")
    network: Slug | None = Field(default=None, description="Whose member adapts.")
    region: Region | None = Field(default=None, description="Of the city that adapts.")
    confirmed: bool | None = Field(default=None, description="Confirmed by the city that the practice comes from.")
    created_from: Day | None = Field(default=None, description="Recorded on this day or later, in UTC.")
    created_to: Day | None = None


class LineageQuery(Input):
    """How far a lineage is followed."""

    depth: Annotated[int, Field(ge=1, le=10)] = Field(default=3, description="Steps up and down.")


class LineageNode(Output):
    """A practice in a lineage."""

    id: UUID
    title: str
    city: CityRef
    distance: int = Field(description="Steps from the practice that was asked for: above it negative.")


class LineageEdge(Output):
    """An adoption in a lineage."""

    from_: UUID = Field(alias="from", description="The practice that was adapted.")
    to: UUID = Field(description="The practice that came of it.")
    adoption_id: UUID
    stage: AdoptionStage


class Lineage(Output):
    """Where a practice comes from, and what came of it elsewhere."""

    model_config = {"json_schema_extra": {"examples": [LINEAGE_EXAMPLE]}}

    nodes: list[LineageNode]
    edges: list[LineageEdge]
