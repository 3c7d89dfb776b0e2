"""Wire shapes of practices."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from app.fields import (
    BudgetBand,
    CityId,
    CityRef,
    Count,
    Email,
    Flag,
    HttpUrl,
    Identifier,
    Input,
    Keyword,
    Language,
    LicenceId,
    Markdown,
    Moment,
    Name,
    Note,
    Number,
    Output,
    PracticeStatus,
    Slug,
    Stage,
    Summary,
    TagId,
    Text,
    Title,
    TranslationStatus,
    Unique,
    Unit,
    Year,
)
from app.highlights import MARK, Highlight
from app.resources.practices.examples import EXAMPLE, STEP_EXAMPLE, SUMMARY_EXAMPLE, TOMBSTONE_EXAMPLE, WHOLE_EXAMPLE

Visibility = Annotated[str, Text(90, pattern=r"^(public|members|network:[a-z0-9]+(-[a-z0-9]+)*)$")]
Months = Annotated[int, Field(strict=True, ge=0, le=1200)]
Evidence = Annotated[int, Field(strict=True, ge=0, le=5)]
Staff = Annotated[Number, Field(ge=0, le=1_000_000)]


class Resource(Input):
    """Something to read, watch or use."""

    title: Title
    url: HttpUrl
    kind: Keyword | None = None
    language: Language | None = None


class Implementer(Input):
    """Who carries the practice out."""

    name: Name
    kind: Keyword | None = None


class Contact(Input):
    """A role and a functional mailbox, never a person; members see it."""

    unit: Name | None = None
    email: Email | None = None


class Indicator(Input):
    """A figure with its source."""

    name: Name
    value: Number
    unit: Unit | None = None
    year: Year | None = None
    source_url: HttpUrl | None = None


class ExternalId(Input):
    """The record's identity in another system."""

    scheme: Slug
    value: Identifier
    url: HttpUrl | None = None


def _identities(value: list[ExternalId]) -> list[ExternalId]:
    if len({(entry.scheme, entry.value) for entry in value}) != len(value):
        raise PydanticCustomError("duplicate", "An identity stands in the list twice.")
    return value


ExternalIds = Annotated[list[ExternalId], Field(max_length=20), AfterValidator(_identities)]


def _reference(value: Any) -> Any:
    """A city is named by its id, or by the object that answers show."""
    return value.get("id") if isinstance(value, dict) and set(value) <= {"id", "name", "country"} else value


