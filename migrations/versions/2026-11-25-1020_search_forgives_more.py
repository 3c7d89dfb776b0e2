"""Search: words know their languages, Arabic without its article, scripts without blanks, places' names in any language.

A word that is asked for is stemmed only as the languages would that are known to have it. A record tells which of its
tags its title and its summary speak of. Tags of the compacts and goals are also called by their numbers.

Revision ID: c3a9f1d07b28
Revises: c7a4e19b52d8
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "c3a9f1d07b28"
down_revision = "c7a4e19b52d8"
branch_labels = None
depends_on = None

SEARCH, FASTER = "4c1d7a9e20b6", "8f20c3b71d54"
# Chinese, Japanese, Thai, Lao, Burmese and Khmer are written without blanks: each letter is a word, and words that stand
# side by side count more.
UNSPACED = "ぁ-ヿ㐀-䶿一-鿿豈-﫿ก-๛ກ-ໟက-႟ក-៿"
FUNCTIONS = """
CREATE OR REPLACE FUNCTION px_plain(given text) RETURNS text LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
DECLARE plain text := translate(lower(unaccent(given)), '/-_.:@+&~<>%\\', '             ');
BEGIN
    IF octet_length(plain) <> char_length(plain) THEN
        plain := translate(plain, 'أإآٱةىؤئςـًٌٍَُِّْٰ', 'ااااهيويσ');
        IF plain ~ '[ء-ي]' THEN
            -- The stemmer takes the article from some words only, and would take it for a letter in others.
            plain := regexp_replace(plain, '(^|[^ء-ي])للاج', '\\1لاج', 'g');
            plain := regexp_replace(plain, '(^|[^ء-ي])(?:[وفبك]?ال|لل)(?=[ء-ي]{3})', '\\1', 'g');
        END IF;
        IF plain ~ '[{unspaced}]' THEN
            plain := regexp_replace(plain, '([{unspaced}])', ' \\1 ', 'g');
        END IF;
    END IF;
    RETURN plain;
END $$;

