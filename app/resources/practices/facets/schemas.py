"""Wire shapes of facets."""

from typing import Any, get_args

from pydantic import Field

from app.fields import Output, Scheme

SCHEMES: tuple[str, ...] = get_args(Scheme)
COUNT = {"value": "theme:housing", "count": 12}
UNKNOWN = {"value": None, "count": 3}
EXAMPLE: dict[str, Any] = {
    "total": 15,
    "schemes": {**{scheme: [] for scheme in SCHEMES}, "theme": [COUNT, UNKNOWN]},
    "country": [{"value": "CA", "count": 15}],
    "language": [{"value": "fr", "count": 9}, {"value": "en", "count": 6}],
    "network": [{"value": "mmc", "count": 15}],
    "stage": [{"value": "ongoing", "count": 12}, UNKNOWN],
    "budget_band": [{"value": None, "count": 15}],
    "population_band": [{"value": "l", "count": 15}],
}


class FacetCount(Output):
    """How many records have a value."""

    value: str | None = Field(description="Null: not known.")
    count: int


class Facets(Output):
    """Counts by each dimension; the most frequent first."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    total: int = Field(description="Records that meet all filters.")
    schemes: dict[Scheme, list[FacetCount]] = Field(
        description="By tags; a tag counts its narrower ones. Null: no tag of the scheme."
    )
    country: list[FacetCount]
    language: list[FacetCount]
    network: list[FacetCount] = Field(description="Null: of no network.")
    stage: list[FacetCount]
    budget_band: list[FacetCount]
    population_band: list[FacetCount]
