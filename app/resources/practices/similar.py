"""Practices like a given one, each with the reasons, in one statement.

The score of a pair is the sum of its reasons' scores; each is a share of what the two together have:
tags (0.6): the weight of the shared tags by that of all tags of both, a rare tag weighing more than a common one, the
first of a record, what it is about most, double, and one that is only broader than theirs a third;
words (0.25): shared words of title, summary and keywords by the geometric mean of their numbers;
the cities: the same population band (0.05), shared roles (0.05) and mandates (0.05) by all that either has.
"""

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.caller import Caller
from app.database import Arguments, Statement
from app.fields import Output
from app.likeness import RARITY, shared
from app.resources.practices.documents import SUMMARY
from app.resources.practices.examples import SUMMARY_EXAMPLE
from app.resources.practices.schemas import PracticeSummary
from app.search import STEMMERS
from app.visibility import practice_visible

ReasonKind = Literal["tags", "words", "population_band", "roles", "mandates"]
REASONS: list[dict[str, Any]] = [
    {"kind": "tags", "values": ["theme:municipal-id", "gcm:4"], "score": 0.4213},
    {"kind": "population_band", "values": ["l"], "score": 0.05},
]
EXAMPLE: dict[str, Any] = {
    "items": [{**SUMMARY_EXAMPLE, "score": 0.4713, "reasons": REASONS}],
    "next_cursor": None,
}

# The rarest tags of the record, in combinations from the narrowest on, find what may be like it. Each combination is
# heard, so that many records with one rare tag leave room for those with two others; the newest are heard always.
COMBINATIONS = ((1, 2, 3, 4), (1, 2, 3), (1, 2, 4), (1, 3, 4), (1, 2), (1, 3), (2, 3), (1,), (2,))
HEARD = 200
# Words are compared where tags and cities leave a chance to be among the first.
READ = 200

SHORTEST_WORD = 4
FIRST = 2
BROADER = 0.35


class Reason(Output):
    """What two practices have in common; both records show it."""

    kind: ReasonKind = Field(description="Where to look: the tags, the words of title, summary and keywords, the city.")
    values: list[str] = Field(
        description="What is shared. A tag is one of both, or broader than one of each; the rarest come first."
    )
    score: float = Field(description="Its part of the whole score.")


class SimilarPractice(PracticeSummary):
    """A practice in a list of similar ones."""

    score: float = Field(description="From 0 to 1: the sum of the reasons' scores.")
    reasons: list[Reason]


class SimilarPage(Output):
    """The practices that are most alike, the nearest first."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    items: list[SimilarPractice]
    next_cursor: None = Field(description="Always null: these are the nearest, and there are no further pages.")


def similar(caller: Caller, id_: UUID, limit: int) -> Statement:
    """One row: `body`, the published practices like this one that the caller sees; no row: the caller sees no such."""
    arg = Arguments(id_)
    visible = practice_visible(caller, arg)
    listed = f"p.status = 'published' AND p.id <> $1 AND ({visible})"
    return Statement(
        f"""
WITH this AS MATERIALIZED (
    SELECT p.tags, p.tag_closure, c.population_band, c.roles, c.mandates, {_words("p")} AS words
    FROM practice p JOIN city c ON c.id = p.city_id WHERE p.id = $1 AND ({visible})),
{RARITY},
rarest AS MATERIALIZED (
    SELECT array_agg(tag ORDER BY coalesce(r.weight, u.weight) DESC, tag) AS tags
    FROM this CROSS JOIN unnest(this.tag_closure) AS tag CROSS JOIN unseen u LEFT JOIN rarity r USING (tag)),
heard AS MATERIALIZED (
    {_heard(listed)}),
-- Ended by OFFSET 0: what follows is reckoned once for each candidate.
alike AS (
    SELECT h.id, t.tags, coalesce(t.score, 0) AS tag_score, x.*
    FROM heard h JOIN practice p ON p.id = h.id JOIN city c ON c.id = p.city_id CROSS JOIN this
    CROSS JOIN LATERAL (
        SELECT array_agg(tag ORDER BY weight DESC, tag) FILTER (WHERE is_shared) AS tags,
               0.6 * sum(weight) FILTER (WHERE is_shared) / nullif(sum(weight), 0) AS score
        FROM (SELECT tag, CASE WHEN tag IN (p.tags[1], this.tags[1]) THEN {FIRST}
                          WHEN tag = ANY (p.tags || this.tags) THEN 1 ELSE {BROADER} END
                          * coalesce(r.weight, u.weight) AS weight, count(*) = 2 AS is_shared
              FROM (SELECT unnest(p.tag_closure) AS tag UNION ALL SELECT unnest(this.tag_closure)) both_tags
              CROSS JOIN unseen u LEFT JOIN rarity r USING (tag) GROUP BY tag, 2) weighed) t
    CROSS JOIN LATERAL (
        SELECT CASE WHEN c.population_band = this.population_band THEN ARRAY[c.population_band] END AS band,
               {shared("c.roles", "this.roles")} AS roles, {shared("c.mandates", "this.mandates")} AS mandates,
               {_share("c.roles", "this.roles")} AS role_share,
               {_share("c.mandates", "this.mandates")} AS mandate_share) x
    OFFSET 0),
