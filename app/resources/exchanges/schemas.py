"""Wire shapes of exchange requests."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.areas import Region
from app.fields import (
    CityId,
    CityRef,
    ClosedReason,
    CostsCovered,
    Country,
    CursorText,
    Day,
    Flag,
    Input,
    Language,
    Markdown,
    Moment,
    MomentIn,
    Note,
    OrganizationId,
    Output,
    PopulationBand,
    RequestKind,
    RequestStatus,
    RequestVisibility,
    Role,
    SearchWords,
    Slug,
    Support,
    TagId,
    Title,
    Unique,
)
from app.highlights import MARK, Highlight
from app.resources.exchanges.examples import EXAMPLE, STEP_EXAMPLE, WHOLE_EXAMPLE

LedTo = Literal["none", "contact", "adoption", "joint_project", "policy_change"]
Tags = Annotated[list[TagId], Field(max_length=50), Unique]
Formats = Annotated[list[TagId], Field(max_length=20), Unique]
Languages = Annotated[list[Language], Field(max_length=20), Unique]
Supports = Annotated[list[Support], Field(max_length=4), Unique]
Organizations = Annotated[list[OrganizationId], Field(max_length=50), Unique]


class Preferred(Input):
    """What kind of city the requester would rather hear from."""

    countries: Annotated[list[Country], Field(max_length=50), Unique] = []
    population_band: PopulationBand | None = None
    roles: Annotated[list[Role], Field(max_length=4), Unique] = []


class ByCity(Input):
    """Takes the city as `city_id`, and as the member `city` that answers have."""

    @model_validator(mode="before")
    @classmethod
    def _city_by_id(cls, given: Any) -> Any:
        if isinstance(given, dict) and "city" in given and "city_id" not in given:
            given = dict(given)
            city = given.pop("city")
            is_reference = isinstance(city, dict) and set(city) <= {"id", "name", "country"}
            given["city_id"] = city.get("id") if is_reference else city
        return given


class RequestFields(ByCity):
    """Everything that a client may write."""

    kind: RequestKind
    title: Title
    need: Markdown
    formats: Formats = []
    already_tried: Markdown | None = None
    expected_result: Markdown | None = None
    support_sought: Supports = []
    language: Language = "en"
    languages: Languages = []
    tags: Tags = []
    practice_id: UUID | None = None
    addressed_to: Organizations = Field(default=[], description="Empty: open to all.")
    preferred: Preferred | None = None
    costs_covered: CostsCovered = "none"
    needed_by: Day | None = None
    expires_at: MomentIn | None = Field(default=None, description="Unsaid: in 90 days; two years at most.")
    visibility: RequestVisibility = "public"

    @model_validator(mode="after")
    def _addressed_to_somebody(self) -> Self:
        if self.visibility == "addressed" and not self.addressed_to:
            raise PydanticCustomError("addressed_to", "A request that only those addressed see must address someone.")
        return self


class RequestCreate(RequestFields):
    """A new exchange request. A city need not say which city: it is its own."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    city_id: CityId | None = Field(default=None, description="The city; also taken as `city`, an id or `{id}`.")


class Outcome(Input):
    """What came of an exchange, as the city that asked says."""

    summary: Markdown
    useful: Annotated[int, Field(strict=True, ge=1, le=5, description="How useful it was, 5 the most.")]
    led_to: LedTo = "none"
    adoption_id: UUID | None = None
    public: Flag = Field(default=False, description="False: for the two sides only.")


class RequestUpdate(ByCity):
    """A merge patch (RFC 7396): what is given is changed, null removes, what is not given stays."""

    model_config = {"json_schema_extra": {"examples": [{"needed_by": "2026-09-30", "costs_covered": "travel"}]}}

    kind: RequestKind | None = None
    title: Title | None = None
    need: Markdown | None = None
    formats: Formats | None = None
    already_tried: Markdown | None = None
    expected_result: Markdown | None = None
    support_sought: Supports | None = None
    language: Language | None = None
    languages: Languages | None = None
    tags: Tags | None = None
    practice_id: UUID | None = None
    addressed_to: Organizations | None = None
    preferred: Preferred | None = None
    costs_covered: CostsCovered | None = None
    needed_by: Day | None = None
    expires_at: MomentIn | None = None
    visibility: RequestVisibility | None = None
    outcome: Outcome | None = Field(default=None, description="Of a completed exchange.")


