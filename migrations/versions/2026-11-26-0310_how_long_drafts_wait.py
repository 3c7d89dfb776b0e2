"""A draft's search vector is made by the clock only when the draft has waited for a while: most are published before.

Revision ID: e3a6f1c80b52
Revises: c4e19a5b7d83
"""

import sqlalchemy as sa
from alembic import op

revision = "e3a6f1c80b52"
down_revision = "c4e19a5b7d83"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
    op.add_column("search_due", moment)


def downgrade() -> None:
    op.drop_column("search_due", "noted_at")
