"""Which records are found, and in which order: parts of one SQL statement, after those of what a question means."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.database import Arguments
from app.paging import Key, after, order_by
from app.search.meaning import understood
from app.search.question import Question

# With fewer records that have all words, those that have some are added.
FEW = 20
NEAREST = 100
LEAST_COVERAGE = 0.25
# What is heard of one combination of words, and how many are ranked, those with all words in the title first; those
# beyond follow, the newest first.
HEARD = 300
RANKED = 300


@dataclass(frozen=True, slots=True)
class Searched:
    """A table that is searched: its name, the alias of its rows in conditions, and its table of vectors."""

    table: str
    alias: str

    @property
    def source(self) -> str:
        """FROM: the vectors `s`, each with its record."""
        return f"{self.table}_search s JOIN {self.table} {self.alias} ON {self.alias}.id = s.{self.table}_id"


PRACTICES = Searched("practice", "p")
REQUESTS = Searched("exchange_request", "r")


def marks(texts: Iterable[str], alias: str) -> str:
    """The end of a SELECT list: what a record's highlight is made from (see `app/highlights.py`).

    Args:
        texts: the columns that are shown, the most telling first.
        alias: the record's; its city is `c`.
    """
    members = ", ".join(f"'{name}', {alias}.{name}" for name in texts)
    return f""", json_build_object({members})::text AS texts, c.name AS city, (SELECT words FROM marked) AS words,
    EXISTS (SELECT FROM meant n WHERE n.target IN ('@' || c.id, '@' || lower(c.country))) AS is_place,
    ARRAY(SELECT t.id FROM unnest({alias}.tags) AS given JOIN tag t ON t.id = given
          WHERE EXISTS (SELECT FROM meant n WHERE n.target IN ('#' || t.id, '#' || t.broader))) AS tags"""


def found_page(
    searched: Searched,
    select: str,
    seen: str,
    filters: list[str],
    text: str,
    position: list[str] | None,
    count: int,
    arg: Arguments,
) -> str:
    """The statement of a page by relevance; the keys of the order are `k0` and `k1`.

    Args:
        searched: the table; the city of a record is `c`.
        select: the SELECT list.
        seen: the condition that the caller sees the record.
        filters: the conditions of what was chosen.
        text: what was typed.
        position: the keys of the last record of the page before.
        count: how many records.
        arg: the statement's arguments.
    """
    met, alias, question = " AND ".join([seen, *filters]), searched.alias, Question.of(text)
    parts = [understood(question, arg)]
    if question.words:
        parts += [
            with_all_words(searched, met),
            nearest(searched, seen, is_begun=not filters),
            ranked(searched, met),
            hits(searched, met, position, count, arg),
        ]
    else:
        # All conditions stand in the statement even where nothing can be found: each of its arguments needs its place.
        nothing = "" if question.excluded else "FALSE AND "
        parts.append(_rest(searched, f"{nothing}{met}", position, count, arg))
    return f"""
WITH {",".join(parts)}
SELECT {select}
FROM (SELECT * FROM hit h ORDER BY {order_by(RELEVANCE)} LIMIT {count}) h
JOIN {searched.table} {alias} ON {alias}.id = h.id JOIN city c ON c.id = {alias}.city_id
ORDER BY {order_by(RELEVANCE)}"""


def with_all_words(searched: Searched, conditions: str) -> str:
    """The CTEs `titled(id)` and `worded(id)`: what has all words in its title, or anywhere, and meets the conditions.

    They are read no further than somebody needs them. The second is not begun where titles are enough.
    """
    id_, (titled, worded) = f"{searched.alias}.id", _strict(searched, conditions)
    return f"""
titled AS MATERIALIZED (SELECT {id_} {titled} LIMIT {RANKED}),
worded AS MATERIALIZED (SELECT {id_} {worded} AND (SELECT count(*) FROM titled) < {RANKED} LIMIT {RANKED})"""


def nearest(searched: Searched, seen: str, *, is_begun: bool = False) -> str:
    """The CTE `near(id, score)`: where few records that the caller sees have all words, the nearest that have some.

    It depends on nothing but the question and the caller, so that filters narrow what is found and never change it.

    Args:
        searched: the table.
        seen: the condition that the caller sees the record.
        is_begun: `titled` and `worded` of the same condition stand ahead: what they have read is not read twice.
    """
    source, id_ = searched.source, f"{searched.alias}.id"
    titled, worded = ("FROM titled", "FROM worded") if is_begun else _strict(searched, seen)
    return f"""
-- Titles are asked first: common words are in enough of them, and their lists are much shorter.
few AS MATERIALIZED (
    SELECT CASE WHEN (SELECT count(*) FROM (SELECT {titled} LIMIT {FEW}) x) >= {FEW} THEN FALSE
                ELSE (SELECT count(*) FROM (SELECT {worded} LIMIT {FEW}) x) < {FEW} END AS is_few),
combination AS MATERIALIZED (
    SELECT q.query && (SELECT must FROM strict) AS query FROM (
        SELECT query FROM wanted WHERE NOT is_idle
        UNION SELECT string_agg('(' || o.query::text || ')', ' & ')::tsquery
        FROM wanted w JOIN wanted o ON o.no <> w.no WHERE NOT w.is_idle AND NOT o.is_idle GROUP BY w.no) q
    WHERE (SELECT is_few FROM few)),
