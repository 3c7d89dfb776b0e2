"""Search vectors in half the time: functions in SQL that call one another are planned anew at each call.

In PL/pgSQL the same expressions are planned once for each connection. The vectors stay what they were.

Revision ID: 6f0c2d91b7e4
Revises: 2e7b41c8d9a6
"""

import sqlalchemy as sa
from alembic import op

revision = "6f0c2d91b7e4"
down_revision = "2e7b41c8d9a6"
branch_labels = None
depends_on = None

CONFIGURATIONS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
CASES = " ".join(f"WHEN '{tongue}' THEN 'pg_catalog.{name}'::regconfig" for tongue, name in CONFIGURATIONS.items())
OLD_CASES = " ".join(f"WHEN '{tongue}' THEN '{name}'" for tongue, name in CONFIGURATIONS.items())
CONFIG = "px_config(language text) RETURNS regconfig"
MARKS = "px_marks(mark text, ids text[], weight text) RETURNS tsvector"
PLACE = "px_place(city_id text, partners text[]) RETURNS tsvector"
TAGS = "px_tags(own text[], closure text[]) RETURNS tsvector"
WORDS = 'px_words(language text, given text, weight "char", longest integer) RETURNS tsvector'
TITLE = "px_title(language text, title text) RETURNS tsvector"
VECTOR = "px_practice_vector(p practice) RETURNS tsvector"
INDEX = "px_index_practices(ids uuid[]) RETURNS void"
# The expressions themselves, in which nothing changes.
MARKED = "coalesce(string_agg(quote_literal(mark || id) || ':1' || weight, ' '), '')::tsvector FROM unnest(ids) AS id"
PLACED = """px_marks('@', ARRAY[city_id, left(city_id, 2)], 'B')
        || px_marks('@', ARRAY(SELECT DISTINCT m FROM unnest(partners) AS id, unnest(ARRAY[id, left(id, 2)]) AS m
                               WHERE m NOT IN (city_id, left(city_id, 2))), 'C')"""
TAGGED = """px_marks('#', own, 'B')
        || px_marks('#', ARRAY(SELECT unnest(closure) EXCEPT SELECT unnest(own)), 'D')
        || px_marks('!#', ARRAY(SELECT DISTINCT ON (split_part(tag, ':', 1)) tag
                               FROM unnest(own) WITH ORDINALITY AS o (tag, place)
                               ORDER BY split_part(tag, ':', 1), place), 'B')"""
BODY = """px_words(p.language, concat_ws(' ', p.challenge, p.description, p.results, p.lessons, p.what_failed,
            p.conditions,
            (SELECT string_agg(x->>'name', ' ') FROM jsonb_array_elements(p.implementers) x),
            (SELECT string_agg(x->>'name', ' ') FROM jsonb_array_elements(p.indicators) x),
            (SELECT string_agg(x->>'title', ' ') FROM jsonb_array_elements(p.resources) x)), 'D', 60000)"""
TRANSLATED = """coalesce((
            SELECT string_agg((px_words(t.language, t.texts->>'title', 'A', 1000)
                || px_words(t.language, t.texts->>'summary', 'C', 2000))::text, ' ' ORDER BY t.language)::tsvector
            FROM practice_translation t WHERE t.practice_id = p.id), '')
        || coalesce((
            SELECT setweight(string_agg(px_words(t.language, concat_ws(' ', t.texts->>'challenge',
                t.texts->>'description', t.texts->>'results', t.texts->>'lessons', t.texts->>'what_failed',
                t.texts->>'conditions'), 'D', 3000)::text, ' ' ORDER BY t.language)::tsvector, 'D')
            FROM (SELECT * FROM practice_translation t WHERE t.practice_id = p.id ORDER BY t.language LIMIT 10) t), '')"""
INDEXED = """
    INSERT INTO practice_search (practice_id, vector)
    SELECT p.id, px_practice_vector(p) FROM practice p WHERE p.id = ANY (ids)
    ON CONFLICT (practice_id) DO UPDATE SET vector = excluded.vector;
    -- Only words that anybody may read: a correction must not tell of what is hidden."""
LEARNT = """px_learn(language, string_agg(concat_ws(' ', title, summary, array_to_string(keywords, ' ')), ' '))
    FROM practice WHERE id = ANY (ids) AND status = 'published' AND visibility = 'public' GROUP BY language"""

