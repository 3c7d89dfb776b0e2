"""Facets are counted by bitmaps of the published practices; a trigger notes what has changed since they were made.

Revision ID: 7c3f90b2d6e1
Revises: 5d1e8a7c40f2
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "7c3f90b2d6e1"
down_revision = "5d1e8a7c40f2"
branch_labels = None
depends_on = None

NOTE = """
CREATE FUNCTION px_facet_dirty() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO facet_dirty (practice_id) VALUES (coalesce(NEW.id, OLD.id));
    RETURN NULL;
END $$
"""
# A draft that is made or changed calls nothing.
TRIGGERS = {
    "facets_inserted": "INSERT ON practice FOR EACH ROW WHEN (NEW.status = 'published')",
    "facets_updated": "UPDATE ON practice FOR EACH ROW WHEN (NEW.status = 'published' OR OLD.status = 'published')",
    "facets_deleted": "DELETE ON practice FOR EACH ROW WHEN (OLD.status = 'published')",
}


def upgrade() -> None:
    op.create_table(
        "facet_slot",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fresh_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("practice_id", name=op.f("pk_facet_slot")),
    )
    op.create_index("ix_facet_slot_slot", "facet_slot", ["slot"], unique=True)
    op.create_table(
        "facet_bits",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("segment", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bits", postgresql.BIT(61_440), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "segment", name=op.f("pk_facet_bits")),
        postgresql_with={"toast_tuple_target": "8160"},
    )
    # A set fills a page: there it is read at once.
    op.execute("ALTER TABLE facet_bits ALTER COLUMN bits SET STORAGE MAIN")
    op.create_table(
        "facet_dirty",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facet_dirty")),
    )
    op.execute(NOTE)
    for name, event in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} AFTER {event} EXECUTE FUNCTION px_facet_dirty()")
    op.execute("INSERT INTO facet_dirty (practice_id) SELECT id FROM practice WHERE status = 'published'")


def downgrade() -> None:
    for name in TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON practice")
    op.execute("DROP FUNCTION px_facet_dirty()")
    op.drop_table("facet_dirty")
    op.drop_table("facet_bits")
    op.drop_index("ix_facet_slot_slot", table_name="facet_slot")
    op.drop_table("facet_slot")
