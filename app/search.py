"""Full-text search: what a person typed, as the parts of one SQL statement.

Each record has a vector (see `app/tables/search.py`): its words without accents, the same words stemmed in the record's
language, and marks for its tags, cities and countries. A word that is asked for is found as it stands, stemmed as any
language would, by its beginning while it is being typed, by the known words that it may be a misspelling of, and by
the tags, cities and countries that it names in any language: these names are looked up when the question is asked, so
that a new synonym holds for all records at once.

What is found are the records that have all words. Where those are few, the nearest that have some are added: those
that have most, rare words counting more. A word that says nothing in one of our languages (`the`, `para`) is not
required. Phrases and exclusions always hold.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from app.database import Arguments
from app.idle_words import IDLE_WORDS
from app.paging import Key, after, order_by

# Whoever pastes a page searches by its first words.
MOST_WORDS = 12
# With fewer records that have all words, those that have some are added.
FEW = 20
NEAREST = 100
LEAST_COVERAGE = 0.25
SHORTEST_BEGINNING = 3
SHORTEST_MISSPELT = 4
SHORTEST_STEM = 4
# A misspelt word is like the known one by so much of their trigrams, and not much less than like the best.
LEAST_LIKENESS = 0.35
SPREAD = 0.1
SLIPPED = 0.7
# What is heard of one combination of words, and how many are ranked, those with all words in the title first; those
# beyond follow, the newest first.
HEARD = 300
RANKED = 600

# The dictionaries that PostgreSQL brings, by language. They drop words that say nothing about what a text is about.
STEMMERS = {
    "ar": "arabic_stem", "da": "danish_stem", "de": "german_stem", "el": "greek_stem", "en": "english_stem",
    "es": "spanish_stem", "fi": "finnish_stem", "fr": "french_stem", "hu": "hungarian_stem", "it": "italian_stem",
    "nl": "dutch_stem", "no": "norwegian_stem", "pt": "portuguese_stem", "ro": "romanian_stem",
    "ru": "russian_stem", "sv": "swedish_stem", "tr": "turkish_stem",
}  # fmt: skip
# In the languages of the vocabularies: their words without meaning of their own are not required.
SPOKEN = ("ar", "de", "el", "en", "es", "fr", "it", "pt")
CONFIGURATIONS = ("arabic", "german", "greek", "english", "spanish", "french", "italian", "portuguese")

TOKEN = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')


@dataclass(frozen=True, slots=True)
class Question:
    """What was typed, taken apart.

    Attributes:
        words: the words that are wanted, those of phrases among them.
        phrases: what must stand in the record as it is.
        excluded: words and phrases that must not.
        is_open: the last word may be unfinished.
    """

    words: str
    phrases: tuple[str, ...]
    excluded: tuple[str, ...]
    is_open: bool

    @classmethod
    def of(cls, text: str) -> "Question":
        """Take apart what was typed: words, `"phrases"`, `-without`. No text is wrong; quotes may stay open."""
        words: list[str] = []
        phrases: list[str] = []
        excluded: list[str] = []
        is_open = False
        for token in TOKEN.finditer(text):
            phrase, word = token["phrase"], token["word"]
            given = word if phrase is None else phrase
            if not any(map(str.isalnum, given)):
                continue
            if token["minus"]:
                excluded.append(given)
                continue
            words.append(given)
            is_open = phrase is None and token.end() == len(text)
            if phrase is not None:
                phrases.append(given)
        return cls(" ".join(words), tuple(phrases), tuple(excluded), is_open)


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


def understood(question: Question, arg: Arguments) -> str:
    """The CTEs that say what a question means, the last of them `strict`: the tsquery that a record must meet.

    `wanted` has a row for each word: the tsquery of all that stands for it, and how much the word counts.
    """
    stemmers = ", ".join(f"('{language}', '{name}'::regdictionary)" for language, name in STEMMERS.items())
    idle = " OR ".join(f"ts_lexize('{STEMMERS[language]}', a.word) = '{{}}'" for language in SPOKEN)
    idle += f" OR a.word = ANY ({arg(sorted(IDLE_WORDS))}::text[])"
    text, is_open = f"px_plain({arg(question.words)}::text)", f"{arg(question.is_open)}::bool"
    phrases, excluded = arg(list(question.phrases)), arg(list(question.excluded))
    return f"""