class _ByReference(Input):
    @model_validator(mode="before")
    @classmethod
    def _cities_by_id(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        given = dict(given)
        if "city" in given and "city_id" not in given:
            given["city_id"] = _reference(given.pop("city"))
        if isinstance(given.get("partner_cities"), list):
            given["partner_cities"] = [_reference(city) for city in given["partner_cities"]]
        return given


class PracticeTexts(Input):
    """What is written in a language, and translated."""

    title: Title
    summary: Summary | None = None
    challenge: Markdown | None = None
    description: Markdown | None = None
    results: Markdown | None = None
    lessons: Markdown | None = None
    what_failed: Markdown | None = None
    conditions: Markdown | None = None


class PracticeFields(_ByReference, PracticeTexts):
    """Everything that a client may write."""

    language: Language = "en"
    tags: Annotated[list[TagId], Field(max_length=50), Unique] = []
    keywords: Annotated[list[Keyword], Field(max_length=30), Unique] = []
    resources: Annotated[list[Resource], Field(max_length=50)] = []
    license: LicenceId = "CC-BY-4.0"
    partner_cities: Annotated[list[CityId], Field(max_length=50), Unique] = []
    implementers: Annotated[list[Implementer], Field(max_length=50)] = []
    contact: Contact | None = None
    year_start: Year | None = None
    year_end: Year | None = None
    stage: Stage | None = None
    budget_band: BudgetBand | None = None
    staff_fte: Staff | None = None
    months_to_implement: Months | None = None
    beneficiaries: Count | None = None
    indicators: Annotated[list[Indicator], Field(max_length=50)] = []
    evidence_level: Evidence | None = None
    offers: Annotated[list[TagId], Field(max_length=20), Unique] = []
    accepting_exchanges: Flag = True
    visibility: Visibility = "public"
    external_ids: ExternalIds = []

    @field_validator("year_end")
    @classmethod
    def _years_in_order(cls, year_end: int | None, given: ValidationInfo) -> int | None:
        year_start = given.data.get("year_start")
        if year_start is not None and year_end is not None and year_end < year_start:
            raise PydanticCustomError("year_order", "year_end lies before year_start.")
        return year_end


class PracticeCreate(PracticeFields):
    """A new practice, as a draft. A city need not say which city: it is its own."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    city_id: CityId | None = Field(default=None, description="The city; also taken as `city`, an id or `{id}`.")


class PracticeUpdate(_ByReference):
    """A merge patch (RFC 7396): what is given is changed, null removes, what is not given stays."""

    model_config = {"json_schema_extra": {"examples": [{"stage": "mainstreamed", "year_end": None}]}}

    title: Title | None = None
    summary: Summary | None = None
    challenge: Markdown | None = None
    description: Markdown | None = None
    results: Markdown | None = None
    lessons: Markdown | None = None
    what_failed: Markdown | None = None
    conditions: Markdown | None = None
    language: Language | None = None
    tags: Annotated[list[TagId], Field(max_length=50), Unique] | None = None
    keywords: Annotated[list[Keyword], Field(max_length=30), Unique] | None = None
    resources: Annotated[list[Resource], Field(max_length=50)] | None = None
    license: LicenceId | None = None
    partner_cities: Annotated[list[CityId], Field(max_length=50), Unique] | None = None
    implementers: Annotated[list[Implementer], Field(max_length=50)] | None = None
    contact: Contact | None = None
    year_start: Year | None = None
    year_end: Year | None = None
    stage: Stage | None = None
    budget_band: BudgetBand | None = None
    staff_fte: Staff | None = None
    months_to_implement: Months | None = None
    beneficiaries: Count | None = None
    indicators: Annotated[list[Indicator], Field(max_length=50)] | None = None
    evidence_level: Evidence | None = None
    offers: Annotated[list[TagId], Field(max_length=20), Unique] | None = None
    accepting_exchanges: Flag | None = None
    visibility: Visibility | None = None
    external_ids: ExternalIds | None = None


class PracticeTransition(Input):
    """A move to another state."""

    model_config = {"json_schema_extra": {"examples": [{"to": "archived"}]}}

    to: PracticeStatus
    note: Note | None = None
    network: Slug | None = Field(default=None, description="To `submitted`: the network that reviews.")
    successor: UUID | None = Field(default=None, description="To `merged`: the record that takes its place.")


class Translation(Output):
    """A language in which the texts can be read."""

    language: str
    status: TranslationStatus


class Endorsement(Output):
    """Who vouches for the practice."""

    organization: str
    comment: str | None
    at: Moment


class Origin(Output):
    """A network that brought the record in."""

    network: str
    external_id: str
    url: str | None
    last_synced_at: Moment


class PracticeSummary(Output):
    """A practice in a list."""

    id: UUID
    title: str
    summary: str | None
    language: str
    tags: list[str]
    keywords: list[str]
    city: CityRef
    year_start: int | None
    year_end: int | None
    stage: Stage | None
    budget_band: BudgetBand | None
    evidence_level: int | None
    offers: list[str]
    accepting_exchanges: bool
    adoption_count: int
    status: PracticeStatus
    visibility: str
    networks: list[str]
    created_at: Moment
    updated_at: Moment
    published_at: datetime | None
    version: int


class FoundPractice(PracticeSummary):
    """A practice in the answer to a search by `q`."""

    model_config = {"json_schema_extra": {"examples": [{**SUMMARY_EXAMPLE, "highlight": [MARK]}]}}

    highlight: list[Highlight] = Field(description="Where the record has what was searched.")


class PracticePublic(Output):
    """A practice, whole."""

    model_config = {"json_schema_extra": {"examples": [WHOLE_EXAMPLE]}}

    id: UUID
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
    adoption_count: int
    status: PracticeStatus
    visibility: str
    endorsements: list[Endorsement]
    last_verified_at: Moment | None
    external_ids: list[ExternalId]
    origins: list[Origin]
    networks: list[str] = Field(description="The networks that brought the record in.")
    successor: UUID | None
    created_at: Moment
    updated_at: Moment
    published_at: Moment | None
    version: int
    allowed_transitions: list[PracticeStatus] = Field(description="What the caller may move it to.")


class PracticePage(Output):
    """A page of practices."""

    model_config = {"json_schema_extra": {"examples": [{"items": [SUMMARY_EXAMPLE], "next_cursor": None}]}}

    items: list[PracticeSummary | FoundPractice]
    next_cursor: str | None


class TransitionPublic(Output):
    """One step in a record's life."""

    id: UUID
    at: Moment
    from_status: str | None = Field(alias="from")
    to: str
    organization: str
    note: str | None
    reason: str | None


class TransitionPage(Output):
    """The timeline, oldest first."""

    model_config = {"json_schema_extra": {"examples": [{"items": [STEP_EXAMPLE], "next_cursor": None}]}}

    items: list[TransitionPublic]
    next_cursor: str | None


class Tombstone(Output):
    """What is left of a withdrawn practice."""

    model_config = {"json_schema_extra": {"examples": [TOMBSTONE_EXAMPLE]}}

    id: UUID
    status: PracticeStatus
    withdrawn_at: Moment
    note: str | None
    successor: UUID | None
