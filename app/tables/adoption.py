"""Adoptions: who took over a practice, and what became of it."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.fields import MARKDOWN_LENGTH, URL_LENGTH, AdoptionStage
from app.identifiers import uuid7
from app.tables.base import choice, moment, reference, words


class Adoption(SQLModel, table=True):
    """A city adapts the practice of another; one adoption for each city and practice."""

    __tablename__ = "adoption"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("practice_id", "city_id", name="uq_adoption_practice_id_city_id"),
        CheckConstraint("resulting_practice_id <> practice_id", name="resulting_practice_itself"),
        CheckConstraint("(stage = 'stopped') <= (why_stopped IS NOT NULL)", name="why_stopped"),
        Index("ix_adoption_created", text("created_at DESC"), text("id DESC")),
        Index("ix_adoption_practice_id", "practice_id", text("created_at DESC"), text("id DESC")),
        Index("ix_adoption_city_id", "city_id"),
        Index("ix_adoption_resulting_practice_id", "resulting_practice_id"),
        Index("ix_adoption_exchange_request_id", "exchange_request_id"),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    practice_id: UUID = Field(
        sa_column=Column("practice_id", ForeignKey("practice.id", ondelete="CASCADE"), nullable=False)
    )
    practice_version: int = Field(sa_column=Column("practice_version", Integer, nullable=False))
    city_id: str = Field(sa_column=reference("city_id", "city.id"))
    stage: str = Field(sa_column=choice("stage", AdoptionStage, server_default="exploring"))
    started_on: date | None = None
    what_was_kept: str | None = Field(sa_column=words("what_was_kept", length=MARKDOWN_LENGTH, nullable=True))
    what_was_changed: str | None = Field(sa_column=words("what_was_changed", length=MARKDOWN_LENGTH, nullable=True))
    why_stopped: str | None = Field(sa_column=words("why_stopped", length=MARKDOWN_LENGTH, nullable=True))
    results: str | None = Field(sa_column=words("results", length=MARKDOWN_LENGTH, nullable=True))
    resulting_practice_id: UUID | None = Field(
        sa_column=Column("resulting_practice_id", ForeignKey("practice.id", ondelete="SET NULL"), nullable=True)
    )
    exchange_request_id: UUID | None = Field(
        sa_column=Column("exchange_request_id", ForeignKey("exchange_request.id", ondelete="SET NULL"), nullable=True)
    )
    evidence_url: str | None = Field(sa_column=words("evidence_url", length=URL_LENGTH, nullable=True))
    confirmed_by_origin: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
    updated_at: datetime = Field(sa_column=moment("updated_at", now=True))
    version: int = Field(sa_column=Column("version", Integer, nullable=False, server_default="1"))
