"""What a question means: the words that may stand for each of its words, the tags and places that it names."""

from app.database import Arguments
from app.search.idle_words import IDLE_WORDS
from app.search.question import Question

# Whoever pastes a page searches by its first words.
MOST_WORDS = 12
SHORTEST_BEGINNING = 3
SHORTEST_MISSPELT = 4
SHORTEST_STEM = 4
# A misspelt word is like the known one by so much of their trigrams, and not much less than like the best.
LEAST_LIKENESS = 0.35
SPREAD = 0.1
# As like is a word with two letters in each other's place, or with one too many.
SLIPPED = 0.7

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


def _operand(lexeme: str, weight: str = "") -> str:
    """A lexeme as a part of a tsquery; where it is open, as a beginning; of one weight alone."""
    return f"quote_literal({lexeme}) || CASE WHEN l.is_open THEN ':*{weight}' ELSE '{weight and ':' + weight}' END"


def _classes() -> str:
    """For each place where a word may stand, the tsquery that it stands there.

    Of a tag: `is_main`, it is the first of its scheme; `said_first`, `said_then`: title or summary speak of it.
    """
    parts = [f"string_agg({_operand('l.lexeme', weight)}, ' | ')::tsquery AS in_{weight.lower()}" for weight in "ABCD"]
    for name, mark in (("is_main", "!"), ("said_first", "~"), ("said_then", "^")):
        tag = f"quote_literal('{mark}' || l.lexeme)"
        parts.append(f"string_agg({tag}, ' | ') FILTER (WHERE l.lexeme LIKE '#%')::tsquery AS {name}")
    return ",\n               ".join(parts)


def _all(query: str, texts: str) -> str:
    return f"""coalesce((SELECT string_agg('(' || ({query})::text || ')', ' & ')
        FROM unnest({texts}::text[]) AS given), '')::tsquery"""


def _in_no_form(given: str) -> str:
    """Neither as it stands nor as one of our languages would inflect it."""
    forms = [f"phraseto_tsquery('{config}', px_plain({given}))" for config in ("simple", *CONFIGURATIONS)]
    return f"!!({' || '.join(forms)})"
