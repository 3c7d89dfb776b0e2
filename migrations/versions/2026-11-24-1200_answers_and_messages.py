"""Answers to exchange requests, messages between the two sides, warnings of expiry.

Revision ID: 5d0c2f1e7a34
Revises: 4c1d7a9e20b6
"""

import sqlalchemy as sa
from alembic import op

revision = "5d0c2f1e7a34"
down_revision = "4c1d7a9e20b6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("exchange_request", sa.Column("warned_of", sa.DateTime(timezone=True), nullable=True))
    op.add_column("exchange_request", sa.Column("warned_days", sa.Integer(), nullable=True))
    op.create_table(
        "response",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("city_id", sa.Text(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("decline_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("char_length(decline_reason) <= 2000", name=op.f("ck_response_decline_reason_length")),
        sa.CheckConstraint("char_length(message) <= 20000", name=op.f("ck_response_message_length")),
        sa.CheckConstraint(
            "status IN ('proposed', 'tentative', 'accepted', 'declined', 'withdrawn')", name=op.f("ck_response_status")
        ),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name=op.f("fk_response_city_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_response_practice_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["request_id"], ["exchange_request.id"], name=op.f("fk_response_request_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_response")),
    )
    op.create_index("ix_response_city_id", "response", ["city_id", "request_id"])
    op.create_index("ix_response_practice_id", "response", ["practice_id"])
    op.create_index("ix_response_request_id", "response", ["request_id", "created_at", "id"])
    op.create_index(
        "uq_response_accepted", "response", ["request_id"], unique=True, postgresql_where=sa.text("status = 'accepted'")
    )
    op.create_index(
        "uq_response_live",
        "response",
        ["request_id", "city_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('proposed', 'tentative', 'accepted')"),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("response_id", sa.Uuid(), nullable=False),
        sa.Column("city_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("char_length(body) <= 20000", name=op.f("ck_message_body_length")),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name=op.f("fk_message_city_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["response_id"], ["response.id"], name=op.f("fk_message_response_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index("ix_message_response_id", "message", ["response_id", "created_at", "id"])


def downgrade() -> None:
    op.drop_table("message")
    op.drop_table("response")
    op.drop_column("exchange_request", "warned_days")
    op.drop_column("exchange_request", "warned_of")
