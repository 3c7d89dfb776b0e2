"""Facets of a search, in one statement.

Each dimension is counted without its own filter, so that a person can widen a search as well as narrow it; what is not
known about a record is counted under null. Published records are counted by bitmaps, and one by one where they have
changed since these were made; records in other states always one by one.
"""

from collections.abc import Iterator, Mapping

from app.areas import CURRENT_MEMBER
from app.caller import Caller
from app.database import Arguments, Statement
from app.resources.practices.facets.bitmaps import CHANGED, NONE, met
from app.resources.practices.facets.choices import choices
from app.resources.practices.facets.schemas import SCHEMES, Facets
from app.resources.practices.filters import choice_conditions, search_conditions, standing
from app.resources.practices.parameters import PracticeFilters
from app.search import PRACTICES, Question, found_ids, nearest, understood

# A dimension's filter has its name; the expression gives the record's value.
SINGLE = {
    "country": "c.country",
    "language": "p.language",
    "stage": "p.stage",
    "budget_band": "p.budget_band",
    "population_band": "c.population_band",
}
OF_CITY = ("country", "population_band")
OF_RECORD = ("language", "stage", "budget_band")
# Most records were brought in by nobody: their networks are their city's, which are put together once for each city.
NETWORKS = """CASE WHEN p.networks = '{}' THEN coalesce(o.networks, '{}')
    ELSE ARRAY(SELECT unnest(p.networks) UNION SELECT unnest(o.networks)) END"""
OF_CITIES = f"""SELECT m.city_id, array_agg(DISTINCT m.network_id) AS networks FROM membership m
    WHERE {CURRENT_MEMBER} GROUP BY m.city_id"""
TAGGED = "ARRAY(SELECT DISTINCT split_part(tag, ':', 1) FROM unnest(p.tag_closure) AS tag)"
# Sets are long: they are counted, or put together segment by segment, before anything is sorted or grouped.
MEMBER_CITIES = f"SELECT m.city_id FROM membership m WHERE {CURRENT_MEMBER}"
BY_CITY = """
by_city AS MATERIALIZED (
    SELECT name, city, sum(count) AS count FROM (
        SELECT m.name, b.value AS city, bit_count(b.bits & m.bits) AS count
        FROM facet_bits b JOIN met m ON m.segment = b.segment WHERE b.kind = 'city' AND m.name IN ({names}) OFFSET 0) c
    GROUP BY name, city)"""


def facets(caller: Caller, query: PracticeFilters) -> Statement:
    """One row: `body`, the facets of the records that the caller would find."""
    arg = Arguments()
    own, rest = choices(query)
    conditions, searched, found = search_conditions(caller, rest, arg), "", ""
    if query.q is not None:
        seen = " AND ".join(standing(caller, rest, arg))
        searched = f"{understood(Question.of(query.q), arg)}, {nearest(PRACTICES, seen)},"
        searched += f"found AS MATERIALIZED ({found_ids(PRACTICES)}),"
        found = "SELECT * FROM found"
        conditions.append(f"p.id IN ({found})")
    conditions_of = {name: " AND ".join(choice_conditions(choice, arg)) for name, choice in own.items()}
    counts = [*_one_by_one(conditions_of)]
    ahead = [f"of_city AS MATERIALIZED ({OF_CITIES})"]
    if query.status in {None, "published"}:
        names = ", ".join({f"'{_name(dimension, own)}'" for dimension in (*OF_CITY, "network")})
        ahead += [CHANGED, met(caller, own, rest, found, arg), BY_CITY.format(names=names)]
        conditions.append("p.id IN (SELECT practice_id FROM dirty)")
        counts += _by_bitmaps(own)
    ahead.append(_hits(conditions, conditions_of))
    return Statement(
        f"""
WITH {searched} {",".join(ahead)},
counted AS MATERIALIZED (
    SELECT dimension, value, sum(count)::bigint AS count FROM ({" UNION ALL ".join(counts)}) x (dimension, value, count)
    GROUP BY dimension, value HAVING sum(count) > 0)
SELECT json_build_object({", ".join(_members())})::text AS body""",
        arg.values,
    )


def _hits(conditions: list[str], own: Mapping[str, str]) -> str:
    """The CTE of the records to be counted one by one, each with whether it meets the filter of each dimension."""
    flags = "".join(f', coalesce({condition}, FALSE) AS "met {name}"' for name, condition in own.items())
    values = ", ".join(f"{expression} AS {name}" for name, expression in SINGLE.items())
    return f"""
hit AS MATERIALIZED (
    SELECT p.tag_closure, {TAGGED} AS schemes, {NETWORKS} AS networks, {values}{flags}
    FROM practice p JOIN city c ON c.id = p.city_id
    LEFT JOIN of_city o ON o.city_id = p.city_id WHERE {" AND ".join(conditions)})"""


