"""Which part of a search is the filter of which dimension."""

from typing import Any

from app.resources.practices.facets.schemas import SCHEMES
from app.resources.practices.parameters import PracticeFilters

DIMENSIONS = ("country", "language", "stage", "budget_band", "population_band", "network")


def choices(query: PracticeFilters) -> tuple[dict[str, PracticeFilters], PracticeFilters]:
    """The filter of each dimension by itself, and what is left when these are taken away.

    Tags are a filter of their scheme; `any_tag` is one where all its tags are of one scheme.
    """
    own: dict[str, dict[str, Any]] = {
        name: {name: value} for name in DIMENSIONS if (value := getattr(query, name)) is not None
    }
    for tag in query.tag:
        own.setdefault(_scheme(tag), {}).setdefault("tag", []).append(tag)
    widened = {_scheme(tag) for tag in query.any_tag}
    if len(widened) == 1:
        own.setdefault(widened.pop(), {})["any_tag"] = query.any_tag
    taken: dict[str, Any] = {
        name: [] if name in {"tag", "any_tag"} else None for choice in own.values() for name in choice
    }
    return (
        {name: PracticeFilters.model_construct(**choice) for name, choice in own.items()},
        query.model_copy(update=taken),
    )


def _scheme(tag: str) -> str:
    """The scheme of a tag, for the text of a statement: nothing that a client made up gets there."""
    scheme = tag.partition(":")[0]
    return scheme if scheme in SCHEMES else "other"
