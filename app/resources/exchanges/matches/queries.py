"""Matches of an open request in one statement: a bounded number of candidates, each scored with its reasons.

The score is the sum of its parts, each a share of what the request asks for:
tags (0.45): the weight of the request's tags that the other has (or has narrower ones of), a rare tag weighing more;
related tags (0.10): the same for tags that the crosswalk names for the request's own, where these are not its own;
formats (0.15) that the other offers; a common language (0.10); the population band that is preferred, or else the
request's own (0.05); roles that are preferred, or else its own (0.05); mandates (0.03); a preferred country (0.02);
answered requests (0.05): the share of five.

The weight of a tag is ln(1 + N / (1 + n)): of the newest N public practices, 1000 at most, n have it or a narrower one.
"""

from uuid import UUID

from app.answers import median, offers_of_help
from app.areas import CURRENT_MEMBER
from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import city_ref
from app.likeness import RARITY, shared
from app.resources.exchanges.matches.schemas import MatchQuery
from app.visibility import practice_visible, request_owned, request_visible

# So many candidates are heard for each set of tags that is looked for, and so many of the newest. Sets are the rarest
# tags of the request one by one, two at a time, and all of them: who has much in common is not lost among the many who
# have one tag. Of what is only related fewer are heard.
HEARD, RELATED_HEARD = 100, 20
RAREST, RAREST_PAIRED, RELATED = 10, 5, 15


