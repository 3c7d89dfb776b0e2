"""Webhooks, what happened that they may be told of, and what was delivered to them."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from app.fields import NAME_LENGTH, URL_LENGTH, DeliveryStatus, DisabledReason, EventName, WebhookStatus
from app.identifiers import uuid7
from app.tables.base import choice, choices, json_value, moment, text_array, words

PENDING = "status = 'pending'"


class Webhook(SQLModel, table=True):
    """A URL that an organization wants to be told at.

    `scopes` are those of the token that made or last changed it, as far as they decide what it may see. While it fails,
    `failing_since` and `failures` tell since when and how often in a row, and `resting_until` holds everything back.
    """

    __tablename__ = "webhook"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(
            "organization = 'operator' OR organization LIKE 'city:%' OR organization LIKE 'network:%'",
            name="organization",
        ),
        CheckConstraint("(status = 'disabled') = (disabled_at IS NOT NULL)", name="disabled_at"),
        CheckConstraint("(status = 'disabled') = (disabled_reason IS NOT NULL)", name="disabled"),
        Index("ix_webhook_organization", "organization", text("created_at DESC"), text("id DESC")),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    organization: str = Field(sa_column=words("organization"))
    scopes: list[str] = Field(sa_column=text_array("scopes"))
    base_url: str = Field(sa_column=words("base_url"))
    url: str = Field(sa_column=words("url", length=URL_LENGTH))
    description: str | None = Field(sa_column=words("description", length=NAME_LENGTH, nullable=True))
    events: list[str] = Field(sa_column=choices("events", EventName))
    filter: str | None = Field(sa_column=words("filter", length=URL_LENGTH, nullable=True))
    secret: str = Field(sa_column=words("secret"))
    previous_secret: str | None = Field(sa_column=words("previous_secret", nullable=True))
    previous_secret_until: datetime | None = Field(sa_column=moment("previous_secret_until", nullable=True))
    status: str = Field(sa_column=choice("status", WebhookStatus, server_default="active"))
    disabled_reason: str | None = Field(sa_column=choice("disabled_reason", DisabledReason, nullable=True))
    disabled_at: datetime | None = Field(sa_column=moment("disabled_at", nullable=True))
    failures: int = Field(sa_column=Column("failures", Integer, nullable=False, server_default="0"))
    failing_since: datetime | None = Field(sa_column=moment("failing_since", nullable=True))
    resting_until: datetime | None = Field(sa_column=moment("resting_until", nullable=True))
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
    updated_at: datetime = Field(sa_column=moment("updated_at", now=True))
    version: int = Field(sa_column=Column("version", Integer, nullable=False, server_default="1"))


class WebhookEvent(SQLModel, table=True):
    """Something that happened, until it is known who is told: written by triggers in the transaction that did it.

    `visibility` is the record's at that moment, `was` the one before it where an update changed it.
    """

    __tablename__ = "webhook_event"

    id: int = Field(sa_column=Column("id", BigInteger, Identity(always=True), primary_key=True))
    type: str = Field(sa_column=choice("type", EventName))
    record_id: UUID
    version: int
    visibility: str | None = Field(sa_column=words("visibility", nullable=True))
    was: str | None = Field(sa_column=words("was", nullable=True))
    status: str | None = Field(sa_column=words("status", nullable=True))
    at: datetime = Field(sa_column=moment("at", now=True))


class WebhookDelivery(SQLModel, table=True):
    """An event on its way to one webhook, or there: one row for both, however often it is tried.

    Whoever tries holds the row until `leased_until`; then another may, because the first one must have died.
    """

    __tablename__ = "webhook_delivery"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("webhook_id", "event_id", name="uq_webhook_delivery_webhook_id_event_id"),
        CheckConstraint(f"({PENDING}) = (due_at IS NOT NULL)", name="due_at"),
        Index("ix_webhook_delivery_number", "webhook_id", text("number DESC")),
        Index("ix_webhook_delivery_due", "webhook_id", "due_at", postgresql_where=text(PENDING)),
        Index("ix_webhook_delivery_record", "webhook_id", "record_id", "number", postgresql_where=text(PENDING)),
        Index("ix_webhook_delivery_created_at", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    number: int = Field(sa_column=Column("number", BigInteger, Identity(always=True), nullable=False))
    webhook_id: UUID = Field(
        sa_column=Column("webhook_id", ForeignKey("webhook.id", ondelete="CASCADE"), nullable=False)
    )
    event_id: int | None = Field(sa_column=Column("event_id", BigInteger, nullable=True))
    event: str = Field(sa_column=words("event"))
    record_id: UUID
    payload: str = Field(sa_column=Column("payload", Text, nullable=False))
    status: str = Field(sa_column=choice("status", DeliveryStatus, server_default="pending"))
    due_at: datetime | None = Field(sa_column=moment("due_at", nullable=True, now=True))
    leased_until: datetime | None = Field(sa_column=moment("leased_until", nullable=True))
    first_tried_at: datetime | None = Field(sa_column=moment("first_tried_at", nullable=True))
    tries: int = Field(sa_column=Column("tries", Integer, nullable=False, server_default="0"))
    attempts: list[dict[str, Any]] = Field(sa_column=json_value("attempts", "[]"))
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
    delivered_at: datetime | None = Field(sa_column=moment("delivered_at", nullable=True))


class VerificationNotice(SQLModel, table=True):
    """That a practice's city was told of a verification that is due, and of which due date."""

    __tablename__ = "verification_notice"

    practice_id: UUID = Field(
        sa_column=Column("practice_id", ForeignKey("practice.id", ondelete="CASCADE"), primary_key=True)
    )
    due_at: datetime = Field(sa_column=moment("due_at"))
