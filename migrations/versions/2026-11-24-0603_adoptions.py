"""Adoptions, and the life of a practice after it is published.

Revision ID: 8f4c8ea02b53
Revises: 7e3b7d9f1a42
"""

from alembic import op

revision = "8f4c8ea02b53"
down_revision = "7e3b7d9f1a42"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SELECT 1")


def downgrade() -> None:
    op.execute("SELECT 1")
