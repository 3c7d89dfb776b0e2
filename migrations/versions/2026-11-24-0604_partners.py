"""Following other exchanges: where each pull and push stands.

Revision ID: 905d9fb13c64
Revises: 8f4c8ea02b53
"""

from alembic import op

revision = "905d9fb13c64"
down_revision = "8f4c8ea02b53"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SELECT 1")


def downgrade() -> None:
    op.execute("SELECT 1")
