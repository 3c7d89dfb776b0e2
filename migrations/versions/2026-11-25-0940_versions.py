"""Versions: what was published is kept when a change takes its place.

The newest version is the record itself, so that bringing records in costs nothing, and what is published now needs no
copy. Versions that were replaced before this migration are not known any more.

Revision ID: c3a91e5d7b20
Revises: b1f0d2c47e65
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "c3a91e5d7b20"
down_revision = "b1f0d2c47e65"
branch_labels = None
depends_on = None

# What a version says, with what hangs on the record; what is derived, or a matter of its standing, is left out.
CONTENT = """
CREATE FUNCTION px_practice_content(p practice) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT to_jsonb(p) - ARRAY['tag_closure', 'listed_at', 'adoption_count', 'claimed', 'submitted_to', 'successor',
                               'closed_note', 'contact_unit', 'contact_email']
        || jsonb_build_object(
            'contact', CASE WHEN coalesce(p.contact_unit, p.contact_email) IS NOT NULL
                THEN jsonb_build_object('unit', p.contact_unit, 'email', p.contact_email) END,
            'external_ids', (
                SELECT coalesce(jsonb_agg(jsonb_build_object('scheme', x.scheme, 'value', x.value, 'url', x.url)
                                          ORDER BY x.id), '[]')
                FROM practice_external_id x WHERE x.practice_id = p.id),
            'translations', (
                SELECT coalesce(jsonb_object_agg(t.language, jsonb_build_object('status', t.status) || t.texts), '{}')
                FROM practice_translation t WHERE t.practice_id = p.id))
$$
"""
# Before the row changes, what hangs on it still is what it was: writers change that after the row, or from it.
KEEP = """
CREATE FUNCTION px_keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO practice_version (practice_id, version, visibility, content, updated_at)
    VALUES (OLD.id, OLD.version, OLD.visibility, px_practice_content(OLD), OLD.updated_at)
    ON CONFLICT DO NOTHING;
    RETURN NEW;
END $$
"""
TRIGGERS = (
    """
CREATE TRIGGER practice_version_kept BEFORE UPDATE ON practice FOR EACH ROW
    WHEN (OLD.status = 'published' AND OLD.version IS DISTINCT FROM NEW.version) EXECUTE FUNCTION px_keep_version()""",
    """
CREATE TRIGGER practice_version_append_only BEFORE UPDATE OR DELETE ON practice_version
    FOR EACH STATEMENT EXECUTE FUNCTION px_append_only()""",
)


def upgrade() -> None:
    op.create_table(
        "practice_version",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_practice_version_practice_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("practice_id", "version", name=op.f("pk_practice_version")),
    )
    for statement in (CONTENT, KEEP, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER practice_version_kept ON practice")
    op.drop_table("practice_version")
    op.execute("DROP FUNCTION px_keep_version()")
    op.execute("DROP FUNCTION px_practice_content(practice)")
