"""Search: vectors beside practices and exchange requests, the names of tags, cities and countries, known words.

Revision ID: 4c1d7a9e20b6
Revises: 89b5ecceea11
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "4c1d7a9e20b6"
down_revision = "89b5ecceea11"
branch_labels = None
depends_on = None

EXTENSIONS = """
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS unaccent;
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE EXCEPTION 'The extensions unaccent and pg_trgm cannot be made by this user: %', SQLERRM USING
        HINT = 'Install PostgreSQL''s contrib modules (postgresql-contrib) and have an administrator run in this '
               'database: CREATE EXTENSION unaccent; CREATE EXTENSION pg_trgm;';
END $$
"""

# Texts are compared in lower case, without accents, with one form for each Arabic letter, and without the marks that
# PostgreSQL's parser would read as parts of a file name, a host, a number or a tag.
LETTERS_FROM = "أإآٱةىؤئςـًٌٍَُِّْٰ"
LETTERS_TO = "اااا" + "ه" + "ي" + "و" + "ي" + "σ"
MARKS = """/-_.,:;@\\+&#~%=<>()[]{}|*^$!?"'`´’‘“”«»،؛؟·•…–—"""

FUNCTIONS = """
CREATE FUNCTION px_plain(given text) RETURNS text LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
    SELECT translate(translate(lower(unaccent(given)), {marks}, {blanks}), {letters_from}, {letters_to})
$$;

CREATE FUNCTION px_config(language text) RETURNS regconfig LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (CASE split_part(language, '-', 1)
        WHEN 'ar' THEN 'arabic' WHEN 'da' THEN 'danish' WHEN 'de' THEN 'german' WHEN 'el' THEN 'greek'
        WHEN 'en' THEN 'english' WHEN 'es' THEN 'spanish' WHEN 'fi' THEN 'finnish' WHEN 'fr' THEN 'french'
        WHEN 'hu' THEN 'hungarian' WHEN 'it' THEN 'italian' WHEN 'nl' THEN 'dutch' WHEN 'no' THEN 'norwegian'
        WHEN 'pt' THEN 'portuguese' WHEN 'ro' THEN 'romanian' WHEN 'ru' THEN 'russian' WHEN 'sv' THEN 'swedish'
        WHEN 'tr' THEN 'turkish' ELSE 'simple' END)::regconfig
$$;

-- At most so many characters that no text, however odd, makes a vector that is too large to store.
CREATE FUNCTION px_words(language text, given text, weight "char", longest int) RETURNS tsvector
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT setweight(to_tsvector('simple', plain) || to_tsvector(px_config(language), plain), weight)
    FROM (SELECT left(coalesce(px_plain(given), ''), longest) AS plain) p
$$;

CREATE FUNCTION px_marks(mark text, ids text[], weight text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(string_agg(quote_literal(mark || id) || ':1' || weight, ' '), '')::tsvector FROM unnest(ids) AS id
$$;

CREATE FUNCTION px_title(language text, title text) RETURNS tsvector LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT t.words || array_to_tsvector(ARRAY(SELECT '~' || word FROM unnest(tsvector_to_array(t.words)) AS word))
    FROM (SELECT px_words(language, title, 'A', 1000) AS words) t
$$;

CREATE FUNCTION px_place(city_id text, partners text[]) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT px_marks('@', ARRAY[city_id, left(city_id, 2)], 'B')
        || px_marks('@', ARRAY(SELECT DISTINCT m FROM unnest(partners) AS id, unnest(ARRAY[id, left(id, 2)]) AS m
                               WHERE m NOT IN (city_id, left(city_id, 2))), 'C')
$$;

CREATE FUNCTION px_practice_vector(p practice) RETURNS tsvector LANGUAGE sql STABLE AS $$
    SELECT px_title(p.language, p.title)
        || px_words(p.language, array_to_string(p.keywords, ' '), 'B', 3000)
        || px_marks('#', p.tag_closure, 'B') || px_place(p.city_id, p.partner_cities)
        || px_marks('#', p.offers, 'C')
        || px_words(p.language, p.summary, 'C', 2000)
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
$$;

CREATE FUNCTION px_request_vector(r exchange_request) RETURNS tsvector LANGUAGE sql STABLE AS $$
    SELECT px_title(r.language, r.title) || px_marks('#', r.tag_closure || r.formats, 'B') || px_place(r.city_id, '{}')
        || px_words(r.language, r.need, 'C', 20000)
        || px_words(r.language, concat_ws(' ', r.already_tried, r.expected_result), 'D', 40000)
$$;

CREATE FUNCTION px_learn(given text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO search_word (word)
    SELECT word FROM unnest(tsvector_to_array(to_tsvector('simple', px_plain(given)))) AS w (word)
    WHERE length(word) BETWEEN 3 AND 40 AND word !~ '[0-9]'
      AND NOT EXISTS (SELECT FROM search_word k WHERE k.word = w.word)
$$;

CREATE FUNCTION px_stems(language text, plain text) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        nullif(CASE WHEN px_config(language) <> 'simple'::regconfig THEN ARRAY(
            SELECT split_part(language, '-', 1) || ':' || stem
            FROM unnest(tsvector_to_array(to_tsvector(px_config(language), plain))) AS stem) END, '{}'),
        ARRAY(SELECT 'x:' || word FROM unnest(tsvector_to_array(to_tsvector('simple', plain))) AS word))
$$;

CREATE FUNCTION px_name(mark text, names jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_term WHERE target = mark;
    INSERT INTO search_term (target, phrase, stems)
    SELECT DISTINCT mark, n.phrase, n.stems
    FROM (SELECT btrim(px_plain(e->>1)) AS phrase, px_stems(e->>0, px_plain(e->>1)) AS stems
          FROM jsonb_array_elements(names) AS e) n
    WHERE n.stems <> '{}';
    PERFORM px_learn((SELECT string_agg(e->>1, ' ') FROM jsonb_array_elements(names) AS e));
END $$;

CREATE FUNCTION px_tag_names(t tag) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_agg(jsonb_build_array(n.language, n.name)) FROM (
        SELECT 'en', t.label
        UNION SELECT 'x', CASE WHEN t.scheme IN ('theme', 'group', 'format', 'gcm-principle') THEN t.code ELSE t.id END
        UNION SELECT l.key, l.value FROM jsonb_each_text(t.labels) l
        UNION SELECT s.key, name FROM jsonb_each(t.synonyms) s, jsonb_array_elements_text(s.value) AS name
    ) AS n (language, name)
$$;

CREATE FUNCTION px_city_names(c city) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_agg(jsonb_build_array('x', n.name)) FROM (
        SELECT c.name UNION SELECT l.value FROM jsonb_each_text(c.names) l
        UNION SELECT replace(substr(c.id, 4), '-', ' ')) AS n (name)
$$;

CREATE FUNCTION px_tag_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM search_term WHERE target = '#' || OLD.id;
    ELSE
        PERFORM px_name('#' || NEW.id, px_tag_names(NEW));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tag_search AFTER INSERT OR DELETE OR UPDATE OF label, labels, synonyms ON tag
    FOR EACH ROW EXECUTE FUNCTION px_tag_search();

CREATE FUNCTION px_city_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM search_term WHERE target = '@' || OLD.id;
    ELSE
        PERFORM px_name('@' || NEW.id, px_city_names(NEW));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER city_search AFTER INSERT OR DELETE OR UPDATE OF name, names ON city
    FOR EACH ROW EXECUTE FUNCTION px_city_search();

CREATE FUNCTION px_index_practices(ids uuid[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO practice_search (practice_id, vector)
    SELECT p.id, px_practice_vector(p) FROM practice p WHERE p.id = ANY (ids)
    ON CONFLICT (practice_id) DO UPDATE SET vector = excluded.vector;
    -- Only words that anybody may read: a correction must not tell of what is hidden.
    SELECT px_learn(string_agg(concat_ws(' ', p.title, p.summary, array_to_string(p.keywords, ' ')), ' '))
    FROM practice p WHERE p.id = ANY (ids) AND p.status = 'published' AND p.visibility = 'public'
$$;

CREATE FUNCTION px_practice_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM px_index_practices((SELECT array_agg(id) FROM fresh));
    RETURN NULL;
END $$;
CREATE TRIGGER practice_search_inserted AFTER INSERT ON practice
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION px_practice_inserted();

CREATE FUNCTION px_practice_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE changed uuid[];
BEGIN
    SELECT array_agg(f.id) INTO changed FROM fresh f JOIN stale s USING (id)
    WHERE ({columns_f}) IS DISTINCT FROM ({columns_s})
       OR (f.status = 'published' AND (f.status, f.visibility) IS DISTINCT FROM (s.status, s.visibility));
    IF changed IS NOT NULL THEN
        PERFORM px_index_practices(changed);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER practice_search_updated AFTER UPDATE ON practice
    REFERENCING OLD TABLE AS stale NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION px_practice_updated();

CREATE FUNCTION px_translation_search() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE owner uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.practice_id ELSE NEW.practice_id END;
BEGIN
    -- Whoever changes the practice itself at the same time is waited for, so that no part of the vector is old.
    PERFORM FROM practice WHERE id = owner FOR NO KEY UPDATE;
    IF FOUND THEN
        PERFORM px_index_practices(ARRAY[owner]);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER translation_search AFTER INSERT OR UPDATE OR DELETE ON practice_translation
    FOR EACH ROW EXECUTE FUNCTION px_translation_search();

CREATE FUNCTION px_request_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO exchange_request_search (exchange_request_id, vector) VALUES (NEW.id, px_request_vector(NEW))
    ON CONFLICT (exchange_request_id) DO UPDATE SET vector = excluded.vector;
    RETURN NULL;
END $$;
CREATE TRIGGER exchange_request_search
    AFTER INSERT OR UPDATE OF title, need, already_tried, expected_result, language, tags, formats, city_id
    ON exchange_request FOR EACH ROW EXECUTE FUNCTION px_request_search();
"""
SEARCHED = (
    "title", "summary", "challenge", "description", "results", "lessons", "what_failed", "conditions", "language",
    "tag_closure", "keywords", "offers", "city_id", "partner_cities", "implementers", "indicators", "resources",
)  # fmt: skip
TRIGGERS = {
    "exchange_request_search": "exchange_request",
    "translation_search": "practice_translation",
    "practice_search_updated": "practice",
    "practice_search_inserted": "practice",
    "city_search": "city",
    "tag_search": "tag",
}
DROPPED = (
    "px_request_search()", "px_translation_search()", "px_practice_updated()", "px_practice_inserted()",
    "px_index_practices(uuid[])", "px_city_search()", "px_tag_search()", "px_city_names(city)", "px_tag_names(tag)",
    "px_name(text, jsonb)", "px_stems(text, text)", "px_learn(text)", "px_request_vector(exchange_request)",
    "px_practice_vector(practice)", "px_place(text, text[])", "px_title(text, text)", "px_marks(text, text[], text)",
    'px_words(text, text, "char", int)', "px_config(text)", "px_plain(text)",
)  # fmt: skip
FILL = (
    "SELECT px_name('#' || t.id, px_tag_names(t)) FROM tag t",
    "SELECT px_name('@' || c.id, px_city_names(c)) FROM city c",
    "INSERT INTO practice_search (practice_id, vector) SELECT p.id, px_practice_vector(p) FROM practice p",
    """INSERT INTO search_word (word)
       SELECT DISTINCT word FROM practice p,
           unnest(tsvector_to_array(to_tsvector('simple', px_plain(
               concat_ws(' ', p.title, p.summary, array_to_string(p.keywords, ' ')))))) AS w (word)
       WHERE p.status = 'published' AND p.visibility = 'public' AND length(word) BETWEEN 3 AND 40
         AND word !~ '[0-9]' AND NOT EXISTS (SELECT FROM search_word k WHERE k.word = w.word)""",
    """INSERT INTO exchange_request_search (exchange_request_id, vector)
       SELECT r.id, px_request_vector(r) FROM exchange_request r""",
)


