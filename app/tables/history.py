"""What happened: the feed of changes, the timeline of states, the audit trail."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, Integer, Sequence, text
from sqlmodel import Field, SQLModel

from app.fields import NOTE_LENGTH
from app.identifiers import uuid7
from app.tables.base import json_value, moment, words

DIRTY = Sequence("feed_dirty_seq", metadata=SQLModel.metadata)
POSITION = Sequence("feed_position_seq", metadata=SQLModel.metadata)


class Feed(SQLModel, table=True):
    """One row per record: that it changed, and at which position readers of the feed meet the change."""

    __tablename__ = "feed"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("op IN ('upsert', 'delete')", name="op"),
        Index("ix_feed_seq", "seq", unique=True),
        Index("ix_feed_dirty", "dirty", postgresql_where=text("seq IS NULL")),
        Index(
            "ix_feed_practice_stamped_at",
            "stamped_at",
            "seq",
            postgresql_where=text("type = 'practice' AND seq IS NOT NULL"),
        ),
    )

    type: str = Field(sa_column=words("type", primary_key=True))
    id: str = Field(sa_column=words("id", primary_key=True))
    version: int
    op: str = Field(sa_column=words("op"))
    origin: str | None = Field(sa_column=words("origin", nullable=True))
    dirty: int = Field(sa_column=Column("dirty", BigInteger, DIRTY, server_default=DIRTY.next_value(), nullable=False))
    seq: int | None = Field(sa_column=Column("seq", BigInteger, nullable=True))
    stamped_at: datetime | None = Field(sa_column=moment("stamped_at", nullable=True))


class Transition(SQLModel, table=True):
    """One step in a record's life: who, when, from, to, note."""

    __tablename__ = "transition"
    __table_args__: ClassVar[Any] = (Index("ix_transition_record", "record_type", "record_id", "id"),)

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    record_type: str = Field(sa_column=words("record_type"))
    record_id: UUID
    from_status: str | None = Field(sa_column=words("from_status", nullable=True))
    to_status: str = Field(sa_column=words("to_status"))
    organization: str = Field(sa_column=words("organization"))
    client_id: str | None = Field(sa_column=words("client_id", nullable=True))
    note: str | None = Field(sa_column=words("note", length=NOTE_LENGTH, nullable=True))
    reason: str | None = Field(sa_column=words("reason", nullable=True))
    at: datetime = Field(sa_column=moment("at", now=True))


class Audit(SQLModel, table=True):
    """Who changed what, when, with which client. A trigger refuses every change of a row."""

    __tablename__ = "audit"
    __table_args__: ClassVar[Any] = (
        Index("ix_audit_organization", "organization", "id"),
        Index("ix_audit_record", "record_type", "record_id", "id"),
    )

    id: int = Field(sa_column=Column("id", BigInteger, Identity(always=True), primary_key=True))
    at: datetime = Field(sa_column=moment("at", now=True))
    organization: str = Field(sa_column=words("organization"))
    client_id: str | None = Field(sa_column=words("client_id", nullable=True))
    request_id: str | None = Field(sa_column=words("request_id", nullable=True))
    action: str = Field(sa_column=words("action"))
    record_type: str = Field(sa_column=words("record_type"))
    record_id: str = Field(sa_column=words("record_id"))
    version: int | None = Field(sa_column=Column("version", Integer, nullable=True))
    changed: list[str] | None = Field(sa_column=json_value("changed"))
