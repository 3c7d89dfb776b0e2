"""Lists of one language, stage, budget band or offer: what few have is found without passing all others.

Revision ID: c81f4e07a5d3
Revises: 5a0c7e3f91d2
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "c81f4e07a5d3"
down_revision = "5a0c7e3f91d2"
branch_labels = None
depends_on = None

NAMES = ("language", "stage", "budget_band")
PUBLIC = "status = 'published' AND visibility = 'public'"


def upgrade() -> None:
    newest: list[Any] = [sa.literal_column("listed_at DESC"), sa.literal_column("id DESC")]
    for name in NAMES:
        op.create_index(f"ix_practice_public_{name}", "practice", [name, *newest], postgresql_where=sa.text(PUBLIC))
    op.create_index("ix_practice_offers", "practice", ["offers"], postgresql_using="gin")


def downgrade() -> None:
    op.drop_index("ix_practice_offers", table_name="practice", postgresql_using="gin")
    for name in reversed(NAMES):
        op.drop_index(f"ix_practice_public_{name}", table_name="practice", postgresql_where=sa.text(PUBLIC))
