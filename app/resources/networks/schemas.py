"""Wire shapes of networks and memberships."""

from datetime import date
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from app.fields import (
    CityRef,
    CursorText,
    Day,
    HttpUrl,
    Input,
    MembershipRole,
    Moment,
    Name,
    Note,
    Output,
    ReviewPolicy,
    Slug,
)
from app.resources.networks.examples import MEMBERSHIP, MEMBERSHIP_IN, NETWORK, NEW_NETWORK

Founded = Annotated[int, Field(strict=True, ge=1800, le=2100)]


class NetworkCreate(Input):
    """A new network."""

    model_config = {"json_schema_extra": {"examples": [NEW_NETWORK]}}

    id: Slug = Field(description="Never changes.")
    name: Name
    abbreviation: Name | None = None
    kind: Slug = Field(default="city-network", description="Such as `city-network`, `fund`, `programme`, `hub`.")
    website: HttpUrl | None = None
    founded: Founded | None = None
    scope: Name | None = Field(default=None, description="Such as `global`, or a region.")
    description: Note | None = None
    review_policy: ReviewPolicy = Field(
        default="self_publish", description="Whether the practices that it brings in are reviewed before publication."
    )


class NetworkUpdate(Input):
    """A merge patch (RFC 7396): what is given is changed, null removes, what is not given stays."""

    model_config = {"json_schema_extra": {"examples": [{"review_policy": "review"}]}}

    name: Name | None = None
    abbreviation: Name | None = None
    kind: Slug | None = None
    website: HttpUrl | None = None
    founded: Founded | None = None
    scope: Name | None = None
    description: Note | None = None
    review_policy: ReviewPolicy | None = None

    @field_validator("name")
    @classmethod
    def _named(cls, value: str | None) -> str | None:
        if value is None:
            raise PydanticCustomError("missing", "A network has a name.")
        return value


class NetworkPublic(Output):
    """A network, fund, programme or hub that cities belong to."""

    model_config = {"json_schema_extra": {"examples": [NETWORK]}}

    id: str
    name: str
    abbreviation: str | None
    kind: str
    website: str | None
    founded: int | None
    scope: str | None
    description: str | None
    review_policy: ReviewPolicy
    city_count: int = Field(description="The cities that belong to it now.")
    created_at: Moment
    updated_at: Moment
    version: int


class NetworkPage(Output):
    """A page of networks."""

    model_config = {"json_schema_extra": {"examples": [{"items": [NETWORK], "next_cursor": None}]}}

    items: list[NetworkPublic]
    next_cursor: str | None


class NetworkQuery(Input):
    """Filters of the list of networks."""

    kind: Slug | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None


class MembershipPut(Input):
    """A city's membership, whole: what is left out has its default."""

    model_config = {"json_schema_extra": {"examples": [MEMBERSHIP_IN]}}

    role: MembershipRole = "member"
    since: Day | None = None
    until: Day | None = Field(default=None, description="Its last day; null while it goes on.")

    @field_validator("until")
    @classmethod
    def _in_order(cls, value: date | None, given: ValidationInfo) -> date | None:
        since = given.data.get("since")
        if value is not None and since is not None and value < since:
            raise PydanticCustomError("day_order", "until lies before since.")
        return value


class MembershipPublic(Output):
    """A city in a network."""

    model_config = {"json_schema_extra": {"examples": [MEMBERSHIP]}}

    network: str
    city: CityRef
    role: MembershipRole
    since: date | None
    until: date | None
    updated_at: Moment
    version: int


class MembershipPage(Output):
    """A page of memberships."""

    model_config = {"json_schema_extra": {"examples": [{"items": [MEMBERSHIP], "next_cursor": None}]}}

    items: list[MembershipPublic]
    next_cursor: str | None


class MembershipQuery(Input):
    """Filters of a network's cities."""

    role: MembershipRole | None = None
    current: bool | None = Field(default=None, description="Whether the membership goes on today.")
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None
