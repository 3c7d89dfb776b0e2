"""Matches of an open request in one statement: a bounded number of candidates, each scored with its reasons.

The score is the sum of its parts, each a share of what the request asks for:
tags (0.45): the weight of the request's tags that the other has (or has narrower ones of), a rare tag weighing more;
related tags (0.10): the same for tags that the crosswalk names for the request's own, where these are not shared;
formats (0.15) that the other offers; a common language (0.10); the population band that is preferred, or else the
request's own (0.05); roles that are preferred, or else its own (0.05); mandates (0.03); a preferred country (0.02);
answered requests (0.05): the share of five.
"""

from uuid import UUID

from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import city_ref
from app.likeness import RARITY, shared
from app.resources.exchanges.matches.schemas import MatchQuery
from app.visibility import practice_visible, request_visible

# So many candidates are heard for each tag, and so many of the newest.
HEARD = 300


def matches(caller: Caller, id_: UUID, query: MatchQuery) -> Statement:
    """One row: `body`; none: the caller does not see the request. What is not open has no matches.

    An open `seek` is matched with practices that accept exchanges and their cities; an `offer` with open `seek`
    requests of others that are not addressed to others.
    """
    arg = Arguments(id_)
    seen = request_visible(caller, arg)
    listed = (
        "p.status = 'published' AND p.accepting_exchanges AND p.city_id <> this.city_id"
        f" AND this.kind = 'seek' AND {practice_visible(caller, arg)}"
    )
    sought = (
        "r.status = 'open' AND r.kind = 'seek' AND this.kind = 'offer' AND r.city_id <> this.city_id"
        f" AND (r.addressed_to = '{{}}' OR r.addressed_to @> ARRAY['city:' || this.city_id]) AND ({seen})"
    )
    chosen = f"WHERE type = {arg(query.type)}" if query.type else ""
    return Statement(
        f"""
WITH asked AS (SELECT r.status FROM exchange_request r WHERE r.id = $1 AND {seen}),
this AS MATERIALIZED (
    SELECT r.kind, r.city_id, r.tags, r.formats, r.preferred_countries AS countries,
           ARRAY(SELECT DISTINCT l FROM unnest(r.languages || r.language) AS l) AS languages,
           coalesce(r.preferred_population_band, c.population_band) AS band,
           CASE WHEN r.preferred_roles <> '{{}}' THEN r.preferred_roles ELSE c.roles END AS roles, c.mandates
    FROM exchange_request r JOIN city c ON c.id = r.city_id WHERE r.id = $1 AND r.status = 'open' AND {seen}),
{RARITY},
wanted AS MATERIALIZED (
    SELECT w.tag, w.is_own, coalesce(r.weight, u.weight + 0.1) AS weight
    FROM (SELECT tag, bool_or(is_own) AS is_own FROM (
              SELECT unnest(tags) AS tag, true AS is_own FROM this
              UNION SELECT t.related_id, false FROM this JOIN tag_relation t ON t.tag_id = ANY (this.tags)) a
          GROUP BY tag) w CROSS JOIN unseen u LEFT JOIN rarity r USING (tag)),
total AS (SELECT nullif(sum(weight) FILTER (WHERE is_own), 0) AS own,
                 nullif(sum(weight) FILTER (WHERE NOT is_own), 0) AS related FROM wanted),
heard AS MATERIALIZED (
    SELECT p.id FROM wanted w CROSS JOIN this CROSS JOIN LATERAL (
        SELECT p.id FROM practice p WHERE p.tag_closure @> ARRAY[w.tag] AND {listed} LIMIT {HEARD}) p
    UNION SELECT p.id FROM this CROSS JOIN LATERAL (
        SELECT p.id FROM practice p WHERE {listed} ORDER BY p.listed_at DESC, p.id DESC LIMIT {HEARD}) p),
others AS MATERIALIZED (
    SELECT o.id FROM this CROSS JOIN LATERAL (
        SELECT r.id FROM exchange_request r WHERE {sought} ORDER BY r.created_at DESC, r.id DESC LIMIT {2 * HEARD}) o),
candidate AS MATERIALIZED (
    SELECT 'practice' AS type, p.id::text AS id, p.title, p.city_id, p.tag_closure AS tags, p.offers AS formats,
           ARRAY[p.language] AS languages
    FROM heard JOIN practice p USING (id)
    UNION ALL
    SELECT 'city', c.id, c.name, c.id, array_agg(DISTINCT tag), array_agg(DISTINCT format),
           array_agg(DISTINCT p.language)
    FROM heard JOIN practice p USING (id) JOIN city c ON c.id = p.city_id
    LEFT JOIN LATERAL unnest(p.tag_closure) AS tag ON TRUE LEFT JOIN LATERAL unnest(p.offers) AS format ON TRUE
    GROUP BY c.id
    UNION ALL
    SELECT 'exchange_request', o.id::text, o.title, o.city_id, o.tag_closure, o.formats, o.languages || o.language
    FROM others JOIN exchange_request o USING (id)),
answered AS MATERIALIZED (
    SELECT s.city_id, count(*) AS requests,
           round(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.created_at - r.created_at)) / 3600)
           AS hours
    FROM response s JOIN exchange_request r ON r.id = s.request_id
    WHERE s.city_id IN (SELECT city_id FROM candidate) GROUP BY s.city_id),
-- Ended by OFFSET 0: what follows is reckoned once for each candidate.
alike AS (
    SELECT n.type, n.id, n.title, {city_ref("c")} AS city, x.*, t.own, t.own_weight, t.related, t.related_weight,
           a.requests, a.hours, cardinality(this.formats) AS asked_formats, cardinality(this.roles) AS asked_roles,
           cardinality(this.mandates) AS asked_mandates
    FROM candidate n JOIN city c ON c.id = n.city_id CROSS JOIN this LEFT JOIN answered a ON a.city_id = n.city_id
    CROSS JOIN LATERAL (
        SELECT array_agg(tag ORDER BY weight DESC, tag) FILTER (WHERE is_own) AS own,
               sum(weight) FILTER (WHERE is_own) AS own_weight,
               array_agg(tag ORDER BY weight DESC, tag) FILTER (WHERE NOT is_own) AS related,
               sum(weight) FILTER (WHERE NOT is_own) AS related_weight
        FROM wanted WHERE tag = ANY (n.tags)) t
    CROSS JOIN LATERAL (
        SELECT {shared("n.formats", "this.formats")} AS formats,
               {shared("n.languages || c.languages", "this.languages")} AS languages,
               CASE WHEN c.population_band = this.band THEN ARRAY[this.band] END AS band,
               {shared("c.roles", "this.roles")} AS roles, {shared("c.mandates", "this.mandates")} AS mandates,
               CASE WHEN c.country = ANY (this.countries) THEN ARRAY[c.country] END AS country) x
    WHERE t.own IS NOT NULL OR t.related IS NOT NULL OR x.formats <> '{{}}' OFFSET 0),
reasoned AS (
    SELECT a.type, a.id, a.title, a.city, r.reasons, r.score
    FROM alike a CROSS JOIN total CROSS JOIN LATERAL (
        SELECT json_agg(json_build_object('kind', kind, 'values', given, 'score', part) ORDER BY part DESC, place)
               AS reasons, sum(part) AS score
        FROM (SELECT place, kind, given, round(raw::numeric, 4) AS part FROM (VALUES
            (1, 'tags', a.own, 0.45 * a.own_weight / total.own),
            (2, 'related_tags', a.related, 0.10 * a.related_weight / total.related),
            (3, 'formats', a.formats, 0.15 * cardinality(a.formats) / nullif(a.asked_formats, 0)::float),
            (4, 'languages', a.languages, CASE WHEN a.languages <> '{{}}' THEN 0.10 END),
            (5, 'population_band', a.band, CASE WHEN a.band IS NOT NULL THEN 0.05 END),
            (6, 'roles', a.roles, 0.05 * cardinality(a.roles) / nullif(a.asked_roles, 0)::float),
            (7, 'mandates', a.mandates, 0.03 * cardinality(a.mandates) / nullif(a.asked_mandates, 0)::float),
            (8, 'country', a.country, CASE WHEN a.country IS NOT NULL THEN 0.02 END),
            (9, 'answered', ARRAY[a.requests || ' requests', 'median ' || a.hours || ' hours'],
                0.05 * least(coalesce(a.requests, 0), 5) / 5.0)) AS v (place, kind, given, raw)) parts
        WHERE part > 0) r)
SELECT json_build_object('items', (
    SELECT coalesce(json_agg(d ORDER BY d.score DESC, d.type DESC, d.id), '[]')
    FROM (SELECT type, id, title, city, score, reasons FROM reasoned {chosen}
          ORDER BY score DESC, type DESC, id LIMIT {query.limit}) d), 'next_cursor', NULL)::text AS body
FROM asked""",
        arg.values,
    )
