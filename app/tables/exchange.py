"""Exchange requests, the answers to them, and what the two sides say to each other."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, text
from sqlmodel import Field, SQLModel

from app.fields import (
    MARKDOWN_LENGTH,
    NOTE_LENGTH,
    TITLE_LENGTH,
    ClosedReason,
    CostsCovered,
    PopulationBand,
    RequestKind,
    RequestStatus,
    RequestVisibility,
    ResponseStatus,
    Role,
    Support,
)
from app.identifiers import uuid7
from app.tables.base import choice, choices, json_value, moment, reference, text_array, words


class ExchangeRequest(SQLModel, table=True):
    """A city asks for help, or offers it."""

    __tablename__ = "exchange_request"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("(status = 'cancelled') <= (closed_reason IS NOT NULL)", name="closed"),
        CheckConstraint("visibility <> 'addressed' OR addressed_to <> '{}'", name="addressed"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
        Index("ix_exchange_request_created", text("created_at DESC"), text("id DESC")),
        Index("ix_exchange_request_city", "city_id", text("created_at DESC"), text("id DESC")),
        Index("ix_exchange_request_tag_closure", "tag_closure", postgresql_using="gin"),
        Index("ix_exchange_request_addressed_to", "addressed_to", postgresql_using="gin"),
        Index("ix_exchange_request_due", "expires_at", postgresql_where=text("status IN ('open', 'returned')")),
        Index("ix_exchange_request_practice_id", "practice_id"),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    kind: str = Field(sa_column=choice("kind", RequestKind))
    formats: list[str] = Field(sa_column=text_array("formats"))
    title: str = Field(sa_column=words("title", length=TITLE_LENGTH))
    need: str = Field(sa_column=words("need", length=MARKDOWN_LENGTH))
    already_tried: str | None = Field(sa_column=words("already_tried", length=MARKDOWN_LENGTH, nullable=True))
    expected_result: str | None = Field(sa_column=words("expected_result", length=MARKDOWN_LENGTH, nullable=True))
    support_sought: list[str] = Field(sa_column=choices("support_sought", Support))
    language: str = Field(sa_column=words("language"))
    languages: list[str] = Field(sa_column=text_array("languages"))
    tags: list[str] = Field(sa_column=text_array("tags"))
    tag_closure: list[str] = Field(sa_column=text_array("tag_closure"))
    city_id: str = Field(sa_column=reference("city_id", "city.id"))
    practice_id: UUID | None = Field(
        sa_column=Column("practice_id", ForeignKey("practice.id", ondelete="SET NULL"), nullable=True)
    )
    addressed_to: list[str] = Field(sa_column=text_array("addressed_to"))
    preferred_countries: list[str] = Field(sa_column=text_array("preferred_countries"))
    preferred_population_band: str | None = Field(
        sa_column=choice("preferred_population_band", PopulationBand, nullable=True)
    )
    preferred_roles: list[str] = Field(sa_column=choices("preferred_roles", Role))
    costs_covered: str = Field(sa_column=choice("costs_covered", CostsCovered, server_default="none"))
    needed_by: date | None = None
    expires_at: datetime = Field(sa_column=moment("expires_at"))
    visibility: str = Field(sa_column=choice("visibility", RequestVisibility, server_default="public"))
    status: str = Field(sa_column=choice("status", RequestStatus, server_default="open"))
    closed_reason: str | None = Field(sa_column=choice("closed_reason", ClosedReason, nullable=True))
    closed_note: str | None = Field(sa_column=words("closed_note", length=NOTE_LENGTH, nullable=True))
    outcome: dict[str, Any] | None = Field(sa_column=json_value("outcome"))
    response_count: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    external_id: str | None = Field(sa_column=words("external_id", nullable=True, unique=True))
    warned_of: datetime | None = Field(sa_column=moment("warned_of", nullable=True))
    warned_days: int | None = None
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
    updated_at: datetime = Field(sa_column=moment("updated_at", now=True))
    version: int = Field(sa_column=Column("version", Integer, nullable=False, server_default="1"))


class Response(SQLModel, table=True):
    """A city answers a request. One live answer of each city, and one accepted answer of all."""

    __tablename__ = "response"
    __table_args__: ClassVar[Any] = (
        Index(
            "uq_response_live", "request_id", "city_id", unique=True,
            postgresql_where=text("status IN ('proposed', 'tentative', 'accepted')"),
        ),
        Index("uq_response_accepted", "request_id", unique=True, postgresql_where=text("status = 'accepted'")),
        Index("ix_response_request_id", "request_id", "created_at", "id"),
        Index("ix_response_city_id", "city_id", "request_id"),
        Index("ix_response_practice_id", "practice_id"),
    )  # fmt: skip

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    request_id: UUID = Field(
        sa_column=Column("request_id", ForeignKey("exchange_request.id", ondelete="CASCADE"), nullable=False)
    )
    city_id: str = Field(sa_column=reference("city_id", "city.id"))
    practice_id: UUID | None = Field(
        sa_column=Column("practice_id", ForeignKey("practice.id", ondelete="SET NULL"), nullable=True)
    )
    message: str | None = Field(sa_column=words("message", length=MARKDOWN_LENGTH, nullable=True))
    status: str = Field(sa_column=choice("status", ResponseStatus, server_default="proposed"))
    decline_reason: str | None = Field(sa_column=words("decline_reason", length=NOTE_LENGTH, nullable=True))
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
    updated_at: datetime = Field(sa_column=moment("updated_at", now=True))
    version: int = Field(sa_column=Column("version", Integer, nullable=False, server_default="1"))


class Message(SQLModel, table=True):
    """What one side of a match writes to the other: of the answer's pair of cities, and nobody else's business."""

    __tablename__ = "message"
    __table_args__: ClassVar[Any] = (Index("ix_message_response_id", "response_id", "created_at", "id"),)

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    response_id: UUID = Field(
        sa_column=Column("response_id", ForeignKey("response.id", ondelete="CASCADE"), nullable=False)
    )
    city_id: str = Field(sa_column=reference("city_id", "city.id"))
    body: str = Field(sa_column=words("body", length=MARKDOWN_LENGTH))
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
