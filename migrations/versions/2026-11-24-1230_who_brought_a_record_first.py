"""Origins say whether a network brought the record or only linked itself to it, and are found by their address.

Revision ID: b1f0d2c47e65
Revises: 8f20c3b71d54
"""

import sqlalchemy as sa
from alembic import op

revision = "b1f0d2c47e65"
down_revision = "8f20c3b71d54"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("practice_origin", sa.Column("linked", sa.Boolean(), server_default="false", nullable=False))
    op.create_index("ix_practice_origin_url", "practice_origin", ["url"], postgresql_using="hash")


def downgrade() -> None:
    op.drop_index("ix_practice_origin_url", table_name="practice_origin")
    op.drop_column("practice_origin", "linked")
