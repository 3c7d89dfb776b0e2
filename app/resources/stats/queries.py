"""Reads of statistics and reports: one statement each, under the sight of the caller."""

from app.answers import median, offers_of_help
from app.areas import COUNTRIES, PRACTICE_OF_NETWORK, in_network, in_region
from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import city_ref
from app.periods import in_days
from app.resources.stats.schemas import StatsQuery
from app.visibility import practice_visible, request_visible

REPORTED = ("gcm", "gcr", "sdg")
EVERY = "*"  # no tag is called so
MOST_FLOWS = 500
ENDED = "('completed', 'cancelled', 'expired', 'unfulfilled')"


def practices(caller: Caller, query: StatsQuery, arg: Arguments) -> str:
    """The conditions on a practice `p` of a report; those of the list of practices with the same filters."""
    conditions = ["p.status = 'published'", practice_visible(caller, arg)]
    if query.network:
        conditions.append(PRACTICE_OF_NETWORK.format(arg(query.network)))
    if query.region:
        conditions.append(in_region("p.city_id", query.region, arg))
    if query.city:
        conditions.append(f"p.city_id = {arg(query.city)}")
    return " AND ".join([*conditions, *in_days("p.published_at", query.from_, query.to, arg)])


def requests(caller: Caller, query: StatsQuery, arg: Arguments) -> str:
    """The conditions on an exchange request `r`; those of the list of requests."""
    return " AND ".join([request_visible(caller, arg), *_of_city("r", query, arg)])


def adoptions(caller: Caller, query: StatsQuery, arg: Arguments) -> str:
    """The conditions on an adoption `a` of a practice `p`; those of the list of adoptions."""
    return " AND ".join([practice_visible(caller, arg), *_of_city("a", query, arg)])


def report(caller: Caller, query: StatsQuery) -> Statement:
    """One row: `body`, the counts of each kind by tag and by country, and the labels of the tags."""
    arg = Arguments()
    kinds = {
        "practices": ("practice p", "p", "p.city_id", practices(caller, query, arg)),
        "exchange_requests": ("exchange_request r", "r", "r.city_id", requests(caller, query, arg)),
        "adoptions": (
            "adoption a JOIN practice p ON p.id = a.practice_id", "p", "a.city_id", adoptions(caller, query, arg),
        ),
    }  # fmt: skip
    # Each record goes once through one hash, by all of its tags and by EVERY; what is told is added up from there.
    counted = ",\n".join(
        f"{kind} AS MATERIALIZED (SELECT t.tag, c.country, count(*) AS n FROM {source} JOIN city c ON c.id = {city}"
        f" CROSS JOIN LATERAL unnest({tags}.tag_closure || '{EVERY}'::text) AS t (tag) WHERE {conditions}"
        " GROUP BY t.tag, c.country)"
        for kind, (source, tags, city, conditions) in kinds.items()
    )
    schemes = ", ".join(f"'{scheme}'" for scheme in REPORTED)
    members = ", ".join(f"'{kind}', {_counted(kind)}" for kind in kinds)
    return Statement(
        f"""
WITH {counted}
SELECT json_build_object({members}, 'tags', (
    SELECT coalesce(json_agg(json_build_array(t.id, t.scheme, t.label) ORDER BY t.scheme, t.position, t.id), '[]')
    FROM tag t WHERE t.scheme IN ({schemes})))::text AS body""",
        arg.values,
    )


