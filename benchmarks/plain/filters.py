"""The filters of a search for practices, as ORM conditions."""

from typing import Any

from sqlalchemy import func, literal_column, or_
from sqlalchemy import select as columns
from sqlmodel import col

from app.resources.practices.parameters import PracticeFilters
from benchmarks.plain.tables import City, Membership, Practice

# As the index `plain_search` has it.
ENGLISH: Any = literal_column("'english'::regconfig")
TEXT: Any = func.to_tsvector(ENGLISH, col(Practice.title) + " " + func.coalesce(col(Practice.summary), ""))


def conditions(query: PracticeFilters) -> list[Any]:
    """Everything that a published practice must fulfil."""
    return [
        Practice.status == "published",
        Practice.visibility == "public",
        *_of_practice(query),
        *_of_city(query),
        *_years(query),
        *([TEXT.op("@@")(func.websearch_to_tsquery(ENGLISH, query.q))] if query.q else []),
    ]


def rank(q: str) -> Any:
    """How well a practice fits the words."""
    return func.ts_rank(TEXT, func.websearch_to_tsquery(ENGLISH, q))


def _of_practice(query: PracticeFilters) -> list[Any]:
    found: list[Any] = []
    if query.tag:
        found.append(col(Practice.tag_closure).op("@>")(query.tag))
    if query.any_tag:
        found.append(col(Practice.tag_closure).op("&&")(query.any_tag))
    if query.offers:
        found.append(col(Practice.offers).op("@>")([query.offers]))
    for name in ("language", "stage", "budget_band"):
        value = getattr(query, name)
        if value is not None:
            found.append(getattr(Practice, name) == value)
    if query.evidence_min is not None:
        found.append(col(Practice.evidence_level) >= query.evidence_min)
    if query.updated_since is not None:
        found.append(col(Practice.updated_at) >= query.updated_since)
    return found


def _of_city(query: PracticeFilters) -> list[Any]:
    found: list[Any] = []
    if query.city is not None:
        found.append(Practice.city_id == query.city)
    for name in ("country", "population_band"):
        value = getattr(query, name)
        if value is not None:
            found.append(col(Practice.city_id).in_(columns(col(City.id)).where(getattr(City, name) == value)))
    for name, value in (("roles", query.role), ("mandates", query.mandate)):
        if value is not None:
            having = columns(col(City.id)).where(getattr(City, name).op("@>")([value]))
            found.append(col(Practice.city_id).in_(having))
    if query.network:
        members = columns(col(Membership.city_id)).where(col(Membership.network_id) == query.network)
        brought = col(Practice.networks).op("@>")([query.network])
        found.append(or_(brought, col(Practice.city_id).in_(members)))
    return found


def _years(query: PracticeFilters) -> list[Any]:
    found: list[Any] = []
    if query.year_from is not None:
        found.append(func.coalesce(Practice.year_end, Practice.year_start) >= query.year_from)
    if query.year_to is not None:
        found.append(func.coalesce(Practice.year_start, Practice.year_end) <= query.year_to)
    return found
