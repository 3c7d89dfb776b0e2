"""The shapes that files hold, beside those of practices: cities, networks, tags, exchange requests."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, model_validator

from app.areas import KnownCountry
from app.fields import (
    CityId,
    CityKind,
    ClosedReason,
    CostsCovered,
    Country,
    Day,
    HttpUrl,
    Identifier,
    Input,
    Language,
    Latitude,
    Longitude,
    Mandate,
    Markdown,
    MomentIn,
    Name,
    Note,
    OrganizationId,
    PopulationBand,
    RequestKind,
    RequestStatus,
    RequestVisibility,
    ReviewPolicy,
    Role,
    Scheme,
    Slug,
    Support,
    TagId,
    Text,
    Title,
    Unique,
)

# What files and answers tell beside what is stored: derived, or kept in the file for its readers.
BESIDE_CITY = frozenset(
    {"name_local", "timezone", "population_year", "population_source", "population_band", "roles_source_url"}
    | {"network_sources", "founder", "evidence", "practice_count", "member", "created_at", "updated_at", "version"}
)
BESIDE_NETWORK = frozenset(
    {"founded_source_url", "source_url", "city_count", "practice_count", "created_at", "updated_at", "version"}
)
BESIDE_TAG = frozenset(
    {"narrower", "practice_count", "created_by", "created_at", "updated_at", "version", "number", "kind"}
)
BESIDE_REQUEST = frozenset(
    {"city", "illustrative", "response_count", "closed_note", "allowed_transitions"}
    | {"created_at", "updated_at", "version"}
)
EXAMPLE_NOTE = "Illustrative example: no city has made this request."


class CityRecord(Input):
    """A city."""

    id: CityId
    name: Name
    names: dict[Language, Name] = {}
    kind: CityKind = "city"
    country: KnownCountry
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    population: Annotated[int, Field(strict=True, ge=0, le=2_000_000_000)] | None = None
    roles: Annotated[list[Role], Unique] = []
    languages: Annotated[list[Language], Unique] = []
    mandates: Annotated[list[Mandate], Unique] = []
    un_locode: Annotated[str, Text(5)] | None = None
    geonames_id: Annotated[int, Field(strict=True, ge=1, le=2_000_000_000)] | None = None
    wikidata_id: Annotated[str, Text(20)] | None = None
    website: HttpUrl | None = None
    networks: Annotated[list[Slug], Unique] = []

    @model_validator(mode="before")
    @classmethod
    def _with_local_name(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        record = {name: value for name, value in given.items() if name not in BESIDE_CITY}
        languages, names = record.get("languages"), record.get("names") or {}
        local = given.get("name_local")
        if local and isinstance(languages, list) and languages and isinstance(names, dict):
            record["names"] = {languages[0]: local} | names
        return record


class NetworkRecord(Input):
    """A network."""

    id: Slug
    name: Name
    abbreviation: Name | None = None
    kind: Slug = "city-network"
    website: HttpUrl | None = None
    founded: Annotated[int, Field(strict=True, ge=1800, le=2100)] | None = None
    scope: Name | None = None
    description: Note | None = None
    review_policy: ReviewPolicy = "self_publish"

    @model_validator(mode="before")
    @classmethod
    def _stored(cls, given: Any) -> Any:
        return _without(given, BESIDE_NETWORK)


class TagRecord(Input):
    """A tag."""

    id: TagId
    scheme: Scheme
    code: Annotated[str, Text(100)]
    label: Annotated[str, Text(300)]
    labels: dict[Language, Annotated[str, Text(300)]] = {}
    synonyms: dict[Language, list[Name]] = {}
    broader: TagId | None = None
    related: Annotated[list[TagId], Unique] = []
    position: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 0

    @model_validator(mode="before")
    @classmethod
    def _stored(cls, given: Any) -> Any:
        record = _without(given, BESIDE_TAG)
        if isinstance(record, dict) and isinstance(record.get("synonyms"), list):
            record["synonyms"] = {"en": record["synonyms"]} if record["synonyms"] else {}
        return record


class Preferred(Input):
    """Whom a request is best for."""

    countries: Annotated[list[Country], Unique] = []
    population_band: PopulationBand | None = None
    roles: Annotated[list[Role], Unique] = []


class RequestRecord(Input):
    """An exchange request."""

    id: UUID | None = None
    external_id: Identifier | None = None
    kind: RequestKind
    formats: Annotated[list[TagId], Field(max_length=20), Unique] = []
    title: Title
    need: Markdown
    already_tried: Markdown | None = None
    expected_result: Markdown | None = None
    support_sought: Annotated[list[Support], Unique] = []
    language: Language = "en"
    languages: Annotated[list[Language], Unique] = []
    tags: Annotated[list[TagId], Field(max_length=50), Unique] = []
    city_id: CityId
    practice_id: UUID | None = None
    practice_external_id: Identifier | None = None
    addressed_to: Annotated[list[OrganizationId], Field(max_length=20), Unique] = []
    preferred: Preferred = Preferred()
    costs_covered: CostsCovered = "none"
    needed_by: Day | date | None = None
    expires_at: MomentIn | datetime | None = None
    visibility: RequestVisibility = "public"
    status: RequestStatus = "open"
    closed_reason: ClosedReason | None = None
    outcome: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_file(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        record = _without(given, BESIDE_REQUEST)
        city = given.get("city")
        record.setdefault("city_id", city.get("id") if isinstance(city, dict) else city)
        if "description" in record:
            record.setdefault("need", record.pop("description"))
        if to_city := record.pop("to_city_id", None):
            record.setdefault("addressed_to", [f"city:{to_city}"])
        record["tags"] = [*(record.get("tags") or []), *(tag for tag, _ in bare_codes(record))]
        record["formats"] = [_format(code) for code in record.get("formats") or []]
        if given.get("illustrative") is True:
            tried = record.get("already_tried")
            record["already_tried"] = f"{tried}\n\n{EXAMPLE_NOTE}" if tried else EXAMPLE_NOTE
        return record


def bare_codes(record: dict[str, Any]) -> list[tuple[str, str]]:
    """Take the members with bare codes out of a record; gives the tags they stand for, each with its member."""
    tags = []
    for member, scheme in (("themes", "theme"), ("target_groups", "group"), ("gcm_objectives", "gcm")):
        codes = record.pop(member, None)
        if codes is not None and not isinstance(codes, list):
            codes = [codes]
        tags += [(code if ":" in str(code) else f"{scheme}:{code}", member) for code in codes or []]
    return tags


def _format(code: Any) -> Any:
    return code if not isinstance(code, str) or ":" in code else f"format:{code}"


def _without(given: Any, names: frozenset[str]) -> Any:
    return {name: value for name, value in given.items() if name not in names} if isinstance(given, dict) else given
