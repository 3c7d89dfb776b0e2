"""Search among names: of cities and of tags."""

from typing import Literal

from app.database import Arguments
from app.search.meaning import LEAST_LIKENESS, understood
from app.search.question import Question


def named(text: str, mark: Literal["@", "#"], arg: Arguments) -> str:
    """CTEs for a search among names, the last of them `name(id, score)`: the cities (`@`) or tags (`#`) so named.

    A name is found that is meant, begun or misspelt, that has all the words, or that stands among them; a city also by
    its country's.
    """
    question = Question.of(text)
    plain = f"btrim(px_plain({arg(question.words)}::text))"
    excluded = arg(list(question.excluded))
    of_country = """
    UNION ALL SELECT c.id, 1 FROM named n JOIN city c ON n.target = '@' || lower(c.country)"""
    return f"""{understood(question, arg)},
called AS MATERIALIZED (
    SELECT {plain} AS plain, (SELECT array_agg(key) FROM stem) AS keys, (SELECT count(*) FROM asked) AS words),
name AS MATERIALIZED (
    SELECT n.id, round(sum(n.score)::numeric, 5) AS score FROM (
        SELECT substr(t.target, 2) AS id, max(0.1 * similarity(t.phrase, q.plain) + CASE
            WHEN t.phrase = q.plain THEN 4
            WHEN t.stems <@ q.keys THEN 2 + k.words / q.words::float
            WHEN t.phrase LIKE q.plain || '%' THEN 2.5
            WHEN k.words = q.words THEN 2
            ELSE 1.5 * similarity(t.phrase, q.plain) END) AS score
        FROM called q
        JOIN search_term t ON t.stems && q.keys OR t.phrase LIKE q.plain || '%' OR t.phrase % q.plain
        CROSS JOIN LATERAL (SELECT count(DISTINCT no) AS words FROM stem WHERE key = ANY (t.stems)) k
        WHERE q.plain <> '' AND t.target LIKE '{mark}{"__-" if mark == "@" else ""}%'
          AND (t.stems <@ q.keys OR t.phrase LIKE q.plain || '%' OR k.words = q.words
               OR similarity(t.phrase, q.plain) >= {LEAST_LIKENESS})
        GROUP BY t.target {of_country if mark == "@" else ""}) n
    WHERE NOT EXISTS (SELECT FROM search_term t, unnest({excluded}::text[]) AS given
                      WHERE t.target = '{mark}' || n.id
                        AND ' ' || t.phrase || ' ' LIKE '% ' || btrim(px_plain(given)) || ' %')
    GROUP BY n.id)"""