class RequestTransition(Input):
    """A move to another state."""

    model_config = {"json_schema_extra": {"examples": [{"to": "cancelled", "reason": "fulfilled"}]}}

    to: RequestStatus
    note: Note | None = None
    reason: Note | None = Field(
        default=None,
        description="To `cancelled`: one of fulfilled, no_capacity, no_match, not_relevant, no_longer_needed,"
        " duplicate. From `matched` back to `open`: why, in words.",
    )
    expires_at: MomentIn | None = Field(default=None, description="From `expired` or `unfulfilled` to `open`.")
    outcome: Outcome | None = Field(default=None, description="To `completed`: the owner's; may be given later.")


class RequestPublic(Output):
    """An exchange request."""

    model_config = {"json_schema_extra": {"examples": [WHOLE_EXAMPLE]}}

    id: UUID
    kind: RequestKind
    formats: list[str]
    title: str
    need: str
    already_tried: str | None
    expected_result: str | None
    support_sought: list[Support]
    language: str
    languages: list[str]
    tags: list[str]
    city: CityRef
    practice_id: UUID | None
    addressed_to: list[str]
    preferred: Preferred | None
    costs_covered: CostsCovered
    needed_by: str | None
    expires_at: Moment
    visibility: RequestVisibility
    status: RequestStatus
    closed_reason: ClosedReason | None
    outcome: Outcome | None = Field(description="Null too where it is not public and the caller on neither side.")
    response_count: int = Field(description="Answers of all states.")
    created_at: Moment
    updated_at: Moment
    version: int
    allowed_transitions: list[RequestStatus] = Field(description="What the caller may move it to.")


class FoundRequest(RequestPublic):
    """An exchange request in the answer to a search by `q`."""

    model_config = {"json_schema_extra": {"examples": [{**WHOLE_EXAMPLE, "highlight": [MARK]}]}}

    highlight: list[Highlight] = Field(description="Where the record has what was searched.")


class RequestPage(Output):
    """A page of exchange requests."""

    model_config = {"json_schema_extra": {"examples": [{"items": [WHOLE_EXAMPLE], "next_cursor": None}]}}

    items: list[RequestPublic | FoundRequest]
    next_cursor: str | None


class RequestStep(Output):
    """One step in a request's life."""

    id: UUID
    at: Moment
    from_status: str | None = Field(alias="from")
    to: str
    organization: str
    note: str | None
    reason: str | None


class RequestTimeline(Output):
    """The timeline, oldest first."""

    model_config = {"json_schema_extra": {"examples": [{"items": [STEP_EXAMPLE], "next_cursor": None}]}}

    items: list[RequestStep]
    next_cursor: str | None


class RequestQuery(Input):
    """Filters of the list of exchange requests."""

    q: SearchWords | None = Field(
        default=None,
        description="Words in any language, forgiving of accents and misspelling; the most relevant come first.",
    )
    tag: Annotated[list[TagId], Field(max_length=20)] = Field(default=[], description="All must match; narrower do.")
    kind: RequestKind | None = None
    format: TagId | None = None
    city: CityId | None = None
    network: Slug | None = Field(default=None, description="Of its member cities.")
    region: Region | None = Field(default=None, description="Of the city: a region of the UN's statistics (M49).")
    addressed_to: OrganizationId | None = None
    source: CityId | None = Field(default=None, description="Completed exchanges in which this city helped.")
    target: CityId | None = Field(default=None, description="Completed exchanges in which this city was helped.")
    status: RequestStatus | None = None
    language: Language | None = Field(default=None, description="Written in it, or understood by the city.")
    created_from: Day | None = Field(default=None, description="Begun on this day or later, in UTC.")
    created_to: Day | None = None
    mine: bool | None = Field(default=None, description="The caller's own, and those addressed to it.")
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None


class TimelineQuery(Input):
    """A page of a timeline."""

    limit: Annotated[int, Field(ge=1, le=100)] = 100
    cursor: CursorText | None = None