stemmer (language, dictionary) AS (VALUES {stemmers}),
asked AS MATERIALIZED (
    SELECT a.word, a.no, ({idle}) AS is_idle, k.languages IS NOT NULL AS is_known,
           {is_open} AND a.no = max(a.no) OVER () AND length(a.word) >= {SHORTEST_BEGINNING} AS is_open
    FROM (SELECT lexeme AS word, positions[cardinality(positions)] AS no
          FROM unnest(to_tsvector('simple', {text}))) a
    CROSS JOIN LATERAL (SELECT array_agg(k.language) AS languages FROM search_word k WHERE k.word = a.word) k
    ORDER BY a.no LIMIT {MOST_WORDS}),
variant AS MATERIALIZED (
    SELECT no, word FROM asked
    UNION
    SELECT a.no, c.word FROM asked a CROSS JOIN LATERAL (
        SELECT k.word FROM (
            SELECT k.word, likeness, max(likeness) OVER () AS best FROM (
                SELECT k.word, similarity(k.word, a.word) AS likeness FROM search_word k WHERE k.word % a.word
                -- Two letters that changed places, and a letter too many, leave few trigrams.
                UNION SELECT k.word, {SLIPPED} FROM generate_series(1, length(a.word)) AS i
                CROSS JOIN LATERAL (VALUES
                    (left(a.word, i - 1) || substr(a.word, i + 1, 1) || substr(a.word, i, 1) || substr(a.word, i + 2)),
                    (left(a.word, i - 1) || substr(a.word, i + 1))) AS s (word)
                JOIN search_word k ON k.word = s.word) k) k
        WHERE likeness >= greatest({LEAST_LIKENESS}, best - {SPREAD})
        GROUP BY k.word ORDER BY max(likeness) DESC, k.word LIMIT 3) c
    WHERE NOT a.is_known AND length(a.word) >= {SHORTEST_MISSPELT}
    UNION
    -- Letters that keyboards lack: `Zuerich`, `Malmoe`.
    SELECT a.no, k.word FROM asked a
    JOIN search_word k ON k.word = replace(replace(replace(a.word, 'ae', 'a'), 'oe', 'o'), 'ue', 'u')
    WHERE NOT a.is_known
    UNION
    SELECT a.no, c.word FROM asked a CROSS JOIN LATERAL (
        SELECT k.word FROM search_word k WHERE k.word LIKE a.word || '%'
        GROUP BY k.word ORDER BY length(k.word), k.word LIMIT 5) c
    WHERE a.is_open AND NOT a.is_known),
-- A word is stemmed as the languages would that are known to have it; another's stemmer makes another word of it.
stem AS MATERIALIZED (
    SELECT v.no, d.language || ':' || stem AS key, stem
    FROM variant v
    CROSS JOIN LATERAL (SELECT array_agg(DISTINCT k.language) AS languages FROM search_word k WHERE k.word = v.word) k
    JOIN stemmer d ON k.languages IS NULL OR d.language = ANY (k.languages)
    CROSS JOIN LATERAL unnest(ts_lexize(d.dictionary, v.word)) AS stem
    WHERE length(stem) >= {SHORTEST_STEM} OR stem = v.word
       OR (d.language = ANY ('{{{",".join(SPOKEN)}}}') AND length(stem) = {SHORTEST_STEM} - 1)
    UNION SELECT v.no, 'x:' || v.word, v.word FROM variant v),
-- What is named by more of the words is meant: `unaccompanied minors` are not any minors.
called_so AS MATERIALIZED (
    SELECT t.target, ARRAY(SELECT DISTINCT s.no FROM stem s WHERE s.key = ANY (t.stems) ORDER BY 1) AS nos
    FROM search_term t WHERE t.stems <@ (SELECT array_agg(key) FROM stem)),
named AS MATERIALIZED (
    SELECT DISTINCT c.target, c.nos FROM called_so c
    WHERE NOT EXISTS (SELECT FROM called_so o WHERE o.nos @> c.nos AND o.nos <> c.nos
                      AND left(o.target, 1) = left(c.target, 1))),
-- Nobody tags by the goals and principles: what goes with them stands for them.
meant AS MATERIALIZED (
    SELECT target, nos FROM named
    UNION SELECT '#' || r.related_id, n.nos FROM named n JOIN tag_relation r ON n.target = '#' || r.tag_id
    WHERE n.target ~ '^#(sdg|gcr|gcm-principle):'),
lexeme AS MATERIALIZED (
    SELECT no, stem AS lexeme, FALSE AS is_open FROM stem
    UNION SELECT no, m.target, FALSE FROM meant m CROSS JOIN LATERAL unnest(m.nos) AS no
    -- A place is found where a text speaks of it, too.
    UNION SELECT no, word, FALSE FROM meant m JOIN place_names p ON m.target = '@' || p.id
    CROSS JOIN LATERAL unnest(m.nos) AS no CROSS JOIN LATERAL btrim(px_plain(p.names[1])) AS word
    WHERE strpos(word, ' ') = 0
    UNION SELECT no, word, TRUE FROM asked WHERE is_open),
