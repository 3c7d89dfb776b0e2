"""Wire shapes of the feed."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from app.fields import CityId, Country, CursorText, Input, Moment, OrganizationId, Output, Slug, TagId

RecordType = Literal["practice", "city", "network", "tag", "exchange_request", "adoption"]

EXAMPLE: dict[str, Any] = {
    "items": [
        {
            "type": "practice",
            "id": "01936a3e-9f00-7c3a-8d4e-2f6b1a9c0d7e",
            "op": "delete",
            "version": 4,
            "changed_at": "2026-03-01T09:30:00.000Z",
            "origin": "city:ca-montreal",
            "reason": "withdrawn",
            "successor": None,
            "data": None,
        }
    ],
    "next_cursor": "kZ0T…",
    "has_more": False,
}


class Change(Output):
    """A record as it is now, or that it is gone."""

    type: RecordType
    id: str
    op: Literal["upsert", "delete"]
    version: int
    changed_at: Moment
    origin: str | None = Field(description="The organization that made the change.")
    reason: str | None = Field(description="Of a delete: `withdrawn`, `archived`, `merged`, `deleted`, `not_matching`.")
    successor: str | None = Field(description="The record that takes the place of a merged one.")
    data: dict[str, Any] | None = Field(description="The public document; null when it is gone.")


class ChangePage(Output):
    """Changes in the order of the feed; follow `next_cursor` for ever."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    items: list[Change]
    next_cursor: str
    has_more: bool = Field(description="False: everything acknowledged before this request has been served.")


def _each_once(types: list[RecordType]) -> list[RecordType]:
    return list(dict.fromkeys(types))


class ChangeFilters(Input):
    """Which records a copy holds; a record that ceases to match is a delete."""

    type: Annotated[list[RecordType], Field(max_length=20), AfterValidator(_each_once)] = []
    network: Slug | None = None
    city: CityId | None = None
    country: Country | None = None
    tag: Annotated[list[TagId], Field(max_length=20)] = []
    exclude_origin: OrganizationId | None = Field(default=None, description="Leaves out what this organization wrote.")


class ChangeQuery(ChangeFilters):
    """Where to go on, and how much at once."""

    cursor: CursorText | None = Field(default=None, description="Unsaid: from the beginning.")
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    wait: Annotated[int, Field(ge=0, le=30)] = Field(default=0, description="Seconds to wait for a change.")
