"""Adoptions.

Revision ID: 8e3b6a52c9d1
Revises: 5d0c2f1e7a34
"""

import sqlalchemy as sa
from alembic import op

revision = "8e3b6a52c9d1"
down_revision = "5d0c2f1e7a34"
branch_labels = None
depends_on = None

TEXTS = ("what_was_kept", "what_was_changed", "why_stopped", "results")


def upgrade() -> None:
    op.create_table(
        "adoption",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("practice_version", sa.Integer(), nullable=False),
        sa.Column("city_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), server_default="exploring", nullable=False),
        sa.Column("started_on", sa.Date(), nullable=True),
        *[sa.Column(name, sa.Text(), nullable=True) for name in TEXTS],
        sa.Column("resulting_practice_id", sa.Uuid(), nullable=True),
        sa.Column("exchange_request_id", sa.Uuid(), nullable=True),
        sa.Column("evidence_url", sa.Text(), nullable=True),
        sa.Column("confirmed_by_origin", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        *[
            sa.CheckConstraint(f"char_length({name}) <= 20000", name=op.f(f"ck_adoption_{name}_length"))
            for name in TEXTS
        ],
        sa.CheckConstraint("char_length(evidence_url) <= 2000", name=op.f("ck_adoption_evidence_url_length")),
        sa.CheckConstraint(
            "stage IN ('exploring', 'adapting', 'piloting', 'running', 'scaled', 'stopped')",
            name=op.f("ck_adoption_stage"),
        ),
        sa.CheckConstraint("resulting_practice_id <> practice_id", name=op.f("ck_adoption_resulting_practice_itself")),
        sa.CheckConstraint("(stage = 'stopped') <= (why_stopped IS NOT NULL)", name=op.f("ck_adoption_why_stopped")),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name=op.f("fk_adoption_city_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["exchange_request_id"],
            ["exchange_request.id"],
            name=op.f("fk_adoption_exchange_request_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_adoption_practice_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["resulting_practice_id"],
            ["practice.id"],
            name=op.f("fk_adoption_resulting_practice_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adoption")),
        sa.UniqueConstraint("practice_id", "city_id", name="uq_adoption_practice_id_city_id"),
    )
    newest = [sa.text("created_at DESC"), sa.text("id DESC")]
    op.create_index("ix_adoption_created", "adoption", newest)
    op.create_index("ix_adoption_practice_id", "adoption", ["practice_id", *newest])
    op.create_index("ix_adoption_city_id", "adoption", ["city_id"])
    op.create_index("ix_adoption_resulting_practice_id", "adoption", ["resulting_practice_id"])
    op.create_index("ix_adoption_exchange_request_id", "adoption", ["exchange_request_id"])


def downgrade() -> None:
    op.drop_table("adoption")
