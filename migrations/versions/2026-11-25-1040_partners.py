"""Partners: where a pull or a push goes on, and what it has brought.

Revision ID: 5a0c7e3f91d2
Revises: d4a7f1c39b02
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "5a0c7e3f91d2"
down_revision = "d4a7f1c39b02"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "partner",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("network_id", sa.Text(), nullable=False),
        sa.Column("selection", sa.Text(), server_default="", nullable=False),
        sa.Column("position", sa.Text(), nullable=True),
        sa.Column("generation", sa.Integer(), server_default="1", nullable=False),
        sa.Column("is_copying", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("direction IN ('pull', 'push')", name=op.f("ck_partner_direction")),
        sa.CheckConstraint("char_length(url) <= 2000", name=op.f("ck_partner_url_length")),
        sa.CheckConstraint("char_length(network_id) <= 80", name=op.f("ck_partner_network_id_length")),
        sa.CheckConstraint("generation > 0", name=op.f("ck_partner_generation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner")),
        sa.UniqueConstraint("direction", "url", "network_id", "selection", name="uq_partner_direction_url"),
    )
    op.create_table(
        "partner_record",
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.Column("waiting", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("type IN ('practice', 'city', 'tag')", name=op.f("ck_partner_record_type")),
        sa.CheckConstraint("char_length(external_id) <= 200", name=op.f("ck_partner_record_external_id_length")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_partner_record_partner_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("partner_id", "type", "external_id", name=op.f("pk_partner_record")),
    )
    op.create_index(
        "ix_partner_record_waiting",
        "partner_record",
        ["partner_id"],
        postgresql_where=sa.text("waiting IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("partner_record")
    op.drop_table("partner")