near AS MATERIALIZED (
    SELECT n.id, n.score FROM (
        SELECT h.id, {_score("0")} AS score, m.coverage
        FROM (SELECT DISTINCT h.id FROM combination q CROSS JOIN LATERAL (
                SELECT {id_} FROM {source} WHERE s.vector @@ q.query AND {seen} LIMIT {HEARD}) h) h
        JOIN {searched.table}_search s ON s.{searched.table}_id = h.id {MATCHED}
        WHERE NOT s.vector @@ (SELECT query FROM strict)) n
    WHERE n.coverage >= {LEAST_COVERAGE} ORDER BY n.score DESC, n.id DESC LIMIT {NEAREST})"""


def _strict(searched: Searched, conditions: str) -> tuple[str, str]:
    """FROM and WHERE of what has all words in its title, and of what has them anywhere."""
    title, query = (
        f"FROM {searched.source} WHERE s.vector @@ (SELECT {name} FROM strict) AND {conditions}"
        for name in ("title", "query")
    )
    return title, query


def ranked(searched: Searched, conditions: str) -> str:
    """The CTE `ranked(id, score)`: what is found and meets the conditions, as far as it is ranked; after `nearest`."""
    id_ = f"{searched.alias}.id"
    return f"""
ranked AS MATERIALIZED (
    SELECT h.id, {_score("10")} AS score
    FROM (SELECT id FROM titled UNION SELECT id FROM worded) h
    JOIN {searched.table}_search s ON s.{searched.table}_id = h.id {MATCHED}
    UNION ALL
    SELECT {id_}, n.score FROM near n JOIN {searched.table} {searched.alias} ON {id_} = n.id WHERE {conditions})"""


def hits(searched: Searched, conditions: str, position: list[str] | None, count: int, arg: Arguments) -> str:
    """The CTE `hit(id, score)`: the page after a position; records beyond the ranked ones follow, newest first."""
    id_ = f"{searched.alias}.id"
    beyond = _beyond(id_, position, arg)
    there = after(RELEVANCE, position, arg) if position else "TRUE"
    return f"""
page AS MATERIALIZED (
    SELECT h.id, h.score FROM ranked h WHERE {there} ORDER BY {order_by(RELEVANCE)} LIMIT {count}),
hit AS (
    SELECT id, score FROM page
    UNION ALL
    (SELECT {id_}, 0 FROM {searched.source}
     WHERE (SELECT count(*) FROM ranked) >= {RANKED} AND (SELECT count(*) FROM page) < {count}
       AND s.vector @@ (SELECT query FROM strict) AND {conditions} AND {beyond}
       AND {id_} NOT IN (SELECT id FROM ranked)
     ORDER BY {id_} DESC LIMIT {count}))"""


def _rest(searched: Searched, conditions: str, position: list[str] | None, count: int, arg: Arguments) -> str:
    """The same where only something is excluded: the newest of all others, read one by one and not from the index."""
    id_ = f"{searched.alias}.id"
    return f"""
hit AS (
    SELECT {id_}, 0::numeric AS score FROM {searched.source}
    WHERE (s.vector @@ (SELECT query FROM strict)) IS TRUE AND {conditions} AND {_beyond(id_, position, arg)}
    ORDER BY {id_} DESC LIMIT {count})"""


def _beyond(id_: str, position: list[str] | None, arg: Arguments) -> str:
    """What is not ranked comes after a position."""
    order = (Key("0::numeric", "numeric", descending=True), Key(id_, "uuid", descending=True))
    return after(order, position, arg) if position else "TRUE"


def is_found(searched: Searched) -> str:
    """The condition that a record is found, for lists in another order and for counts; after `nearest`."""
    return f"{searched.alias}.id IN ({found_ids(searched)})"


def found_ids(searched: Searched) -> str:
    """A SELECT of the ids of all that is found, visible or not; after `nearest`."""
    return f"""
    SELECT s.{searched.table}_id FROM {searched.table}_search s WHERE s.vector @@ (SELECT query FROM strict)
    UNION ALL SELECT id FROM near"""


def _rank() -> str:
    return " + ".join(f"CASE WHEN u.vector @@ w.{place} THEN {worth} ELSE 0 END" for place, worth in WORTH.items())


# What it is worth where a word stands.
WORTH = {"in_a": 1.2, "in_b": 0.5, "is_main": 0.2, "said_first": 0.3, "in_c": 0.35, "said_then": 0.1, "in_d": 0.1}
RELEVANCE = (Key("h.score", "numeric", descending=True), Key("h.id", "uuid", descending=True))
# How much of the words a vector `s` has, by their weight, and how well: a title counts more than tags, these more than
# a summary, that more than the texts. A vector is unpacked when it is put into an array: once, and not at each look.
MATCHED = f"""CROSS JOIN LATERAL (SELECT (ARRAY[s.vector])[1] AS vector OFFSET 0) u CROSS JOIN LATERAL (
        SELECT coalesce(sum(w.weight) FILTER (WHERE r.rank > 0), 0) / sum(w.weight) AS coverage,
               sum(w.weight * r.rank) / sum(w.weight) AS strength
        FROM wanted w CROSS JOIN LATERAL (SELECT {_rank()} AS rank OFFSET 0) r) m"""


def _score(base: str) -> str:
    adjacent = """CASE WHEN NOT u.vector @@ (SELECT adjacent FROM strict) THEN 0
        WHEN ts_filter(u.vector, '{a}') @@ (SELECT adjacent FROM strict) THEN 1 ELSE 0.4 END"""
    return f"round(({base} + coalesce(6 * m.coverage + m.strength + {adjacent}, 0))::numeric, 5)"