PLANNED_ONCE = f"""
CREATE OR REPLACE FUNCTION {CONFIG} LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN CASE split_part(language, '-', 1) {CASES} ELSE 'pg_catalog.simple'::regconfig END;
END $$;

CREATE OR REPLACE FUNCTION {MARKS} LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF ids = '{{}}' THEN
        RETURN '';
    END IF;
    RETURN (SELECT {MARKED});
END $$;

CREATE OR REPLACE FUNCTION {PLACE} LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF partners = '{{}}' THEN
        RETURN px_marks('@', ARRAY[city_id, left(city_id, 2)], 'B');
    END IF;
    RETURN {PLACED};
END $$;

CREATE OR REPLACE FUNCTION {TAGS} LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN {TAGGED};
END $$;

CREATE OR REPLACE FUNCTION {WORDS} LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE plain text := left(coalesce(px_plain(given), ''), longest);
BEGIN
    RETURN setweight(to_tsvector('simple', plain) || to_tsvector(px_config(language), plain), weight);
END $$;

CREATE OR REPLACE FUNCTION {TITLE} LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE words tsvector := px_words(language, title, 'A', 1000);
BEGIN
    RETURN words || array_to_tsvector(ARRAY(SELECT '~' || word FROM unnest(tsvector_to_array(words)) AS word));
END $$;

CREATE OR REPLACE FUNCTION {VECTOR} LANGUAGE plpgsql STABLE AS $$
DECLARE
    title tsvector := px_title(p.language, p.title);
    summary tsvector := px_words(p.language, p.summary, 'C', 2000);
    vector tsvector := title || px_words(p.language, array_to_string(p.keywords, ' '), 'B', 3000)
        || px_tags(p.tags, p.tag_closure) || px_spoken_of(p.tags, p.language, title, summary)
        || px_place(p.city_id, p.partner_cities)
        || px_marks('#', p.offers, 'C')
        || summary
        || {BODY};
BEGIN
    IF EXISTS (SELECT FROM practice_translation t WHERE t.practice_id = p.id) THEN
        vector := vector || {TRANSLATED};
    END IF;
    RETURN vector;
END $$;

CREATE OR REPLACE FUNCTION {INDEX} LANGUAGE plpgsql AS $$
BEGIN{INDEXED}
    PERFORM {LEARNT};
END $$;
"""

PLANNED_ANEW = f"""
CREATE OR REPLACE FUNCTION {CONFIG} LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (CASE split_part(language, '-', 1) {OLD_CASES} ELSE 'simple' END)::regconfig
$$;

CREATE OR REPLACE FUNCTION {MARKS} LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT {MARKED}
$$;

CREATE OR REPLACE FUNCTION {PLACE} LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT {PLACED}
$$;

CREATE OR REPLACE FUNCTION {TAGS} LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT {TAGGED}
$$;

CREATE OR REPLACE FUNCTION {WORDS} LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT setweight(to_tsvector('simple', plain) || to_tsvector(px_config(language), plain), weight)
    FROM (SELECT left(coalesce(px_plain(given), ''), longest) AS plain OFFSET 0) p
$$;

CREATE OR REPLACE FUNCTION {TITLE} LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT t.words || array_to_tsvector(ARRAY(SELECT '~' || word FROM unnest(tsvector_to_array(t.words)) AS word))
    FROM (SELECT px_words(language, title, 'A', 1000) AS words) t
$$;

CREATE OR REPLACE FUNCTION {VECTOR} LANGUAGE sql STABLE AS $$
    SELECT w.title || px_words(p.language, array_to_string(p.keywords, ' '), 'B', 3000)
        || px_tags(p.tags, p.tag_closure) || px_spoken_of(p.tags, p.language, w.title, w.summary)
        || px_place(p.city_id, p.partner_cities)
        || px_marks('#', p.offers, 'C')
        || w.summary
        || {BODY}
        || {TRANSLATED}
    FROM (SELECT px_title(p.language, p.title) AS title, px_words(p.language, p.summary, 'C', 2000) AS summary
          OFFSET 0) w
$$;

CREATE OR REPLACE FUNCTION {INDEX} LANGUAGE sql AS $$
    {INDEXED}
    SELECT {LEARNT};
$$;
"""


def upgrade() -> None:
    for statement in _statements(PLANNED_ONCE):
        op.execute(statement)


def downgrade() -> None:
    for statement in _statements(PLANNED_ANEW):
        op.execute(statement)


def _statements(functions: str) -> list[sa.TextClause]:
    made = functions.split("CREATE OR REPLACE FUNCTION")[1:]
    return [sa.text(f"CREATE OR REPLACE FUNCTION{function}".replace(":", "\\:")) for function in made]
