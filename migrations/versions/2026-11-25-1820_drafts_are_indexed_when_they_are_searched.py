"""A draft's search vector, two thirds of the work of making one, is made when somebody searches drafts, or by the clock.

Nobody but its city ever looks for a draft, and most are changed a few times before anybody does. What leaves that state
is indexed in the same transaction, as before.

Revision ID: c4e19a5b7d83
Revises: b7d20e64fa19
"""

import sqlalchemy as sa
from alembic import op

revision = "c4e19a5b7d83"
down_revision = "b7d20e64fa19"
branch_labels = None
depends_on = None

COLUMNS = (
    "title", "summary", "challenge", "description", "results", "lessons", "what_failed", "conditions", "language",
    "tag_closure", "keywords", "offers", "city_id", "partner_cities", "implementers", "indicators", "resources",
)  # fmt: skip
OF_FRESH, OF_STALE = (", ".join(f"{alias}.{column}" for column in COLUMNS) for alias in ("f", "s"))
CHANGED = f"({OF_FRESH}) IS DISTINCT FROM ({OF_STALE})"
SHOWN = "(f.status = 'published' AND (f.status, f.visibility) IS DISTINCT FROM (s.status, s.visibility))"

LATER = f"""
CREATE OR REPLACE FUNCTION px_practice_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE made uuid[];
BEGIN
    INSERT INTO search_due (practice_id) SELECT id FROM fresh WHERE status = 'draft';
    SELECT array_agg(id) INTO made FROM fresh WHERE status <> 'draft';
    IF made IS NOT NULL THEN
        PERFORM px_index_practices(made);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION px_practice_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE changed uuid[];
BEGIN
    INSERT INTO search_due (practice_id)
    SELECT f.id FROM fresh f JOIN stale s USING (id) WHERE f.status = 'draft' AND {CHANGED};
    SELECT array_agg(f.id) INTO changed FROM fresh f JOIN stale s USING (id)
    WHERE f.status <> 'draft' AND ({CHANGED} OR {SHOWN} OR s.status = 'draft');
    IF changed IS NOT NULL THEN
        PERFORM px_index_practices(changed);
    END IF;
    RETURN NULL;
END $$;

-- Whoever is changing a practice at this moment notes it, or indexes it, when it is done: what it holds is left out, and
-- nobody changes what we hold until its vector is stored.
CREATE FUNCTION px_index_due(most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE noted bigint[]; drafts uuid[];
BEGIN
    DELETE FROM search_due WHERE id IN (
        SELECT d.id FROM (SELECT id, practice_id FROM search_due ORDER BY id LIMIT most) d
        WHERE NOT EXISTS (SELECT FROM practice p WHERE p.id = d.practice_id));
    SELECT array_agg(note), array_agg(DISTINCT id) FILTER (WHERE status = 'draft') INTO noted, drafts
    FROM (SELECT d.id AS note, p.id, p.status FROM search_due d JOIN practice p ON p.id = d.practice_id
          ORDER BY d.id LIMIT most FOR NO KEY UPDATE OF p SKIP LOCKED) held;
    PERFORM px_index_practices(drafts);
    DELETE FROM search_due WHERE id = ANY (noted);
    RETURN coalesce(cardinality(noted), 0);
END $$;
"""

AT_ONCE = f"""
CREATE OR REPLACE FUNCTION px_practice_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM px_index_practices((SELECT array_agg(id) FROM fresh));
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION px_practice_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE changed uuid[];
BEGIN
    SELECT array_agg(f.id) INTO changed FROM fresh f JOIN stale s USING (id) WHERE {CHANGED} OR {SHOWN};
    IF changed IS NOT NULL THEN
        PERFORM px_index_practices(changed);
    END IF;
    RETURN NULL;
END $$;

SELECT px_index_practices(ARRAY(SELECT practice_id FROM search_due));
DROP FUNCTION px_index_due(integer);
"""


def upgrade() -> None:
    op.create_table(
        "search_due",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_due")),
    )
    _run(LATER)


def downgrade() -> None:
    _run(AT_ONCE)
    op.drop_table("search_due")


def _run(statements: str) -> None:
    connection = op.get_bind().connection.dbapi_connection
    assert connection is not None  # noqa: S101 - migrations run online only
    connection.run_async(lambda driver: driver.execute(statements))
