"""Webhooks: what happens is noted by triggers while anybody is to be told of it, and delivered from a table.

Revision ID: d4a7f1c39b02
Revises: c3a9f1d07b28
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "d4a7f1c39b02"
down_revision = "c3a9f1d07b28"
branch_labels = None
depends_on = None

EVENTS = (
    "practice.published", "practice.updated", "practice.archived", "practice.withdrawn", "exchange_request.created",
    "exchange_request.transitioned", "exchange_request.expiring", "response.created", "response.transitioned",
    "message.created", "adoption.created", "adoption.updated", "verification.due",
)  # fmt: skip
LISTED = ", ".join(f"'{event}'" for event in EVENTS)

# While no webhook asks for events of a kind, a write costs one look at a small table and leaves nothing here.
FUNCTIONS = (
    """
CREATE FUNCTION px_events_wanted(kind text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM webhook w, unnest(w.events) AS e
                   WHERE w.status = 'active' AND split_part(e, '.', 1) = kind)
$$""",
    """
CREATE FUNCTION px_practice_inserted_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF px_events_wanted('practice') THEN
        INSERT INTO webhook_event (type, record_id, version, visibility)
        SELECT 'practice.published', id, version, visibility FROM fresh WHERE status = 'published';
    END IF;
    RETURN NULL;
END $$""",
    """
CREATE FUNCTION px_practice_updated_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF px_events_wanted('practice') THEN
        INSERT INTO webhook_event (type, record_id, version, visibility, was)
        SELECT c.type, c.id, c.version, c.visibility, c.was FROM (
            SELECT f.id, f.version, f.visibility,
                CASE WHEN s.status = 'published' THEN nullif(s.visibility, f.visibility) END AS was, CASE
                WHEN f.status = 'published' AND s.status <> 'published' THEN 'practice.published'
                WHEN f.status = 'published' AND f.version > s.version THEN 'practice.updated'
                WHEN f.status = 'archived' AND s.status = 'published' THEN 'practice.archived'
                WHEN f.status IN ('withdrawn', 'merged') AND s.status IN ('published', 'archived')
                    THEN 'practice.withdrawn' END AS type
            FROM fresh f JOIN stale s USING (id)) c
        WHERE c.type IS NOT NULL;
    END IF;
    RETURN NULL;
END $$""",
    """
CREATE FUNCTION px_request_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT px_events_wanted('exchange_request') THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO webhook_event (type, record_id, version, visibility, status)
        VALUES ('exchange_request.created', NEW.id, NEW.version, NEW.visibility, NEW.status);
    ELSIF NEW.status <> OLD.status THEN
        INSERT INTO webhook_event (type, record_id, version, visibility, status)
        VALUES ('exchange_request.transitioned', NEW.id, NEW.version, NEW.visibility, NEW.status);
    ELSIF (NEW.warned_of, NEW.warned_days) IS DISTINCT FROM (OLD.warned_of, OLD.warned_days) THEN
        INSERT INTO webhook_event (type, record_id, version, visibility, status)
        VALUES ('exchange_request.expiring', NEW.id, NEW.version, NEW.visibility, NEW.status);
    END IF;
    RETURN NULL;
END $$""",
    """
CREATE FUNCTION px_response_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT px_events_wanted('response') THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO webhook_event (type, record_id, version, status)
        VALUES ('response.created', NEW.id, NEW.version, NEW.status);
    ELSIF NEW.status <> OLD.status THEN
        INSERT INTO webhook_event (type, record_id, version, status)
        VALUES ('response.transitioned', NEW.id, NEW.version, NEW.status);
    END IF;
    RETURN NULL;
END $$""",
    """
CREATE FUNCTION px_message_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF px_events_wanted('message') THEN
        INSERT INTO webhook_event (type, record_id, version) VALUES ('message.created', NEW.id, 1);
    END IF;
    RETURN NULL;
END $$""",
    """
CREATE FUNCTION px_adoption_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF px_events_wanted('adoption') THEN
        INSERT INTO webhook_event (type, record_id, version)
        VALUES (CASE TG_OP WHEN 'INSERT' THEN 'adoption.created' ELSE 'adoption.updated' END, NEW.id, NEW.version);
    END IF;
    RETURN NULL;
END $$""",
)
TRIGGERS = (
    """
CREATE TRIGGER practice_inserted_events AFTER INSERT ON practice
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION px_practice_inserted_events()""",
    """
CREATE TRIGGER practice_updated_events AFTER UPDATE ON practice
    REFERENCING OLD TABLE AS stale NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION px_practice_updated_events()""",
    """
CREATE TRIGGER request_made_events AFTER INSERT ON exchange_request FOR EACH ROW
    WHEN (NEW.status = 'open') EXECUTE FUNCTION px_request_events()""",
    """
CREATE TRIGGER request_changed_events AFTER UPDATE OF status, warned_of, warned_days ON exchange_request FOR EACH ROW
    EXECUTE FUNCTION px_request_events()""",
    """