def filled(functions: str) -> str:
    """The functions with the letters and columns that they name."""
    marks = MARKS.replace("'", "''")
    for name, text in {
        "marks": f"'{marks}'",
        "blanks": f"'{' ' * len(MARKS)}'",
        "letters_from": f"'{LETTERS_FROM}'",
        "letters_to": f"'{LETTERS_TO}'",
        "columns_f": ", ".join(f"f.{name}" for name in SEARCHED),
        "columns_s": ", ".join(f"s.{name}" for name in SEARCHED),
    }.items():
        functions = functions.replace(f"{{{name}}}", text)
    return functions


def upgrade() -> None:
    op.execute(EXTENSIONS)
    for table in ("practice", "exchange_request"):
        op.create_table(
            f"{table}_search",
            sa.Column(f"{table}_id", sa.Uuid(), nullable=False),
            sa.Column("vector", postgresql.TSVECTOR(), nullable=False),
            sa.ForeignKeyConstraint(
                [f"{table}_id"], [f"{table}.id"], name=op.f(f"fk_{table}_search_{table}_id"), ondelete="CASCADE"
            ),
            sa.PrimaryKeyConstraint(f"{table}_id", name=op.f(f"pk_{table}_search")),
        )
    op.create_table(
        "search_term",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("phrase", sa.Text(), nullable=False),
        sa.Column("stems", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_term")),
    )
    op.create_table(
        "search_word",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_word")),
    )
    op.create_index("ix_search_term_target", "search_term", ["target"])
    op.create_index("ix_search_term_stems", "search_term", ["stems"], postgresql_using="gin")
    op.create_index(
        "ix_search_term_phrase",
        "search_term",
        ["phrase"],
        postgresql_using="gin",
        postgresql_ops={"phrase": "gin_trgm_ops"},
    )
    op.create_index("ix_search_word_word", "search_word", ["word"])
    op.create_index(
        "ix_search_word_alike", "search_word", ["word"], postgresql_using="gin", postgresql_ops={"word": "gin_trgm_ops"}
    )
    connection = op.get_bind().connection.dbapi_connection
    assert connection is not None  # noqa: S101 - migrations run online only
    connection.run_async(lambda driver: driver.execute(filled(FUNCTIONS)))
    for statement in FILL:
        op.execute(statement)
    # After the rows: one pass over all is much faster than an entry at a time.
    for table in ("practice", "exchange_request"):
        op.create_index(f"ix_{table}_search_vector", f"{table}_search", ["vector"], postgresql_using="gin")


def downgrade() -> None:
    for trigger, table in TRIGGERS.items():
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for function in DROPPED:
        op.execute(f"DROP FUNCTION {function}")
    for table in ("search_word", "search_term", "exchange_request_search", "practice_search"):
        op.drop_table(table)
