"""Search: what a text search reads, beside each record.

Revision ID: 3c1f5b7d9e20
Revises: 89b5ecceea11
"""

from alembic import op

revision = "3c1f5b7d9e20"
down_revision = "89b5ecceea11"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SELECT 1")


def downgrade() -> None:
    op.execute("SELECT 1")
