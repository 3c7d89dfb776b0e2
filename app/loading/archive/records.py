"""The shapes of an export's lines: what a client may write, and what the exchange itself keeps beside it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from app.fields import (
    CityId,
    CityKind,
    ClosedReason,
    CostsCovered,
    Count,
    Country,
    Day,
    Email,
    Flag,
    HttpUrl,
    Identifier,
    Input,
    Language,
    Latitude,
    Longitude,
    Mandate,
    Markdown,
    MembershipRole,
    MomentIn,
    Name,
    Note,
    OrganizationId,
    PopulationBand,
    PracticeStatus,
    RequestKind,
    RequestStatus,
    RequestVisibility,
    ResponseStatus,
    ReviewPolicy,
    Role,
    Scheme,
    Slug,
    Support,
    TagId,
    Text,
    Title,
    TranslationStatus,
)
from app.resources.adoptions.schemas import AdoptionFields
from app.resources.exchanges.schemas import Outcome
from app.resources.export.parts import PARTS
from app.resources.practices.schemas import PracticeFields, PracticeTexts

Version = Annotated[int, Field(strict=True, ge=1, le=2_000_000_000)]
Serial = Annotated[int, Field(strict=True, ge=1, le=2_000_000_000)]
Words = Annotated[str, Text(200)]
TextName = Literal[*PracticeTexts.model_fields]  # type: ignore[valid-type]  # the names are those of the texts


def _outcome(given: dict[str, Any]) -> dict[str, Any]:
    Outcome.model_validate(given)
    return given


class _Versioned(Input):
    created_at: MomentIn
    updated_at: MomentIn
    version: Version


class Step(Input):
    """One step of a timeline."""

    id: UUID
    from_status: Words | None
    to_status: Words
    organization: Words
    client_id: Words | None
    note: Note | None
    reason: Note | None
    at: MomentIn


class TagLine(_Versioned):
    """A tag, with the crosswalk."""

    id: TagId
    scheme: Scheme
    code: Annotated[str, Text(100)]
    label: Annotated[str, Text(300)]
    labels: dict[Language, Annotated[str, Text(300)]]
    synonyms: dict[Language, list[Name]]
    broader: TagId | None
    position: Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
    created_by: Words | None
    related: list[TagId]


class NetworkLine(_Versioned):
    """A network."""

    id: Slug
    name: Name
    abbreviation: Name | None
    kind: Slug
    website: HttpUrl | None
    founded: Annotated[int, Field(strict=True, ge=1800, le=2100)] | None
    scope: Name | None
    description: Note | None
    review_policy: ReviewPolicy


class CityLine(_Versioned):
    """A city."""

    id: CityId
    name: Name
    names: dict[Language, Name]
    kind: CityKind
    country: Country
    latitude: Latitude | None
    longitude: Longitude | None
    population: Count | None
    roles: list[Role]
    languages: list[Language]
    mandates: list[Mandate]
    un_locode: Annotated[str, Text(5)] | None
    geonames_id: Serial | None
    wikidata_id: Annotated[str, Text(20)] | None
    website: HttpUrl | None
    member: Flag


class MembershipLine(Input):
    """A city in a network."""

    network_id: Slug
    city_id: CityId
    role: MembershipRole
    since: Day | None
    until: Day | None
    version: Version
    updated_at: MomentIn


class OriginEntry(Input):
    """A network that brought the record in."""

    network_id: Slug
    external_id: Identifier
    url: HttpUrl | None
    last_synced_at: MomentIn
    linked: Flag


class TranslationEntry(Input):
    """The texts in another language."""

    language: Language
    status: TranslationStatus
    texts: dict[TextName, Markdown]
    updated_at: MomentIn


class EndorsementEntry(Input):
    """Who vouches for the practice."""

    organization: OrganizationId
    comment: Note | None
    at: MomentIn


class _Content(PracticeFields):
    """What a version says, as far as it is shown."""

    model_config = ConfigDict(extra="ignore")

    id: UUID
    city_id: CityId
    status: PracticeStatus
    networks: list[Slug]
    translations: dict[Language, dict[Literal["status", *PracticeTexts.model_fields], Markdown]]  # type: ignore[valid-type]  # as TextName
    last_verified_at: MomentIn | None
    created_at: MomentIn
    updated_at: MomentIn
    published_at: MomentIn | None


def _content(given: dict[str, Any]) -> dict[str, Any]:
    _Content.model_validate(given)
    return given


class VersionEntry(Input):
    """What the practice was while it was published, before a change took its place."""

    version: Version
    visibility: Words
    content: Annotated[dict[str, Any], AfterValidator(_content)]
    updated_at: MomentIn


class PracticeLine(PracticeFields, _Versioned):
    """A practice with all that hangs on it."""

    contact: None = None
    id: UUID
    city_id: CityId
    contact_unit: Name | None
    contact_email: Email | None
    adoption_count: Count
    status: PracticeStatus
    submitted_to: Slug | None
    networks: list[Slug]
    claimed: Flag
    last_verified_at: MomentIn | None
    successor: UUID | None
    closed_note: Note | None
    published_at: MomentIn | None
    listed_at: MomentIn
    origins: list[OriginEntry]
    translations: list[TranslationEntry]
    endorsements: list[EndorsementEntry]
    versions: list[VersionEntry]
    timeline: list[Step]


class RequestLine(_Versioned):
    """An exchange request."""

    id: UUID
    kind: RequestKind
    formats: list[TagId]
    title: Title
    need: Markdown
    already_tried: Markdown | None
    expected_result: Markdown | None
    support_sought: list[Support]
    language: Language
    languages: list[Language]
    tags: list[TagId]
    city_id: CityId
    practice_id: UUID | None
    addressed_to: list[OrganizationId]
    preferred_countries: list[Country]
    preferred_population_band: PopulationBand | None
    preferred_roles: list[Role]
    costs_covered: CostsCovered
    needed_by: Day | None
    expires_at: MomentIn
    visibility: RequestVisibility
    status: RequestStatus
    closed_reason: ClosedReason | None
    closed_note: Note | None
    outcome: Annotated[dict[str, Any], AfterValidator(_outcome)] | None
    response_count: Count
    external_id: Identifier | None
    warned_of: MomentIn | None
    warned_days: Annotated[int, Field(strict=True, ge=0, le=1000)] | None
    timeline: list[Step]


class ResponseLine(_Versioned):
    """An answer to a request."""

    id: UUID
    request_id: UUID
    city_id: CityId
    practice_id: UUID | None
    message: Markdown | None
    status: ResponseStatus
    decline_reason: Note | None
    timeline: list[Step]


class MessageLine(Input):
    """What one side wrote to the other."""

    id: UUID
    response_id: UUID
    city_id: CityId
    body: Markdown
    created_at: MomentIn


class AdoptionLine(AdoptionFields, _Versioned):
    """Who took over a practice."""

    id: UUID
    practice_id: UUID
    practice_version: Version
    city_id: CityId
    confirmed_by_origin: Flag


LINES: Mapping[str, type[Input]] = {
    "tag": TagLine,
    "network": NetworkLine,
    "city": CityLine,
    "membership": MembershipLine,
    "practice": PracticeLine,
    "exchange_request": RequestLine,
    "response": ResponseLine,
    "message": MessageLine,
    "adoption": AdoptionLine,
}
# What no line has: a practice's contact lies in two members of its own.
UNUSED = {"practice": {"contact"}}


def check_shapes() -> None:
    """Raise TypeError where an export has members that could not be taken back, or the other way round."""
    for part in PARTS:
        known = set(LINES[part.name].model_fields) - UNUSED.get(part.name, set())
        if differing := known ^ {*part.columns, *part.children}:
            message = f"The lines of {part.name} and their shape differ in {sorted(differing)}."
            raise TypeError(message)


check_shapes()
