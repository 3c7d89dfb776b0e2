"""Facets of a search: how many records each further choice would give, in one statement.

Each dimension is counted without its own filter, so that a person can widen a search as well as narrow it; what is not
known about a record is counted under null.
"""

from typing import Any, get_args

from pydantic import Field

from app.areas import CURRENT_MEMBER
from app.caller import Caller
from app.database import Arguments, Statement
from app.fields import Output, Scheme
from app.resources.practices.filters import choice_conditions, search_conditions, standing
from app.resources.practices.parameters import PracticeFilters
from app.search import PRACTICES, Question, is_found, nearest, understood

SCHEMES: tuple[str, ...] = get_args(Scheme)
# A dimension's filter has its name; the expression gives the record's value.
SINGLE = {
    "country": "c.country",
    "language": "p.language",
    "stage": "p.stage",
    "budget_band": "p.budget_band",
    "population_band": "c.population_band",
}
# Most records were brought in by nobody: their networks are their city's, which are put together once for each city.
NETWORKS = """CASE WHEN p.networks = '{}' THEN coalesce(o.networks, '{}')
    ELSE ARRAY(SELECT unnest(p.networks) UNION SELECT unnest(o.networks)) END"""
OF_CITIES = f"""SELECT m.city_id, array_agg(DISTINCT m.network_id) AS networks FROM membership m
    WHERE {CURRENT_MEMBER} GROUP BY m.city_id"""
TAGGED = "ARRAY(SELECT DISTINCT split_part(tag, ':', 1) FROM unnest(p.tag_closure) AS tag)"
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


def facets(caller: Caller, query: PracticeFilters) -> Statement:
    """One row: `body`, the facets of the records that the caller would find."""
    arg = Arguments()
    own, rest = _choices(query)
    met = {name: " AND ".join(choice_conditions(choice, arg)) for name, choice in own.items()}
    flags = "".join(f', coalesce({condition}, FALSE) AS "met {name}"' for name, condition in met.items())
    values = ", ".join(f"{expression} AS {name}" for name, expression in SINGLE.items())
    members = [f"'total', (SELECT count(*) FROM hit{_where(met)})", f"'schemes', {_schemes(met)}"]
    members += [f"'{name}', {_listed(name, f'hit{_where(met, name)}')}" for name in SINGLE]
    networks = f"hit LEFT JOIN LATERAL unnest(hit.networks) AS network ON TRUE{_where(met, 'network')}"
    members.append(f"'network', {_listed('network', networks)}")
    order = ", ".join(sorted(members, key=_place))
    conditions, searched = search_conditions(caller, rest, arg), ""
    if query.q is not None:
        seen = " AND ".join(standing(caller, rest, arg))
        searched = f"{understood(Question.of(query.q), arg)}, {nearest(PRACTICES, seen)},"
        conditions.append(is_found(PRACTICES))
    return Statement(
        f"""
WITH {searched} of_city AS MATERIALIZED ({OF_CITIES}),
hit AS MATERIALIZED (
    SELECT p.tag_closure, {TAGGED} AS schemes, {NETWORKS} AS networks, {values}{flags}
    FROM practice p JOIN city c ON c.id = p.city_id
    LEFT JOIN of_city o ON o.city_id = p.city_id WHERE {" AND ".join(conditions)})
SELECT json_build_object({order})::text AS body""",
        arg.values,
    )


def _choices(query: PracticeFilters) -> tuple[dict[str, PracticeFilters], PracticeFilters]:
    """The filter of each dimension by itself, and what is left when these are taken away.

    Tags are a filter of their scheme; `any_tag` is one where all its tags are of one scheme.
    """
    own: dict[str, dict[str, Any]] = {
        name: {name: value} for name in (*SINGLE, "network") if (value := getattr(query, name)) is not None
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


def _flags(met: dict[str, str], without: str = "") -> list[str]:
    return [f'"met {name}"' for name in met if name != without]


def _where(met: dict[str, str], without: str = "") -> str:
    flags = _flags(met, without)
    return f" WHERE {' AND '.join(flags)}" if flags else ""


def _listed(value: str, source: str) -> str:
    return (
        "(SELECT coalesce(json_agg(json_build_object('value', value, 'count', count)"
        " ORDER BY count DESC, value), '[]')"
        f" FROM (SELECT {value} AS value, count(*) FROM {source} GROUP BY 1) v)"
    )


def _schemes(met: dict[str, str]) -> str:
    """Counts by scheme and tag; a scheme's own filter is passed over where its tags are counted."""
    own = [f"""("met {name}" OR starts_with(tag, '{name}:'))""" for name in met if name in SCHEMES]
    others = [f'"met {name}"' for name in met if name not in SCHEMES]
    untagged = ", ".join(_untagged(scheme, _flags(met, scheme)) for scheme in SCHEMES)
    values = ", ".join(f"""('{scheme}', u."{scheme}")""" for scheme in SCHEMES)
    return f"""(SELECT json_object_agg(w.scheme, w.counts) FROM (
    SELECT v.scheme, coalesce(json_agg(json_build_object('value', v.tag, 'count', v.count)
           ORDER BY v.count DESC, v.tag) FILTER (WHERE v.count > 0), '[]') AS counts
    FROM (SELECT split_part(tag, ':', 1) AS scheme, tag, count(*)
          FROM hit CROSS JOIN LATERAL unnest(hit.tag_closure) AS tag
          WHERE {" AND ".join([*own, *others]) or "TRUE"} GROUP BY tag
          UNION ALL
          SELECT x.scheme, NULL, x.count FROM (SELECT {untagged} FROM hit) u
          CROSS JOIN LATERAL (VALUES {values}) AS x (scheme, count)) v
    GROUP BY v.scheme) w)"""


def _untagged(scheme: str, flags: list[str]) -> str:
    conditions = " AND ".join([f"'{scheme}' <> ALL (schemes)", *flags])
    return f'count(*) FILTER (WHERE {conditions}) AS "{scheme}"'


def _place(member: str) -> int:
    return list(Facets.model_fields).index(member.split("'")[1])