CREATE TRIGGER response_events AFTER INSERT OR UPDATE OF status ON response FOR EACH ROW
    EXECUTE FUNCTION px_response_events()""",
    """
CREATE TRIGGER message_events AFTER INSERT ON message FOR EACH ROW EXECUTE FUNCTION px_message_events()""",
    """
CREATE TRIGGER adoption_made_events AFTER INSERT ON adoption FOR EACH ROW EXECUTE FUNCTION px_adoption_events()""",
    """
CREATE TRIGGER adoption_changed_events AFTER UPDATE ON adoption FOR EACH ROW
    WHEN (NEW.version > OLD.version) EXECUTE FUNCTION px_adoption_events()""",
)
DROPPED = (
    ("px_practice_inserted_events()", "practice", ("practice_inserted_events",)),
    ("px_practice_updated_events()", "practice", ("practice_updated_events",)),
    ("px_request_events()", "exchange_request", ("request_made_events", "request_changed_events")),
    ("px_response_events()", "response", ("response_events",)),
    ("px_message_events()", "message", ("message_events",)),
    ("px_adoption_events()", "adoption", ("adoption_made_events", "adoption_changed_events")),
)


def moment(name: str, *, nullable: bool = False, now: bool = False) -> "sa.Column[Any]":
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("events", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("filter", sa.Text(), nullable=True),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        moment("previous_secret_until", nullable=True),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        moment("disabled_at", nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        moment("failing_since", nullable=True),
        moment("resting_until", nullable=True),
        moment("created_at", now=True),
        moment("updated_at", now=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("char_length(url) <= 2000", name=op.f("ck_webhook_url_length")),
        sa.CheckConstraint("char_length(description) <= 200", name=op.f("ck_webhook_description_length")),
        sa.CheckConstraint("char_length(filter) <= 2000", name=op.f("ck_webhook_filter_length")),
        sa.CheckConstraint(f"events <@ ARRAY[{LISTED}]::text[]", name=op.f("ck_webhook_events")),
        sa.CheckConstraint("status IN ('active', 'disabled')", name=op.f("ck_webhook_status")),
        sa.CheckConstraint(
            "disabled_reason IN ('paused', 'failing', 'gone', 'filter')", name=op.f("ck_webhook_disabled_reason")
        ),
        sa.CheckConstraint(
            "organization = 'operator' OR organization LIKE 'city:%' OR organization LIKE 'network:%'",
            name=op.f("ck_webhook_organization"),
        ),
        sa.CheckConstraint("(status = 'disabled') = (disabled_at IS NOT NULL)", name=op.f("ck_webhook_disabled_at")),
        sa.CheckConstraint("(status = 'disabled') = (disabled_reason IS NOT NULL)", name=op.f("ck_webhook_disabled")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_index(
        "ix_webhook_organization", "webhook", ["organization", sa.text("created_at DESC"), sa.text("id DESC")]
    )
    op.create_table(
        "webhook_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("visibility", sa.Text(), nullable=True),
        sa.Column("was", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        moment("at", now=True),
        sa.CheckConstraint(f"type IN ({LISTED})", name=op.f("ck_webhook_event_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_event")),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        moment("due_at", nullable=True, now=True),
        moment("leased_until", nullable=True),
        moment("first_tried_at", nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts", postgresql.JSONB(), server_default="[]", nullable=False),
        moment("created_at", now=True),
        moment("delivered_at", nullable=True),
        sa.CheckConstraint("status IN ('pending', 'delivered', 'failed')", name=op.f("ck_webhook_delivery_status")),
        sa.CheckConstraint("(status = 'pending') = (due_at IS NOT NULL)", name=op.f("ck_webhook_delivery_due_at")),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_webhook_delivery_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint("webhook_id", "event_id", name="uq_webhook_delivery_webhook_id_event_id"),
    )
    pending = sa.text("status = 'pending'")
    op.create_index("ix_webhook_delivery_number", "webhook_delivery", ["webhook_id", sa.text("number DESC")])
    op.create_index("ix_webhook_delivery_due", "webhook_delivery", ["webhook_id", "due_at"], postgresql_where=pending)
    op.create_index(
        "ix_webhook_delivery_record", "webhook_delivery", ["webhook_id", "record_id", "number"],
        postgresql_where=pending,
    )  # fmt: skip
    op.create_index("ix_webhook_delivery_created_at", "webhook_delivery", ["created_at"])
    op.create_table(
        "verification_notice",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        moment("due_at"),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_verification_notice_practice_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("practice_id", name=op.f("pk_verification_notice")),
    )
    for statement in (*FUNCTIONS, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    for function, table, triggers in DROPPED:
        for trigger in triggers:
            op.execute(f"DROP TRIGGER {trigger} ON {table}")
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP FUNCTION px_events_wanted(text)")
    for table in ("verification_notice", "webhook_delivery", "webhook_event", "webhook"):
        op.drop_table(table)
