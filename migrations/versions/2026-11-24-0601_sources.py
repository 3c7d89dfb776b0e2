"""Records that networks bring: what sync keeps about them.

Revision ID: 5d2a6c8e0f31
Revises: 3c1f5b7d9e20
"""

from alembic import op

revision = "5d2a6c8e0f31"
down_revision = "3c1f5b7d9e20"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SELECT 1")


def downgrade() -> None:
    op.execute("SELECT 1")