share AS MATERIALIZED (
    SELECT e.lexeme, e.share FROM pg_stats
    CROSS JOIN LATERAL unnest(most_common_elems::text::text[], most_common_elem_freqs) AS e (lexeme, share)
    WHERE schemaname = current_schema() AND tablename = 'practice_search' AND attname = 'vector'),
wanted AS MATERIALIZED (
    SELECT a.no, a.is_idle AND NOT bool_and(a.is_idle) OVER () AS is_idle, w.*,
           CASE WHEN a.is_idle THEN 0.1 WHEN w.share > 0.5 THEN 0.4 WHEN w.share > 0.2 THEN 0.6
                WHEN w.share > 0.05 THEN 0.85 ELSE 1 END::float AS weight
    FROM asked a CROSS JOIN LATERAL (
        SELECT string_agg({_operand("l.lexeme")}, ' | ')::tsquery AS query,
               string_agg({_operand("'~' || l.lexeme")}, ' | ')::tsquery AS title,
               {_classes()},
               max(s.share) AS share
        FROM lexeme l LEFT JOIN share s USING (lexeme) WHERE l.no = a.no) w),
must AS MATERIALIZED (
    SELECT {_all("phraseto_tsquery('simple', px_plain(given))", phrases)}
        && {_all(_in_no_form("given"), excluded)} AS query),
strict AS MATERIALIZED (
    SELECT m.query AS must, phraseto_tsquery('simple', {text}) AS adjacent,
           CASE WHEN {text} = '' THEN m.query ELSE q.query && m.query END AS query, q.title && m.query AS title
    FROM must m CROSS JOIN (
        SELECT string_agg('(' || query::text || ')', ' & ')::tsquery AS query,
               string_agg('(' || title::text || ')', ' & ')::tsquery AS title
        FROM wanted WHERE NOT is_idle) q),
marked AS MATERIALIZED (
    SELECT array_agg(DISTINCT lexeme) AS words FROM lexeme
    WHERE lexeme !~ '^[#@]' AND no IN (SELECT no FROM wanted WHERE NOT is_idle))"""


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
    conditions: list[str],
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
        conditions: that and all filters.
        text: what was typed.
        position: the keys of the last record of the page before.
        count: how many records.
        arg: the statement's arguments.
    """
    met, alias = " AND ".join(conditions), searched.alias
    parts = [
        understood(Question.of(text), arg),
        nearest(searched, seen),
        ranked(searched, met),
        hits(searched, met, position, count, arg),
    ]
    return f"""
WITH {",".join(parts)}
SELECT {select}
FROM (SELECT * FROM hit h ORDER BY {order_by(RELEVANCE)} LIMIT {count}) h
JOIN {searched.table} {alias} ON {alias}.id = h.id JOIN city c ON c.id = {alias}.city_id
ORDER BY {order_by(RELEVANCE)}"""


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


def _operand(lexeme: str, weight: str = "") -> str:
    """A lexeme as a part of a tsquery; where it is open, as a beginning; of one weight alone."""
    return f"quote_literal({lexeme}) || CASE WHEN l.is_open THEN ':*{weight}' ELSE '{weight and ':' + weight}' END"


def _classes() -> str:
    """For each place where a word may stand, the tsquery that it stands there, `in_a` to `in_d`; `is_main`: a tag
    that the record is about most."""
    parts = [f"string_agg({_operand('l.lexeme', weight)}, ' | ')::tsquery AS in_{weight.lower()}" for weight in "ABCD"]
    for weight in "AC":
        spoken = f"quote_literal('^' || substr(l.lexeme, 2)) || ':{weight}'"
        parts.append(
            f"string_agg({spoken}, ' | ') FILTER (WHERE l.lexeme LIKE '#%')::tsquery AS spoken_{weight.lower()}"
        )
    main = "quote_literal('!' || substr(l.lexeme, 2))"
    parts.append(f"string_agg({main}, ' | ') FILTER (WHERE l.lexeme LIKE '#%')::tsquery AS is_main")
    return ",\n               ".join(parts)


def _all(query: str, texts: str) -> str:
    return f"""coalesce((SELECT string_agg('(' || ({query})::text || ')', ' & ')
        FROM unnest({texts}::text[]) AS given), '')::tsquery"""


