"""Practices and what hangs on them."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.fields import (
    EMAIL_LENGTH,
    IDENTIFIER_LENGTH,
    MARKDOWN_LENGTH,
    NAME_LENGTH,
    NOTE_LENGTH,
    SLUG_LENGTH,
    SUMMARY_LENGTH,
    TITLE_LENGTH,
    URL_LENGTH,
    BudgetBand,
    PracticeStatus,
    Stage,
    TranslationStatus,
)
from app.identifiers import uuid7
from app.tables.base import choice, json_value, moment, reference, text_array, words

# As app/visibility.py says it, which stands above; else no list would be read by these indexes.
PUBLIC = "status = 'published' AND visibility = 'public'"
NEWEST = (text("listed_at DESC"), text("id DESC"))


def _practice_id(*, primary_key: bool = False) -> Any:
    return Column("practice_id", ForeignKey("practice.id", ondelete="CASCADE"), nullable=False, primary_key=primary_key)


class Practice(SQLModel, table=True):
    """What a city did.

    `tags`, `tag_closure` (the tags and all that are broader) and `partner_cities` are arrays, kept true by triggers:
    a page then reads one row per practice, and one GIN index answers every combination of tags.
    `listed_at` is when it was published, or made: the order of the newest first.
    """

    __tablename__ = "practice"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("visibility IN ('public', 'members') OR visibility LIKE 'network:%'", name="visibility"),
        CheckConstraint("year_start BETWEEN 1900 AND 2100", name="year_start"),
        CheckConstraint("year_end BETWEEN 1900 AND 2100 AND year_end >= coalesce(year_start, 1900)", name="year_end"),
        CheckConstraint("evidence_level BETWEEN 0 AND 5", name="evidence_level"),
        CheckConstraint("staff_fte BETWEEN 0 AND 1000000", name="staff_fte"),
        CheckConstraint("months_to_implement BETWEEN 0 AND 1200", name="months_to_implement"),
        CheckConstraint("beneficiaries >= 0", name="beneficiaries"),
        CheckConstraint("status NOT IN ('published', 'archived') OR published_at IS NOT NULL", name="published_at"),
        CheckConstraint("(status = 'merged') = (successor IS NOT NULL)", name="successor"),
        CheckConstraint("successor <> id", name="successor_itself"),
        CheckConstraint("(status = 'submitted') <= (submitted_to IS NOT NULL)", name="submitted_to"),
        Index("ix_practice_public_listed", text("listed_at DESC"), text("id DESC"), postgresql_where=text(PUBLIC)),
        Index("ix_practice_listed", text("listed_at DESC"), text("id DESC")),
        Index("ix_practice_updated", text("updated_at DESC"), text("id DESC")),
        Index("ix_practice_title", text("lower(title)"), "id"),
        Index("ix_practice_city", "city_id", text("listed_at DESC"), text("id DESC")),
        Index("ix_practice_public_city", "city_id", postgresql_where=text(PUBLIC)),
        *(
            Index(f"ix_practice_public_{name}", name, *NEWEST, postgresql_where=text(PUBLIC))
            for name in ("language", "stage", "budget_band")
        ),
        Index("ix_practice_offers", "offers", postgresql_using="gin"),
        Index("ix_practice_tag_closure", "tag_closure", postgresql_using="gin"),
        Index("ix_practice_networks", "networks", postgresql_using="gin"),
        # Few rows lead on; but whenever a record ends, it is looked up whether one leads to it.
        *(
            Index(f"ix_practice_{name}", name, postgresql_where=text(f"{name} IS NOT NULL"))
            for name in ("successor", "submitted_to")
        ),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    title: str = Field(sa_column=words("title", length=TITLE_LENGTH))
    summary: str | None = Field(sa_column=words("summary", length=SUMMARY_LENGTH, nullable=True))
    challenge: str | None = Field(sa_column=words("challenge", length=MARKDOWN_LENGTH, nullable=True))
    description: str | None = Field(sa_column=words("description", length=MARKDOWN_LENGTH, nullable=True))
    results: str | None = Field(sa_column=words("results", length=MARKDOWN_LENGTH, nullable=True))
    lessons: str | None = Field(sa_column=words("lessons", length=MARKDOWN_LENGTH, nullable=True))
    what_failed: str | None = Field(sa_column=words("what_failed", length=MARKDOWN_LENGTH, nullable=True))
    conditions: str | None = Field(sa_column=words("conditions", length=MARKDOWN_LENGTH, nullable=True))
    language: str = Field(sa_column=words("language"))
    tags: list[str] = Field(sa_column=text_array("tags"))
    tag_closure: list[str] = Field(sa_column=text_array("tag_closure"))
    keywords: list[str] = Field(sa_column=text_array("keywords"))
    resources: list[dict[str, Any]] = Field(sa_column=json_value("resources", "[]"))
    license: str = Field(sa_column=words("license", server_default="CC-BY-4.0"))
    city_id: str = Field(sa_column=reference("city_id", "city.id"))
    partner_cities: list[str] = Field(sa_column=text_array("partner_cities"))
    implementers: list[dict[str, Any]] = Field(sa_column=json_value("implementers", "[]"))
    contact_unit: str | None = Field(sa_column=words("contact_unit", length=NAME_LENGTH, nullable=True))
    contact_email: str | None = Field(sa_column=words("contact_email", length=EMAIL_LENGTH, nullable=True))
    year_start: int | None = Field(sa_column=Column("year_start", SmallInteger))
    year_end: int | None = Field(sa_column=Column("year_end", SmallInteger))
    stage: str | None = Field(sa_column=choice("stage", Stage, nullable=True))
    budget_band: str | None = Field(sa_column=choice("budget_band", BudgetBand, nullable=True))
    staff_fte: float | None = None
    months_to_implement: int | None = None
    beneficiaries: int | None = None
    indicators: list[dict[str, Any]] = Field(sa_column=json_value("indicators", "[]"))
    evidence_level: int | None = Field(sa_column=Column("evidence_level", SmallInteger))
    offers: list[str] = Field(sa_column=text_array("offers"))
    accepting_exchanges: bool = Field(default=True, sa_column_kwargs={"server_default": "true"})
    adoption_count: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    status: str = Field(sa_column=choice("status", PracticeStatus, server_default="draft"))
    visibility: str = Field(sa_column=words("visibility", server_default="public"))
    submitted_to: str | None = Field(sa_column=reference("submitted_to", "network.id", nullable=True))
    networks: list[str] = Field(sa_column=text_array("networks"))
    claimed: bool = Field(default=True, sa_column_kwargs={"server_default": "true"})
    last_verified_at: datetime | None = Field(sa_column=moment("last_verified_at", nullable=True))
    successor: UUID | None = Field(
        sa_column=Column("successor", ForeignKey("practice.id", ondelete="RESTRICT"), nullable=True)
    )
    closed_note: str | None = Field(sa_column=words("closed_note", length=NOTE_LENGTH, nullable=True))
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
    updated_at: datetime = Field(sa_column=moment("updated_at", now=True))
    published_at: datetime | None = Field(sa_column=moment("published_at", nullable=True))
    listed_at: datetime = Field(sa_column=moment("listed_at", now=True))
    version: int = Field(sa_column=Column("version", Integer, nullable=False, server_default="1"))


class PracticeExternalId(SQLModel, table=True):
    """A practice's identity elsewhere; one identity belongs to one practice."""

    __tablename__ = "practice_external_id"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("scheme", "value", name="uq_practice_external_id_scheme_value"),
        Index("ix_practice_external_id_practice_id", "practice_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    practice_id: UUID = Field(sa_column=_practice_id())
    scheme: str = Field(sa_column=words("scheme", length=SLUG_LENGTH))
    value: str = Field(sa_column=words("value", length=IDENTIFIER_LENGTH))
    url: str | None = Field(sa_column=words("url", length=URL_LENGTH, nullable=True))


class PracticeOrigin(SQLModel, table=True):
    """A network that brought the record in, under an id of its own."""

    __tablename__ = "practice_origin"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("practice_id", "network_id", name="uq_practice_origin_practice_id_network_id"),
        Index("ix_practice_origin_url", "url", postgresql_using="hash"),
    )

    network_id: str = Field(sa_column=reference("network_id", "network.id", primary_key=True))
    external_id: str = Field(sa_column=words("external_id", length=IDENTIFIER_LENGTH, primary_key=True))
    practice_id: UUID = Field(sa_column=_practice_id())
    url: str | None = Field(sa_column=words("url", length=URL_LENGTH, nullable=True))
    last_synced_at: datetime = Field(sa_column=moment("last_synced_at", now=True))
    linked: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})