nearest AS MATERIALIZED (
    SELECT *, CASE WHEN band IS NULL THEN 0 ELSE 0.05 END AS band_score,
           0.05 * role_share AS role_score, 0.05 * mandate_share AS mandate_score
    FROM alike ORDER BY tag_score + CASE WHEN band IS NULL THEN 0 ELSE 0.05 END + 0.05 * role_share
                        + 0.05 * mandate_share DESC, id DESC LIMIT {READ}),
reasoned AS (
    SELECT n.id, r.reasons, r.score
    FROM nearest n JOIN practice p ON p.id = n.id CROSS JOIN this
    CROSS JOIN LATERAL (SELECT {_words("p")} AS words OFFSET 0) own
    CROSS JOIN LATERAL (SELECT ARRAY(SELECT unnest(own.words) INTERSECT SELECT unnest(this.words) ORDER BY 1)
                        AS words OFFSET 0) shared
    CROSS JOIN LATERAL (
        SELECT json_agg(json_build_object('kind', kind, 'values', given, 'score', part)
                        ORDER BY part DESC, place) AS reasons, sum(part) AS score
        FROM (SELECT place, kind, given, round(raw::numeric, 4) AS part FROM (VALUES
            (1, 'tags', n.tags, n.tag_score),
            (2, 'words', shared.words, 0.25 * cardinality(shared.words)
                / sqrt(nullif(cardinality(own.words) * cardinality(this.words), 0))),
            (3, 'population_band', n.band, n.band_score),
            (4, 'roles', n.roles, n.role_score),
            (5, 'mandates', n.mandates, n.mandate_score)) AS v (place, kind, given, raw)) parts
        WHERE part > 0) r
    WHERE r.score > 0 ORDER BY r.score DESC, n.id DESC LIMIT {limit})
SELECT json_build_object('items', (
    SELECT coalesce(json_agg(d ORDER BY d.score DESC, d.id DESC), '[]')
    FROM (SELECT {SUMMARY}, r.score, r.reasons
          FROM reasoned r JOIN practice p ON p.id = r.id JOIN city c ON c.id = p.city_id) d),
    'next_cursor', NULL)::text AS body
FROM this""",
        arg.values,
    )


def _words(alias: str) -> str:
    """The distinct words of a practice that say what it is about, in lower case."""
    cases = " ".join(f"WHEN '{language}' THEN '{name}'" for language, name in STEMMERS.items())
    dictionary = f"(CASE split_part({alias}.language, '-', 1) {cases} ELSE 'simple' END)::regdictionary"
    text = f"concat_ws(' ', {alias}.title, {alias}.summary, array_to_string({alias}.keywords, ' '))"
    return f"""ARRAY(SELECT word FROM unnest(tsvector_to_array(to_tsvector('simple', {text}))) AS word
        WHERE length(word) >= {SHORTEST_WORD} AND word !~ '^[0-9.,-]+$' AND ts_lexize({dictionary}, word) <> '{{}}')"""


def _heard(listed: str) -> str:
    """The ids of what may be like this: a bounded number, however many records there are."""
    found = [
        f"""(SELECT p.id FROM rarest CROSS JOIN LATERAL (
        SELECT p.id FROM practice p WHERE cardinality(rarest.tags) >= {max(places)}
        AND p.tag_closure @> ARRAY[{", ".join(f"rarest.tags[{place}]" for place in places)}] AND {listed}
        LIMIT {HEARD}) p)"""
        for places in COMBINATIONS
    ]
    found.append(f"(SELECT p.id FROM practice p WHERE {listed} ORDER BY p.listed_at DESC, p.id DESC LIMIT {HEARD})")
    return "\n    UNION ".join(found)


def _share(left: str, right: str) -> str:
    """How many entries are shared, of all that either has; 0 where neither has any."""
    both = f"(SELECT count(*) FROM (SELECT unnest({left}) UNION SELECT unnest({right})) a)"
    return f"coalesce(cardinality({shared(left, right)})::float / nullif({both}, 0), 0)"
