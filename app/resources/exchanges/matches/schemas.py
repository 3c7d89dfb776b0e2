"""Wire shapes of matches."""

from typing import Annotated, Any, Literal

from pydantic import Field

from app.fields import CityRef, Input, Output

MatchType = Literal["practice", "city", "exchange_request"]
ReasonKind = Literal[
    "tags", "related_tags", "formats", "languages", "population_band", "roles", "mandates", "country", "answered"
]
EXAMPLE: dict[str, Any] = {
    "type": "practice",
    "id": "01a0c45f-1200-7c3d-ba41-18d8c17a6cf9",
    "title": "Municipal identity card for every resident",
    "city": {"id": "ca-montreal", "name": "Montréal", "country": "CA"},
    "score": 0.61,
    "reasons": [
        {"kind": "tags", "values": ["theme:municipal-id"], "score": 0.45},
        {"kind": "languages", "values": ["en"], "score": 0.1},
        {"kind": "mandates", "values": ["registration"], "score": 0.03},
        {"kind": "answered", "values": ["3 requests", "median 20 hours"], "score": 0.03},
    ],
}


class MatchQuery(Input):
    """How many, and which."""

    type: MatchType | None = None
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class MatchReason(Output):
    """What the two have in common; both records show it."""

    kind: ReasonKind = Field(
        description="`tags`: of the request, which the other has or has narrower ones of; `related_tags`: which the"
        " crosswalk names for one of the request's; `answered`: requests that the city has offered to help with, as"
        " far as the caller sees them, and how fast; `/v1/stats?city=` tells the same in `answers_given`."
    )
    values: list[str]
    score: float = Field(description="Its part of the whole score.")


class Match(Output):
    """Something that fits the request."""

    type: MatchType
    id: str = Field(description="Of the practice, the city, or the request.")
    title: str = Field(description="Of the practice or the request; the name of the city.")
    city: CityRef
    score: float = Field(description="From 0 to 1: the sum of the reasons' scores.")
    reasons: list[MatchReason]


class MatchPage(Output):
    """What fits best, ranked; no further pages."""

    model_config = {"json_schema_extra": {"examples": [{"items": [EXAMPLE], "next_cursor": None}]}}

    items: list[Match]
    next_cursor: None = Field(description="Always null: these are the best.")