def _in_no_form(given: str) -> str:
    """Neither as it stands nor as one of our languages would inflect it."""
    forms = [f"phraseto_tsquery('{config}', px_plain({given}))" for config in ("simple", *CONFIGURATIONS)]
    return f"!!({' || '.join(forms)})"


def nearest(searched: Searched, seen: str) -> str:
    """The CTE `near(id, score)`: where few records that the caller sees have all words, the nearest that have some.

    It depends on nothing but the question and the caller, so that filters narrow what is found and never change it.

    Args:
        searched: the table.
        seen: the condition that the caller sees the record.
    """
    source, id_ = searched.source, f"{searched.alias}.id"
    return f"""
-- Titles are asked first: common words are in enough of them, and their lists are much shorter.
few AS MATERIALIZED (
    SELECT CASE WHEN ({_count(searched, "title", seen)}) >= {FEW} THEN FALSE
                ELSE ({_count(searched, "query", seen)}) < {FEW} END AS is_few),
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


def _count(searched: Searched, query: str, seen: str) -> str:
    return f"""SELECT count(*) FROM (SELECT FROM {searched.source}
                  WHERE s.vector @@ (SELECT {query} FROM strict) AND {seen} LIMIT {FEW}) x"""


def ranked(searched: Searched, conditions: str) -> str:
    """The CTE `ranked(id, score)`: what is found and meets the conditions, so many of it as are ranked."""
    source, id_ = searched.source, f"{searched.alias}.id"
    return f"""
titled AS MATERIALIZED (
    SELECT {id_} FROM {source} WHERE s.vector @@ (SELECT title FROM strict) AND {conditions} LIMIT {RANKED}),
ranked AS MATERIALIZED (
    SELECT h.id, {_score("10")} AS score
    FROM (SELECT id FROM titled UNION
          (SELECT {id_} FROM {source} WHERE (SELECT count(*) FROM titled) < {RANKED}
           AND s.vector @@ (SELECT query FROM strict) AND {conditions} LIMIT {RANKED})) h
    JOIN {searched.table}_search s ON s.{searched.table}_id = h.id {MATCHED}
    UNION ALL
    SELECT {id_}, n.score FROM near n JOIN {searched.table} {searched.alias} ON {id_} = n.id WHERE {conditions})"""


def hits(searched: Searched, conditions: str, position: list[str] | None, count: int, arg: Arguments) -> str:
    """The CTE `hit(id, score)`: the page after a position; records beyond the ranked ones follow, newest first."""
    id_ = f"{searched.alias}.id"
    beyond = (
        after((Key("0::numeric", "numeric", descending=True), Key(id_, "uuid", descending=True)), position, arg)
        if position
        else "TRUE"
    )
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


def is_found(searched: Searched) -> str:
    """The condition that a record is found, for lists in another order and for counts; after `nearest`."""
    return f"""{searched.alias}.id IN (
    SELECT s.{searched.table}_id FROM {searched.table}_search s WHERE s.vector @@ (SELECT query FROM strict)
    UNION ALL SELECT id FROM near)"""


def _rank() -> str:
    return " + ".join(
        f"CASE WHEN u.vector @@ w.{place} THEN {worth} ELSE 0 END" for place, worth in WORTH.items()
    )


# What it is worth where a word stands.
WORTH = {"in_a": 1.2, "in_b": 0.5, "is_main": 0.2, "spoken_a": 0.3, "in_c": 0.35, "spoken_c": 0.1, "in_d": 0.1}
RELEVANCE = (Key("h.score", "numeric", descending=True), Key("h.id", "uuid", descending=True))
# How much of the words a vector `s` has, by their weight, and how well: a title counts more than tags, these more than
# a summary, that more than the texts. The vector is unpacked once.
MATCHED = f"""CROSS JOIN LATERAL (SELECT s.vector || ''::tsvector AS vector OFFSET 0) u CROSS JOIN LATERAL (
        SELECT coalesce(sum(w.weight) FILTER (WHERE r.rank > 0), 0) / sum(w.weight) AS coverage,
               sum(w.weight * r.rank) / sum(w.weight) AS strength
        FROM wanted w CROSS JOIN LATERAL (SELECT {_rank()} AS rank OFFSET 0) r) m"""


def _score(base: str) -> str:
    adjacent = """CASE WHEN NOT u.vector @@ (SELECT adjacent FROM strict) THEN 0
        WHEN ts_filter(u.vector, '{a}') @@ (SELECT adjacent FROM strict) THEN 1 ELSE 0.4 END"""
    return f"round(({base} + coalesce(6 * m.coverage + m.strength + {adjacent}, 0))::numeric, 5)"
