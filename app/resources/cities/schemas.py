"""Wire shapes of cities."""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from app.areas import KnownCountry
from app.fields import (
    CityId,
    CityKind,
    Count,
    Country,
    CursorText,
    Flag,
    HttpUrl,
    Input,
    Language,
    Mandate,
    Moment,
    Name,
    Output,
    PopulationBand,
    Role,
    SearchWords,
    Slug,
    Text,
    Unique,
)
from app.resources.cities.examples import CHANGE, CITY, NEW_CITY

DEFAULT_RADIUS = 100.0
MOST_LATITUDE, MOST_LONGITUDE = 90, 180
HALF_POSITION = "latitude and longitude are given together or not at all."
NUMBER = r"-?\d{1,3}(\.\d{1,12})?"

Latitude = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-90, le=90)]
Longitude = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-180, le=180)]
Roles = Annotated[list[Role], Field(max_length=4), Unique]
Languages = Annotated[list[Language], Field(max_length=50), Unique]
Mandates = Annotated[list[Mandate], Field(max_length=8), Unique]
Locode = Annotated[str, Text(5, pattern=r"^[A-Z]{2}[A-Z0-9]{3}$")]
GeonamesId = Annotated[int, Field(strict=True, ge=1, le=2_000_000_000)]
WikidataId = Annotated[str, Text(20, pattern=r"^Q[1-9][0-9]*$")]


def numbers(value: str) -> list[float]:
    """The numbers of a parameter such as `45.5,-73.6`."""
    return [float(part) for part in value.split(",")]


def _position(value: str) -> str:
    latitude, longitude = numbers(value)
    _check_position(latitude, longitude)
    return value


def _box(value: str) -> str:
    west, south, east, north = numbers(value)
    _check_position(south, west)
    _check_position(north, east)
    if south > north:
        raise PydanticCustomError("bbox_order", "The box is west,south,east,north; its south lies north of its north.")
    return value


def _check_position(latitude: float, longitude: float) -> None:
    if abs(latitude) > MOST_LATITUDE:
        raise PydanticCustomError("latitude", "A latitude lies between -90 and 90.")
    if abs(longitude) > MOST_LONGITUDE:
        raise PydanticCustomError("longitude", "A longitude lies between -180 and 180.")


Position = Annotated[str, Text(60, pattern=f"^{NUMBER},{NUMBER}$"), AfterValidator(_position)]
Box = Annotated[str, Text(120, pattern=f"^{NUMBER},{NUMBER},{NUMBER},{NUMBER}$"), AfterValidator(_box)]


class CityCreate(Input):
    """A new city; without an `id` it gets one from its country and its name."""

    model_config = {"json_schema_extra": {"examples": [NEW_CITY]}}

    id: CityId | None = Field(default=None, description="Country, dash, slug; never changes.")
    name: Name
    names: Annotated[dict[Language, Name], Field(max_length=200)] = {}
    kind: CityKind = "city"
    country: KnownCountry
    latitude: Latitude | None = None
    longitude: Longitude | None = Field(default=None, validate_default=True)
    population: Count | None = None
    roles: Roles = []
    languages: Languages = []
    mandates: Mandates = []
    un_locode: Locode | None = None
    geonames_id: GeonamesId | None = None
    wikidata_id: WikidataId | None = None
    website: HttpUrl | None = None

    @field_validator("country")
    @classmethod
    def _of_the_id(cls, value: str, given: ValidationInfo) -> str:
        id_ = given.data.get("id")
        if id_ is not None and not id_.startswith(f"{value.lower()}-"):
            raise PydanticCustomError("id_country", "The id begins with the country, in lower case, and a dash.")
        return value

    @field_validator("longitude")
    @classmethod
    def _both(cls, value: float | None, given: ValidationInfo) -> float | None:
        if "latitude" in given.data and (value is None) != (given.data["latitude"] is None):
            raise PydanticCustomError("position", HALF_POSITION)
        return value


class CityUpdate(Input):
    """A merge patch (RFC 7396): what is given is changed, null removes, what is not given stays."""

    model_config = {"json_schema_extra": {"examples": [CHANGE]}}

    name: Name | None = None
    names: Annotated[dict[Language, Name | None], Field(max_length=200)] | None = None
    kind: CityKind | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    population: Count | None = None
    roles: Roles | None = None
    languages: Languages | None = None
    mandates: Mandates | None = None
    un_locode: Locode | None = None
    geonames_id: GeonamesId | None = None
    wikidata_id: WikidataId | None = None
    website: HttpUrl | None = None
    member: Flag | None = Field(default=None, description="Whether it has joined the exchange; the operator says so.")

    @field_validator("name")
    @classmethod
    def _named(cls, value: str | None) -> str | None:
        if value is None:
            raise PydanticCustomError("missing", "A city has a name.")
        return value


class CityPublic(Output):
    """A local or regional government."""

    model_config = {"json_schema_extra": {"examples": [CITY]}}

    id: str
    name: str
    names: dict[str, str]
    kind: CityKind
    country: str
    latitude: float | None
    longitude: float | None
    population: int | None
    population_band: PopulationBand | None
    roles: list[Role]
    languages: list[str]
    mandates: list[Mandate]
    un_locode: str | None
    geonames_id: int | None
    wikidata_id: str | None
    website: str | None
    member: bool = Field(description="Whether it has joined the exchange.")
    networks: list[str] = Field(description="The networks that it belongs to now.")
    practice_count: int = Field(description="Its published public practices.")
    created_at: Moment
    updated_at: Moment
    version: int


class CityPage(Output):
    """A page of cities."""

    model_config = {"json_schema_extra": {"examples": [{"items": [CITY], "next_cursor": None}]}}

    items: list[CityPublic]
    next_cursor: str | None


class CityQuery(Input):
    """Filters of the list of cities."""

    q: SearchWords | None = Field(
        default=None, description="Names in all languages, also the country's; forgiving of accents and misspelling."
    )
    country: Country | None = None
    role: Annotated[list[Role], Field(max_length=4)] = Field(default=[], description="All must match.")
    network: Slug | None = Field(default=None, description="Members of it now.")
    member: bool | None = Field(default=None, description="Whether the city has joined the exchange.")
    population_band: PopulationBand | None = None
    mandate: Mandate | None = None
    near: Position | None = Field(default=None, description="`latitude,longitude` in degrees.")
    radius_km: Annotated[float, Field(gt=0, le=20_000, allow_inf_nan=False)] | None = Field(
        default=None, description="How far from `near`; unsaid: 100."
    )
    bbox: Box | None = Field(
        default=None,
        description="`west,south,east,north` in degrees; west may lie east of east: over the antimeridian.",
    )
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None

    @field_validator("radius_km")
    @classmethod
    def _around_something(cls, value: float | None, given: ValidationInfo) -> float | None:
        if value is not None and "near" in given.data and given.data["near"] is None:
            raise PydanticCustomError("radius", "radius_km needs near.")
        return value
