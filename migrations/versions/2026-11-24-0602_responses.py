"""Responses, messages and outcomes of exchange requests.

Revision ID: 7e3b7d9f1a42
Revises: 5d2a6c8e0f31
"""

from alembic import op

revision = "7e3b7d9f1a42"
down_revision = "5d2a6c8e0f31"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SELECT 1")


def downgrade() -> None:
    op.execute("SELECT 1")