class PracticeTranslation(SQLModel, table=True):
    """The texts in another language."""

    __tablename__ = "practice_translation"

    practice_id: UUID = Field(sa_column=_practice_id(primary_key=True))
    language: str = Field(sa_column=Column("language", Text, primary_key=True, nullable=False))
    status: str = Field(sa_column=choice("status", TranslationStatus))
    texts: dict[str, str] = Field(sa_column=json_value("texts", "{}"))
    updated_at: datetime = Field(sa_column=moment("updated_at", now=True))


class PracticeEndorsement(SQLModel, table=True):
    """A member city or network that vouches for a practice."""

    __tablename__ = "practice_endorsement"

    practice_id: UUID = Field(sa_column=_practice_id(primary_key=True))
    organization: str = Field(sa_column=Column("organization", Text, primary_key=True, nullable=False))
    comment: str | None = Field(sa_column=words("comment", length=NOTE_LENGTH, nullable=True))
    at: datetime = Field(sa_column=moment("at", now=True))


class PracticeVersion(SQLModel, table=True):
    """What a practice was while it was published, before a change took its place. A trigger keeps it.

    The newest version is the practice itself. `content` is what `px_practice_content` makes of the row and of what
    hangs on it; who changed it when stands in the audit trail.
    """

    __tablename__ = "practice_version"

    practice_id: UUID = Field(
        sa_column=Column("practice_id", ForeignKey("practice.id", ondelete="RESTRICT"), primary_key=True)
    )
    version: int = Field(sa_column=Column("version", Integer, primary_key=True, autoincrement=False))
    visibility: str = Field(sa_column=words("visibility"))
    content: dict[str, Any] = Field(sa_column=Column("content", JSONB, nullable=False))
    updated_at: datetime = Field(sa_column=moment("updated_at"))


class PracticeLeftSet(SQLModel, table=True):
    """A set of the harvesting protocol that the practice was in; written by triggers, read by harvesters of the set."""

    __tablename__ = "practice_left_set"
    __table_args__: ClassVar[Any] = (Index("ix_practice_left_set_set_spec", "set_spec"),)

    practice_id: UUID = Field(sa_column=_practice_id(primary_key=True))
    set_spec: str = Field(sa_column=Column("set_spec", Text, primary_key=True, nullable=False))
    left_at: datetime = Field(sa_column=moment("left_at", now=True))