def matches(caller: Caller, id_: UUID, query: MatchQuery) -> Statement:
    """One row: `body`; none: the caller does not see the request. What is not open has no matches.

    An open `seek` is matched with practices that accept exchanges and their cities; an `offer` with open `seek`
    requests. Whoever could not answer, because the one or the other is addressed to others, is left out, and for the
    caller who sees the answers so is a city whose answers to this request have all been declined or withdrawn.
    """
    arg = Arguments(id_)
    seen = request_visible(caller, arg)
    listed = (
        "p.status = 'published' AND p.accepting_exchanges AND p.city_id <> ALL (this.left_out)"
        " AND (NOT this.is_addressed OR p.city_id = ANY (this.addressed))"
        f" AND this.kind = 'seek' AND {practice_visible(caller, arg)}"
    )
    sought = (
        "r.status = 'open' AND r.kind = 'seek' AND this.kind = 'offer' AND r.city_id <> ALL (this.left_out)"
        " AND (NOT this.is_addressed OR r.city_id = ANY (this.addressed))"
        f" AND (r.addressed_to = '{{}}' OR r.addressed_to && this.organizations) AND ({seen})"
    )
    newest = "ORDER BY p.listed_at DESC, p.id DESC"
    chosen = f"WHERE type = {arg(query.type)}" if query.type else ""
    given = offers_of_help(seen, "s.city_id IN (SELECT city_id FROM candidate)")
    return Statement(
        f"""
WITH asked AS (SELECT r.status FROM exchange_request r WHERE r.id = $1 AND {seen}),
this AS MATERIALIZED (
    SELECT r.kind, r.tags, r.formats, r.preferred_countries AS countries,
           ARRAY(SELECT DISTINCT l FROM unnest(r.languages || r.language) AS l) AS languages,
           coalesce(r.preferred_population_band, c.population_band) AS band,
           CASE WHEN r.preferred_roles <> '{{}}' THEN r.preferred_roles ELSE c.roles END AS roles, c.mandates,
           r.addressed_to <> '{{}}' AS is_addressed,
           ARRAY(SELECT substr(a, 6) FROM unnest(r.addressed_to) AS a WHERE a LIKE 'city:%'
                 UNION SELECT m.city_id FROM membership m
                 WHERE 'network:' || m.network_id = ANY (r.addressed_to) AND {CURRENT_MEMBER}) AS addressed,
           ARRAY(SELECT 'network:' || m.network_id FROM membership m WHERE m.city_id = r.city_id AND {CURRENT_MEMBER})
               || ('city:' || r.city_id) AS organizations,
           ARRAY(SELECT s.city_id FROM response s WHERE s.request_id = r.id AND {request_owned(caller, arg)}
                 GROUP BY s.city_id HAVING bool_and(s.status IN ('declined', 'withdrawn'))) || r.city_id AS left_out
    FROM exchange_request r JOIN city c ON c.id = r.city_id WHERE r.id = $1 AND r.status = 'open' AND {seen}),
{RARITY},
wanted AS MATERIALIZED (
    SELECT w.tag, w.is_own, coalesce(r.weight, greatest(u.weight, ln(2))) AS weight
    FROM (SELECT tag, bool_or(is_own) AS is_own FROM (
              SELECT unnest(tags) AS tag, true AS is_own FROM this
              UNION SELECT t.related_id, false FROM this JOIN tag_relation t ON t.tag_id = ANY (this.tags)) a
          GROUP BY tag) w CROSS JOIN unseen u LEFT JOIN rarity r USING (tag)),
total AS MATERIALIZED (SELECT nullif(sum(weight) FILTER (WHERE is_own), 0) AS own,
                              nullif(sum(weight) FILTER (WHERE NOT is_own), 0) AS related FROM wanted),
rarest AS MATERIALIZED (
    SELECT tag, is_own, row_number() OVER (PARTITION BY is_own ORDER BY weight DESC, tag) AS place FROM wanted),
looked_for AS MATERIALIZED (
    SELECT ARRAY[tag] AS tags FROM rarest WHERE is_own AND place <= {RAREST}
    UNION SELECT ARRAY[a.tag, b.tag] FROM rarest a JOIN rarest b ON a.place < b.place
          WHERE a.is_own AND b.is_own AND b.place <= {RAREST_PAIRED}
    UNION SELECT array_agg(tag ORDER BY place) FROM rarest WHERE is_own HAVING count(*) > 0),
heard AS MATERIALIZED (
    SELECT p.id FROM looked_for l CROSS JOIN this CROSS JOIN LATERAL (
        SELECT p.id FROM practice p WHERE p.tag_closure @> l.tags AND {listed} LIMIT {HEARD}) p
    UNION SELECT p.id FROM rarest l CROSS JOIN this CROSS JOIN LATERAL (
        SELECT p.id FROM practice p WHERE p.tag_closure @> ARRAY[l.tag] AND {listed} LIMIT {RELATED_HEARD}) p
        WHERE NOT l.is_own AND l.place <= {RELATED}
    UNION SELECT p.id FROM this CROSS JOIN LATERAL (
        SELECT p.id FROM practice p WHERE {listed} {newest} LIMIT {HEARD}) p WHERE NOT this.is_addressed
    UNION SELECT p.id FROM this CROSS JOIN LATERAL unnest(this.addressed) AS one (city_id) CROSS JOIN LATERAL (
        SELECT p.id FROM practice p WHERE p.city_id = one.city_id AND {listed} {newest} LIMIT {RELATED_HEARD}) p),
others AS MATERIALIZED (
    SELECT o.id FROM looked_for l CROSS JOIN this CROSS JOIN LATERAL (
        SELECT r.id FROM exchange_request r WHERE r.tag_closure @> l.tags AND {sought} LIMIT {HEARD}) o
    UNION SELECT o.id FROM this CROSS JOIN LATERAL (
        SELECT r.id FROM exchange_request r WHERE {sought} ORDER BY r.created_at DESC, r.id DESC LIMIT {HEARD}) o),
practice_heard AS MATERIALIZED (
    SELECT p.id, p.title, p.city_id, p.tag_closure, p.offers, p.language FROM heard JOIN practice p USING (id)),
candidate AS MATERIALIZED (
    SELECT 'practice' AS type, p.id::text AS id, p.title, p.city_id, p.tag_closure AS tags, p.offers AS formats,
           ARRAY[p.language] AS languages
    FROM practice_heard p
    UNION ALL
    SELECT 'city', c.id, c.name, c.id, g.tags, g.formats, g.languages
    FROM (SELECT p.city_id, array_agg(DISTINCT tag) AS tags, array_agg(DISTINCT format) AS formats,
                 array_agg(DISTINCT p.language) AS languages
          FROM practice_heard p LEFT JOIN LATERAL unnest(p.tag_closure) AS tag ON TRUE
          LEFT JOIN LATERAL unnest(p.offers) AS format ON TRUE GROUP BY p.city_id) g JOIN city c ON c.id = g.city_id
    UNION ALL
    SELECT 'exchange_request', o.id::text, o.title, o.city_id, o.tag_closure, o.formats, o.languages || o.language
    FROM others JOIN exchange_request o USING (id)),
answered AS MATERIALIZED (
    SELECT city_id, count(*) AS requests, {median("hours")} AS hours FROM ({given}) g GROUP BY city_id),
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
scored AS (
    SELECT a.*, s.parts, (SELECT sum(part) FROM unnest(s.parts) AS part) AS score
    FROM alike a CROSS JOIN total CROSS JOIN LATERAL (SELECT ARRAY[
        round((0.45 * a.own_weight / total.own)::numeric, 4),
        round((0.10 * a.related_weight / total.related)::numeric, 4),
        round(0.15 * cardinality(a.formats) / nullif(a.asked_formats, 0), 4),
        CASE WHEN a.languages <> '{{}}' THEN 0.10 END,
        CASE WHEN a.band IS NOT NULL THEN 0.05 END,
        round(0.05 * cardinality(a.roles) / nullif(a.asked_roles, 0), 4),
        round(0.03 * cardinality(a.mandates) / nullif(a.asked_mandates, 0), 4),
        CASE WHEN a.country IS NOT NULL THEN 0.02 END,
        round(0.01 * least(coalesce(a.requests, 0), 5), 4)] AS parts) s),
best AS MATERIALIZED (SELECT * FROM scored {chosen} ORDER BY score DESC, type DESC, id LIMIT {query.limit})
SELECT json_build_object('items', (
    SELECT coalesce(json_agg(json_build_object(
        'type', b.type, 'id', b.id, 'title', b.title, 'city', b.city, 'score', b.score, 'reasons', (
            SELECT json_agg(json_build_object('kind', kind, 'values', given, 'score', parts[place])
                            ORDER BY parts[place] DESC, place)
            FROM (VALUES
                (1, 'tags', b.own), (2, 'related_tags', b.related), (3, 'formats', b.formats),
                (4, 'languages', b.languages), (5, 'population_band', b.band), (6, 'roles', b.roles),
                (7, 'mandates', b.mandates), (8, 'country', b.country),
                (9, 'answered', ARRAY[b.requests || CASE b.requests WHEN 1 THEN ' request' ELSE ' requests' END,
                                      'median ' || b.hours || ' hours'])) AS v (place, kind, given)
            WHERE parts[place] > 0)) ORDER BY b.score DESC, b.type DESC, b.id), '[]')
    FROM best b), 'next_cursor', NULL)::text AS body
FROM asked""",
        arg.values,
    )
