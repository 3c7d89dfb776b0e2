"""Exchange requests."""

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
    Role,
    Support,
)
from app.tables.base import choice, choices, json_value, moment, reference, text_array, uuid7, words


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
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
    updated_at: datetime = Field(sa_column=moment("updated_at", now=True))
    version: int = Field(sa_column=Column("version", Integer, nullable=False, server_default="1"))