DROP FUNCTION px_learn(text);
CREATE FUNCTION px_learn(tongue text, given text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO search_word (word, language)
    SELECT w.word, l.language
    FROM unnest(tsvector_to_array(to_tsvector('simple', px_plain(given)))) AS w (word),
        lower(split_part(tongue, '-', 1)) AS l (language)
    WHERE length(w.word) BETWEEN 3 AND 40 AND w.word !~ '[0-9]'
      AND NOT EXISTS (SELECT FROM search_word k WHERE k.word = w.word AND k.language = l.language)
$$;

CREATE OR REPLACE FUNCTION px_name(mark text, names jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_term WHERE target = mark;
    INSERT INTO search_term (target, language, phrase, stems, words)
    SELECT DISTINCT ON (n.language, n.phrase, n.stems) mark, n.language, n.phrase, n.stems,
        (SELECT string_agg(quote_literal(substr(stem, strpos(stem, ':') + 1)), ' & ')::tsquery
         FROM unnest(n.stems) AS stem)
    FROM (SELECT lower(split_part(e->>0, '-', 1)) AS language, btrim(px_plain(e->>1)) AS phrase,
                 px_stems(e->>0, px_plain(e->>1)) AS stems
          FROM jsonb_array_elements(names) AS e) n
    WHERE n.stems <> '{}';
    PERFORM px_learn(e->>0, string_agg(e->>1, ' ')) FROM jsonb_array_elements(names) AS e GROUP BY e->>0;
END $$;

CREATE OR REPLACE FUNCTION px_tag_names(t tag) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_agg(jsonb_build_array(n.language, n.name)) FROM (
        SELECT 'en' AS language, t.label AS name
        UNION SELECT 'x', CASE WHEN t.scheme IN ('theme', 'group', 'format', 'gcm-principle') THEN t.code ELSE t.id END
        UNION SELECT l.key, l.value FROM jsonb_each_text(t.labels) l
        UNION SELECT s.key, name FROM jsonb_each(t.synonyms) s, jsonb_array_elements_text(s.value) AS name
        UNION SELECT 'x', replace(c.called, '#', t.code) FROM (VALUES
            ('gcm', 'objective #'), ('gcm', 'objectif #'), ('gcm', 'objetivo #'), ('gcm', 'obiettivo #'),
            ('gcm', 'Ziel #'), ('gcm', 'στόχος #'), ('gcm', 'الهدف #'), ('gcm', 'GCM objective #'),
            ('gcm', 'objective # of the Global Compact for Migration'), ('gcm', 'objectif # du Pacte mondial'),
            ('gcm', 'objetivo # del Pacto Mundial'), ('gcm', 'objetivo # do Pacto Global'),
            ('gcm', 'obiettivo # del Patto globale'), ('gcm', 'Ziel # des Globalen Pakts'),
            ('gcr', 'GCR objective #'), ('gcr', 'refugee compact objective #'),
            ('sdg', 'SDG target #'), ('sdg', 'goal #'), ('sdg', 'ODD #'), ('sdg', 'ODS #'), ('sdg', 'OSS #'),
            ('sdg', 'ΣΒΑ #')) AS c (scheme, called) WHERE c.scheme = t.scheme
    ) AS n
$$;

CREATE OR REPLACE FUNCTION px_city_names(c city) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_agg(jsonb_build_array('x', n.name)) FROM (
        SELECT c.name UNION SELECT l.value FROM jsonb_each_text(c.names) l
        UNION SELECT replace(substr(c.id, 4), '-', ' ')
        UNION SELECT unnest(n.names) FROM place_names n WHERE n.id = c.id) AS n (name)
$$;

-- The tags whose names stand in the title, `~#…`, or in the summary, `^#…`. In PL/pgSQL, which plans it once.
CREATE FUNCTION px_spoken_of(tags text[], language text, title tsvector, summary tsvector) RETURNS tsvector
LANGUAGE plpgsql STABLE AS $$
DECLARE tongues text[] := ARRAY[split_part(language, '-', 1), 'x']; tag text; mark text; spoken text := '';
BEGIN
    FOREACH tag IN ARRAY tags LOOP
        SELECT CASE WHEN bool_or(t.words @@ title) THEN '~#' WHEN bool_or(t.words @@ summary) THEN '^#' END INTO mark
        FROM search_term t
        WHERE t.target = '#' || tag AND t.language = ANY (tongues);
        IF mark IS NOT NULL THEN
            spoken := spoken || quote_literal(mark || tag) || ' ';
        END IF;
    END LOOP;
    RETURN spoken::tsvector;
END $$;

-- Marks of tags: of each scheme the first is what a record is about most; what is only broader counts least.
CREATE FUNCTION px_tags(own text[], closure text[]) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT px_marks('#', own, 'B')
        || px_marks('#', ARRAY(SELECT unnest(closure) EXCEPT SELECT unnest(own)), 'D')
        || px_marks('!#', ARRAY(SELECT DISTINCT ON (split_part(tag, ':', 1)) tag
                               FROM unnest(own) WITH ORDINALITY AS o (tag, place)
                               ORDER BY split_part(tag, ':', 1), place), 'B')
$$;

CREATE OR REPLACE FUNCTION px_practice_vector(p practice) RETURNS tsvector LANGUAGE sql STABLE AS $$
    SELECT w.title || px_words(p.language, array_to_string(p.keywords, ' '), 'B', 3000)
        || px_tags(p.tags, p.tag_closure) || px_spoken_of(p.tags, p.language, w.title, w.summary)
        || px_place(p.city_id, p.partner_cities)
        || px_marks('#', p.offers, 'C')
        || w.summary
        || px_words(p.language, concat_ws(' ', p.challenge, p.description, p.results, p.lessons, p.what_failed,
            p.conditions,
            (SELECT string_agg(x->>'name', ' ') FROM jsonb_array_elements(p.implementers) x),
            (SELECT string_agg(x->>'name', ' ') FROM jsonb_array_elements(p.indicators) x),
            (SELECT string_agg(x->>'title', ' ') FROM jsonb_array_elements(p.resources) x)), 'D', 60000)
        || coalesce((
            SELECT string_agg((px_words(t.language, t.texts->>'title', 'A', 1000)
                || px_words(t.language, t.texts->>'summary', 'C', 2000))::text, ' ' ORDER BY t.language)::tsvector
            FROM practice_translation t WHERE t.practice_id = p.id), '')
        || coalesce((
            SELECT setweight(string_agg(px_words(t.language, concat_ws(' ', t.texts->>'challenge',
                t.texts->>'description', t.texts->>'results', t.texts->>'lessons', t.texts->>'what_failed',
                t.texts->>'conditions'), 'D', 3000)::text, ' ' ORDER BY t.language)::tsvector, 'D')
            FROM (SELECT * FROM practice_translation t WHERE t.practice_id = p.id ORDER BY t.language LIMIT 10) t), '')
    FROM (SELECT px_title(p.language, p.title) AS title, px_words(p.language, p.summary, 'C', 2000) AS summary
          OFFSET 0) w
$$;

CREATE OR REPLACE FUNCTION px_request_vector(r exchange_request) RETURNS tsvector LANGUAGE sql STABLE AS $$
    SELECT w.title || px_tags(r.tags, r.tag_closure) || px_marks('#', r.formats, 'B') || px_place(r.city_id, '{}')
        || px_spoken_of(r.tags || r.formats, r.language, w.title, w.need) || w.need
        || px_words(r.language, concat_ws(' ', r.already_tried, r.expected_result), 'D', 40000)
    FROM (SELECT px_title(r.language, r.title) AS title, px_words(r.language, r.need, 'C', 20000) AS need OFFSET 0) w
$$;

CREATE OR REPLACE FUNCTION px_index_practices(ids uuid[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO practice_search (practice_id, vector)
    SELECT p.id, px_practice_vector(p) FROM practice p WHERE p.id = ANY (ids)
    ON CONFLICT (practice_id) DO UPDATE SET vector = excluded.vector;
    -- Only words that anybody may read: a correction must not tell of what is hidden.
    SELECT px_learn(language, string_agg(concat_ws(' ', title, summary, array_to_string(keywords, ' ')), ' '))
    FROM practice WHERE id = ANY (ids) AND status = 'published' AND visibility = 'public' GROUP BY language
$$;
"""
DROPPED = (
    "px_tags(text[], text[])", "px_spoken_of(text[], text, tsvector, tsvector)", "px_learn(text, text)",
)  # fmt: skip
RENEWED = (
    "DELETE FROM search_word",
    "SELECT px_name('#' || t.id, px_tag_names(t)) FROM tag t",
    "SELECT px_name('@' || c.id, px_city_names(c)) FROM city c",
    """INSERT INTO search_word (word, language)
       SELECT DISTINCT word, lower(split_part(p.language, '-', 1)) FROM practice p,
           unnest(tsvector_to_array(to_tsvector('simple', px_plain(
               concat_ws(' ', p.title, p.summary, array_to_string(p.keywords, ' ')))))) AS w (word)
       WHERE p.status = 'published' AND p.visibility = 'public' AND length(word) BETWEEN 3 AND 40
         AND word !~ '[0-9]'
       EXCEPT SELECT word, language FROM search_word""",
    # The names of countries are given anew where the program starts.
    "DELETE FROM search_term WHERE target ~ '^@..$'",
    "UPDATE practice_search s SET vector = px_practice_vector(p) FROM practice p WHERE p.id = s.practice_id",
    """UPDATE exchange_request_search s SET vector = px_request_vector(r)
       FROM exchange_request r WHERE r.id = s.exchange_request_id""",
)


def upgrade() -> None:
    op.create_table(
        "place_names",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("names", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place_names")),
    )
    op.add_column("search_term", sa.Column("language", sa.Text(), server_default="x", nullable=False))
    op.drop_index("ix_search_term_target", "search_term")
    op.create_index("ix_search_term_target_language", "search_term", ["target", "language"])
    op.add_column("search_term", sa.Column("words", postgresql.TSQUERY(), nullable=True))
    op.add_column("search_word", sa.Column("language", sa.Text(), server_default="x", nullable=False))
    _run(FUNCTIONS.replace("{unspaced}", UNSPACED))
    for statement in RENEWED:
        op.execute(statement)


def downgrade() -> None:
    for function in DROPPED:
        # What calls them is replaced below.
        op.execute(f"DROP FUNCTION {function}")
    scripts = op.get_context().script
    assert scripts is not None  # noqa: S101 - migrations run from their folder
    search, faster = scripts.get_revision(SEARCH).module, scripts.get_revision(FASTER).module
    _run(search.filled(search.FUNCTIONS).replace("CREATE ", "CREATE OR REPLACE "))
    _run(faster.PLAIN + ";" + faster.WORDS)
    op.drop_column("search_word", "language")
    op.drop_column("search_term", "words")
    op.drop_column("search_term", "language")
    op.create_index("ix_search_term_target", "search_term", ["target"])
    op.drop_table("place_names")


def _run(statements: str) -> None:
    connection = op.get_bind().connection.dbapi_connection
    assert connection is not None  # noqa: S101 - migrations run online only
    connection.run_async(lambda driver: driver.execute(statements))