def _one_by_one(own: Mapping[str, str]) -> Iterator[str]:
    """Counts of `hit`: SELECTs of the dimension, the value and how many."""
    yield f"SELECT 'total', NULL, count(*) FROM hit{_where(own)}"
    for name in SINGLE:
        yield f"SELECT '{name}', {name}, count(*) FROM hit{_where(own, name)} GROUP BY 2"
    yield f"""SELECT 'network', network, count(*) FROM hit LEFT JOIN LATERAL unnest(hit.networks) AS network ON TRUE
        {_where(own, "network")} GROUP BY 2"""
    of_schemes = [f"""("met {name}" OR starts_with(tag, '{name}:'))""" for name in own if name in SCHEMES]
    others = [f'"met {name}"' for name in own if name not in SCHEMES]
    yield f"""SELECT split_part(tag, ':', 1), tag, count(*) FROM hit CROSS JOIN LATERAL unnest(hit.tag_closure) AS tag
        WHERE {" AND ".join([*of_schemes, *others]) or "TRUE"} GROUP BY tag"""
    for scheme in SCHEMES:
        untagged = " AND ".join([f"'{scheme}' <> ALL (schemes)", *_flags(own, scheme)])
        yield f"SELECT '{scheme}', NULL, count(*) FROM hit WHERE {untagged}"


def _by_bitmaps(own: Mapping[str, PracticeFilters]) -> Iterator[str]:
    """Counts of `met`, likewise."""
    yield "SELECT 'total', NULL, sum(bit_count(bits)) FROM met WHERE name = ''"
    names = ", ".join(f"'{name}'" for name in own) or "''"
    # Tags are of the dimension of their scheme; a record without any is in the set `untagged` of the scheme.
    yield f"""SELECT dimension, shown, sum(count) FROM (
        SELECT b.dimension, b.shown, bit_count(b.bits & m.bits) AS count FROM (
            SELECT CASE kind WHEN 'tag' THEN split_part(value, ':', 1) WHEN 'untagged' THEN value ELSE kind END
                       AS dimension,
                   CASE kind WHEN 'untagged' THEN NULL ELSE nullif(value, '') END AS shown, segment, bits
            FROM facet_bits WHERE kind IN ('tag', 'untagged', '{"', '".join(OF_RECORD)}')) b
        JOIN met m ON m.segment = b.segment AND m.name = CASE WHEN b.dimension IN ({names}) THEN b.dimension ELSE '' END
        OFFSET 0) b
    GROUP BY 1, 2"""
    for name in OF_CITY:
        yield f"""SELECT '{name}', c.{name}, sum(b.count) FROM by_city b JOIN city c ON c.id = b.city
            WHERE b.name = '{_name(name, own)}' GROUP BY 2"""
    yield from _networks(_name("network", own))


def _networks(name: str) -> Iterator[str]:
    """Counts by network: a network's are the records of its cities, and those that it brought in from others."""
    yield f"""SELECT 'network', m.network_id, sum(b.count) FROM by_city b JOIN membership m ON m.city_id = b.city
        WHERE {CURRENT_MEMBER} AND b.name = '{name}' GROUP BY 2"""
    brought = "FROM facet_bits b JOIN met m ON m.segment = b.segment"
    bits = f"""m.bits & b.bits & ~coalesce((SELECT bit_or(c.bits) FROM facet_bits c
        WHERE c.kind = 'city' AND c.segment = b.segment AND c.value IN ({MEMBER_CITIES} AND {{}})), {NONE})"""
    yield f"""SELECT 'network', network, sum(count) FROM (
        SELECT b.value AS network, bit_count({bits.format("m.network_id = b.value")}) AS count {brought}
        WHERE b.kind = 'brought' AND m.name = '{name}' OFFSET 0) n GROUP BY 2"""
    # Of no network: all but those of cities that are in any, and those that any brought in from other cities.
    yield f"SELECT 'network', NULL, sum(bit_count(bits)) FROM met WHERE name = '{name}'"
    yield f"""SELECT 'network', NULL, -sum(b.count) FROM by_city b
        WHERE b.name = '{name}' AND b.city IN ({MEMBER_CITIES})"""
    of_any = """(SELECT x.segment, (SELECT bit_or(o.bits) FROM facet_bits o
        WHERE o.kind = 'brought' AND o.segment = x.segment) AS bits
        FROM (SELECT DISTINCT segment FROM facet_bits WHERE kind = 'brought') x)"""
    yield f"""SELECT 'network', NULL, -sum(bit_count({bits.format("TRUE")}))
        FROM {of_any} b JOIN met m ON m.segment = b.segment WHERE m.name = '{name}'"""


def _members() -> Iterator[str]:
    """The members of the answer, in the order of the read model."""
    for name in Facets.model_fields:
        if name == "total":
            yield "'total', coalesce((SELECT count FROM counted WHERE dimension = 'total'), 0)"
        elif name == "schemes":
            schemes = ", ".join(f"'{scheme}', {_listed(scheme)}" for scheme in SCHEMES)
            yield f"'schemes', json_build_object({schemes})"
        else:
            yield f"'{name}', {_listed(name)}"


def _listed(dimension: str) -> str:
    return (
        "(SELECT coalesce(json_agg(json_build_object('value', value, 'count', count)"
        f" ORDER BY count DESC, value), '[]') FROM counted WHERE dimension = '{dimension}')"
    )


def _name(dimension: str, own: Mapping[str, PracticeFilters]) -> str:
    return dimension if dimension in own else ""


def _flags(own: Mapping[str, str], without: str = "") -> list[str]:
    return [f'"met {name}"' for name in own if name != without]


def _where(own: Mapping[str, str], without: str = "") -> str:
    flags = _flags(own, without)
    return f" WHERE {' AND '.join(flags)}" if flags else ""
