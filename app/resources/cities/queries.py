"""Reads of cities: one function, one SQL statement."""

from app.database import Arguments, Statement
from app.documents import columns, moment, same
from app.paging import Key, after, order_by
from app.resources.cities.filters import CURRENT, city_conditions
from app.resources.cities.schemas import CityPublic, CityQuery
from app.search import named

ORDER: tuple[Key, ...] = (Key("c.id", "text"),)
BEST = (Key("c.score", "numeric", descending=True), Key("c.id", "text", descending=True))
DOCUMENT = columns(
    CityPublic,
    {
        **same(
            "c", "id", "name", "names", "kind", "country", "latitude", "longitude", "population", "population_band",
            "roles", "languages", "mandates", "un_locode", "geonames_id", "wikidata_id", "website", "member", "version",
        ),
        "networks": "d.networks",
        "practice_count": "d.practice_count",
        "created_at": moment("c.created_at"),
        "updated_at": moment("c.updated_at"),
    },
)  # fmt: skip
# What a city's document shows beside its own row.
DERIVED = f"""(SELECT
    ARRAY(SELECT m.network_id FROM membership m WHERE m.city_id = c.id AND {CURRENT} ORDER BY m.network_id) AS networks,
    (SELECT count(*) FROM practice p
     WHERE p.city_id = c.id AND p.status = 'published' AND p.visibility = 'public') AS practice_count)"""


def city(id_: str, if_none_match: list[str]) -> Statement:
    """One city: `etag`, `body` (null when the client has it)."""
    return Statement(
        f"""
SELECT e.etag, CASE WHEN e.etag = ANY ($2::text[]) OR '*' = ANY ($2::text[]) THEN NULL
    ELSE (SELECT row_to_json(x)::text FROM (SELECT {DOCUMENT}) x) END AS body
FROM city c CROSS JOIN LATERAL {DERIVED} d
CROSS JOIN LATERAL (SELECT '"' || c.version || '-' || d.practice_count || '.'
                           || left(md5(d.networks::text), 8) || '"' AS etag) e
WHERE c.id = $1""",
        [id_, if_none_match],
    )


def city_page(query: CityQuery, position: list[str] | None) -> Statement:
    """A page of cities, and one more row where there are more: `body`, then the values of the order's keys."""
    arg = Arguments()
    conditions = city_conditions(query, arg)
    names, source, keys = "", "city c", ORDER
    if query.q is not None:
        names = f"WITH {named(query.q, '@', arg)}"
        source, keys = "(SELECT c.*, n.score FROM city c JOIN name n USING (id)) c", BEST
    if position is not None:
        conditions.append(after(keys, position, arg))
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    key_list = ", ".join(f"{key.expression}::text" for key in keys)
    return Statement(
        f"""
{names}
SELECT (SELECT row_to_json(x)::text FROM (SELECT {DOCUMENT}) x) AS body, {key_list}
FROM (SELECT c.* FROM {source} {where} ORDER BY {order_by(keys)} LIMIT {query.limit + 1}) c
CROSS JOIN LATERAL {DERIVED} d
ORDER BY {order_by(keys)}""",
        arg.values,
    )


def writable(id_: str) -> Statement:
    """What a change starts from, the row locked: `version`, and the `fields` as JSON."""
    return Statement("SELECT c.version, row_to_json(c)::text AS fields FROM city c WHERE c.id = $1 FOR UPDATE", [id_])
