"""Wire shapes of versions."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.fields import BudgetBand, CityRef, CursorText, Input, Moment, Output, Stage
from app.resources.practices.examples import WHOLE_EXAMPLE
from app.resources.practices.schemas import Contact, ExternalId, Implementer, Indicator, Resource, Translation

CHANGED = "What differs from the version before that the caller sees; empty in the first."
MADE: dict[str, Any] = {
    "version": 3,
    "at": "2026-03-01T09:30:00.000Z",
    "organization": "city:ca-montreal",
    "action": "updated",
    "changed": ["title"],
}
NOT_VERSIONED = {"endorsements", "origins", "adoption_count", "status", "successor", "allowed_transitions"}
VERSION_EXAMPLE = {
    **{name: value for name, value in WHOLE_EXAMPLE.items() if name not in NOT_VERSIONED},
    **MADE,
    "diff": {
        "from": 2,
        "to": 3,
        "fields": {"title": {"from": "City card", "to": WHOLE_EXAMPLE["title"], "unified": None}},
    },
}


class VersionSummary(Output):
    """A version in the list."""

    version: int
    at: Moment = Field(description="When it was made.")
    organization: str = Field(description="Who made it.")
    action: str = Field(
        description="What made it: `created`, `updated`, `transitioned`, `translated`, `verified`, `endorsed`,"
        " `claimed`, `linked`, `taken_back` or `loaded`."
    )
    changed: list[str] = Field(description=CHANGED)


class VersionPage(Output):
    """A page of versions, newest first."""

    model_config = {"json_schema_extra": {"examples": [{"items": [MADE], "next_cursor": None}]}}

    items: list[VersionSummary]
    next_cursor: str | None


class Change(Output):
    """What became of one member."""

    before: Any = Field(alias="from")
    after: Any = Field(alias="to")
    unified: str | None = Field(description="Of texts with several lines: a unified diff.")


class VersionDiff(Output):
    """What differs between two versions, by the name of the member. Translations are told with their texts."""

    before: int = Field(alias="from")
    after: int = Field(alias="to")
    fields: dict[str, Change]


class PracticeVersion(Output):
    """A practice as it was published. The names of cities are those of today."""

    model_config = {"json_schema_extra": {"examples": [VERSION_EXAMPLE]}}

    id: UUID
    version: int
    at: Moment = Field(description="When it was made.")
    organization: str = Field(description="Who made it.")
    action: str
    changed: list[str] = Field(description=CHANGED)
    title: str
    summary: str | None
    challenge: str | None
    description: str | None
    results: str | None
    lessons: str | None
    what_failed: str | None
    conditions: str | None
    language: str
    translations: list[Translation]
    tags: list[str]
    keywords: list[str]
    resources: list[Resource]
    license: str
    city: CityRef
    partner_cities: list[CityRef]
    implementers: list[Implementer]
    contact: Contact | None = Field(description="For members only; else null.")
    year_start: int | None
    year_end: int | None
    stage: Stage | None
    budget_band: BudgetBand | None
    staff_fte: float | None
    months_to_implement: int | None
    beneficiaries: int | None
    indicators: list[Indicator]
    evidence_level: int | None
    offers: list[str]
    accepting_exchanges: bool
    visibility: str
    last_verified_at: Moment | None
    external_ids: list[ExternalId]
    networks: list[str]
    created_at: Moment
    updated_at: Moment
    published_at: Moment
    diff: VersionDiff | None = Field(description="With `?diff=`; else null.")


class VersionsQuery(Input):
    """A page of versions."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None


class VersionQuery(Input):
    """What to compare a version with."""

    diff: Annotated[int, Field(ge=1, le=2_147_483_647)] | None = Field(
        default=None, description="Another version: tells what differs from that one to this.", examples=[1]
    )
