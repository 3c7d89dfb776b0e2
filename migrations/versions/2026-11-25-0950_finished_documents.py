"""Finished documents of practices are kept beside the records; they are made by the clock, whatever wrote the record.

Revision ID: 5d1e8a7c40f2
Revises: c3a91e5d7b20
"""

import sqlalchemy as sa
from alembic import op

revision = "5d1e8a7c40f2"
down_revision = "c3a91e5d7b20"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "practice_document",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("dirty", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("practice_id", name=op.f("pk_practice_document")),
        postgresql_with={"toast_tuple_target": "8160"},
    )
    # A document lies in the row as it is while it fits into a page: it is read much more often than written.
    op.execute(
        "ALTER TABLE practice_document ALTER COLUMN summary SET STORAGE MAIN, ALTER COLUMN body SET STORAGE MAIN"
    )
    op.create_table(
        "feed_follower",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_feed_follower")),
    )


def downgrade() -> None:
    op.drop_table("feed_follower")
    op.drop_table("practice_document")