def stats(caller: Caller, query: StatsQuery) -> Statement:
    """One row: `body`, the statistics but the moment they were made."""
    arg = Arguments()
    of_practices = practices(caller, query, arg)
    of_requests = requests(caller, query, arg)
    of_adoptions = adoptions(caller, query, arg)
    of_cities = " AND ".join(["TRUE", *_places("c.id", query, arg)])
    seen = request_visible(caller, arg)
    of_answers = " AND ".join([*_of_city("s", query, arg), "TRUE"])
    # An adoption counts for its exchange whenever, and by whichever of the two cities, it was recorded.
    adopted = f"""SELECT a.exchange_request_id FROM adoption a JOIN practice p ON p.id = a.practice_id
        WHERE a.exchange_request_id IS NOT NULL AND {practice_visible(caller, arg)}"""
    return Statement(
        f"""
WITH practice_of AS MATERIALIZED (
    SELECT p.city_id, count(*) AS n FROM practice p WHERE {of_practices} GROUP BY p.city_id),
request_of AS MATERIALIZED (
    SELECT r.id, r.kind, r.status, r.city_id, r.created_at, f.at AS answered_at, m.city_id AS match_id
    FROM exchange_request r
    LEFT JOIN LATERAL (SELECT min(s.created_at) AS at FROM response s WHERE s.request_id = r.id) f ON TRUE
    LEFT JOIN response m ON m.request_id = r.id AND m.status = 'accepted' WHERE {of_requests}),
adoption_of AS MATERIALIZED (
    SELECT a.stage, a.confirmed_by_origin, p.city_id AS source, a.city_id AS target
    FROM adoption a JOIN practice p ON p.id = a.practice_id WHERE {of_adoptions}),
flow AS (
    SELECT source, target, sum(exchanges) AS exchanges, sum(adoptions) AS adoptions FROM (
        SELECT CASE kind WHEN 'seek' THEN match_id ELSE city_id END AS source,
               CASE kind WHEN 'seek' THEN city_id ELSE match_id END AS target, 1 AS exchanges, 0 AS adoptions
        FROM request_of WHERE status = 'completed' AND match_id IS NOT NULL
        UNION ALL SELECT source, target, 0, 1 FROM adoption_of) f
    GROUP BY 1, 2 ORDER BY sum(exchanges) + sum(adoptions) DESC, 1, 2 LIMIT {MOST_FLOWS})
SELECT json_build_object(
    'cities', (SELECT json_build_object(
        'total', count(*), 'members', count(*) FILTER (WHERE c.member), 'countries', count(DISTINCT c.country),
        'with_practices', (SELECT count(*) FROM practice_of)) FROM city c WHERE {of_cities}),
    'networks', (SELECT count(*) FROM network),
    'practices', json_build_object('published', (SELECT coalesce(sum(n), 0) FROM practice_of), 'adopted', (
        SELECT count(*) FROM practice p WHERE p.id IN (SELECT practice_id FROM adoption) AND {of_practices})),
    'exchange_requests', (SELECT json_build_object(
        'total', count(*),
        'by_kind', (SELECT coalesce(json_object_agg(kind, n), '{{}}') FROM (
            SELECT kind, count(*) AS n FROM request_of GROUP BY kind ORDER BY kind) k),
        'by_status', (SELECT coalesce(json_object_agg(status, n), '{{}}') FROM (
            SELECT status, count(*) AS n FROM request_of GROUP BY status ORDER BY status) k),
        'answered', count(answered_at),
        'median_hours_to_first_answer', {median("extract(epoch FROM answered_at - created_at) / 3600")},
        'completion_rate', round(count(*) FILTER (WHERE status = 'completed')
            / nullif(count(*) FILTER (WHERE status IN {ENDED}), 0)::numeric, 3),
        'adoption_rate', round(count(*) FILTER (WHERE status = 'completed'
                AND id IN ({adopted}))
            / nullif(count(*) FILTER (WHERE status = 'completed'), 0)::numeric, 3)) FROM request_of),
    'adoptions', (SELECT json_build_object(
        'total', count(*),
        'by_stage', (SELECT coalesce(json_object_agg(stage, n), '{{}}') FROM (
            SELECT stage, count(*) AS n FROM adoption_of GROUP BY stage ORDER BY stage) k),
        'confirmed', count(*) FILTER (WHERE confirmed_by_origin)) FROM adoption_of),
    'answers_given', (SELECT json_build_object('requests', count(*), 'median_hours', {median("hours")})
                      FROM ({offers_of_help(seen, of_answers)}) o),
    'flows', (SELECT coalesce(json_agg(json_build_object(
        'source', {city_ref("s")}, 'target', {city_ref("t")}, 'exchanges', f.exchanges, 'adoptions', f.adoptions)
        ORDER BY f.exchanges + f.adoptions DESC, f.source, f.target), '[]')
        FROM flow f JOIN city s ON s.id = f.source JOIN city t ON t.id = f.target))::text AS body""",
        arg.values,
    )


def places(ids: list[str]) -> Statement:
    """Rows: `id`, `name`, `latitude` and `longitude` of these cities, as far as their positions are known."""
    return Statement(
        "SELECT id, name, latitude, longitude FROM city WHERE id = ANY ($1::text[]) AND latitude IS NOT NULL", [ids]
    )


def _counted(kind: str) -> str:
    by_tag = f"SELECT tag, sum(n) AS n FROM {kind} GROUP BY tag"
    by_country = f"SELECT country, n FROM {kind} WHERE tag = '{EVERY}'"
    return (
        f"json_build_object('total', (SELECT coalesce(sum(n), 0) FROM ({by_country}) b),"
        f" 'by_tag', (SELECT coalesce(json_object_agg(tag, n), '{{}}') FROM ({by_tag}) b),"
        f" 'by_country', (SELECT coalesce(json_object_agg(country, n), '{{}}') FROM ({by_country}) b))"
    )


def _places(city_id: str, query: StatsQuery, arg: Arguments) -> list[str]:
    conditions = []
    if query.network:
        conditions.append(in_network(city_id, query.network, arg))
    if query.region:
        conditions.append(in_region(city_id, query.region, arg))
    if query.city:
        conditions.append(f"{city_id} = {arg(query.city)}")
    return conditions


def _of_city(alias: str, query: StatsQuery, arg: Arguments) -> list[str]:
    return [*_places(f"{alias}.city_id", query, arg), *in_days(f"{alias}.created_at", query.from_, query.to, arg)]


REGION_OF = {country: region for region, countries in COUNTRIES.items() for country in countries}
