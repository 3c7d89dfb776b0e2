"""Whether a practice leads to one that ends is found by an index: a draft's end cost a walk over all practices.

Revision ID: 2e7b41c8d9a6
Revises: c81f4e07a5d3
"""

import sqlalchemy as sa
from alembic import op

revision = "2e7b41c8d9a6"
down_revision = "c81f4e07a5d3"
branch_labels = None
depends_on = None

NAMES = ("successor", "submitted_to")


def upgrade() -> None:
    for name in NAMES:
        op.create_index(f"ix_practice_{name}", "practice", [name], postgresql_where=sa.text(f"{name} IS NOT NULL"))


def downgrade() -> None:
    for name in reversed(NAMES):
        op.drop_index(f"ix_practice_{name}", table_name="practice")
