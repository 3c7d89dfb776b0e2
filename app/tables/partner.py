"""Other exchanges and repositories that records come from or go to, and how far that has come."""

from datetime import datetime
from typing import Any, ClassVar, Literal

from sqlalchemy import CheckConstraint, Column, ForeignKey, Identity, Index, Integer, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.fields import NAME_LENGTH, SLUG_LENGTH, URL_LENGTH, Direction
from app.tables.base import choice, json_value, moment, words

PartnerRecordType = Literal["practice", "city", "tag"]


class Partner(SQLModel, table=True):
    """One direction of one partner: where to go on, kept in the transactions that bring the records.

    `generation` counts the full copies; while one is under way (`is_copying`) what it has not met yet may be gone.
    """

    __tablename__ = "partner"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("direction", "url", "network_id", "selection", name="uq_partner_direction_url"),
        CheckConstraint("generation > 0", name="generation"),
    )

    id: int | None = Field(default=None, sa_column=Column("id", Integer, Identity(always=True), primary_key=True))
    direction: str = Field(sa_column=choice("direction", Direction))
    url: str = Field(sa_column=words("url", length=URL_LENGTH))
    network_id: str = Field(sa_column=words("network_id", length=SLUG_LENGTH))
    selection: str = Field(sa_column=words("selection", server_default=""))
    position: str | None = Field(sa_column=Column("position", Text, nullable=True))
    generation: int = Field(sa_column=Column("generation", Integer, nullable=False, server_default="1"))
    is_copying: bool = Field(default=True, sa_column_kwargs={"server_default": "true"})
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
    updated_at: datetime = Field(sa_column=moment("updated_at", now=True))


class PartnerRecord(SQLModel, table=True):
    """A record that a partner has sent, or was sent; `refused` says why it was not taken.

    What may still be taken once something else is there lies in `waiting`, as it came.
    """

    __tablename__ = "partner_record"
    __table_args__: ClassVar[Any] = (
        Index("ix_partner_record_waiting", "partner_id", postgresql_where=text("waiting IS NOT NULL")),
    )

    partner_id: int = Field(
        sa_column=Column("partner_id", ForeignKey("partner.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )
    type: str = Field(sa_column=choice("type", PartnerRecordType, primary_key=True))
    external_id: str = Field(sa_column=words("external_id", length=NAME_LENGTH, primary_key=True))
    generation: int = Field(sa_column=Column("generation", Integer, nullable=False))
    refused: str | None = Field(sa_column=Column("refused", Text, nullable=True))
    waiting: dict[str, Any] | None = Field(sa_column=json_value("waiting"))
