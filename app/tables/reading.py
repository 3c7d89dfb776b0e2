"""What is kept so that reading is quick; all of it can be made anew from the other tables at any time."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index
from sqlalchemy.dialects.postgresql import BIT
from sqlmodel import Field, SQLModel

from app.tables.base import moment, words


class PracticeDocument(SQLModel, table=True):
    """The finished public document of a practice, and what it was made from.

    It is shown only where it still fits: to the feed by `dirty`, the mark of the change that it shows, and to other
    reads by `state`, the stem of the entity tag. No foreign key: its writer must not wait for the practice's.
    """

    __tablename__ = "practice_document"
    __table_args__: ClassVar[Any] = {"postgresql_with": {"toast_tuple_target": "8160"}}

    practice_id: UUID = Field(primary_key=True)
    dirty: int = Field(sa_column=Column("dirty", BigInteger, nullable=False))
    state: str = Field(sa_column=words("state"))
    summary: str = Field(sa_column=words("summary"))
    body: str = Field(sa_column=words("body"))


class FeedFollower(SQLModel, table=True):
    """How far something of our own has followed the feed."""

    __tablename__ = "feed_follower"

    name: str = Field(sa_column=words("name", primary_key=True))
    seq: int = Field(sa_column=Column("seq", BigInteger, nullable=False))


class FacetSlot(SQLModel, table=True):
    """The number of a published practice in the bitmaps of facets, and the points in time that searches ask for."""

    __tablename__ = "facet_slot"
    __table_args__: ClassVar[Any] = (Index("ix_facet_slot_slot", "slot", unique=True),)

    practice_id: UUID = Field(primary_key=True)
    slot: int
    published_at: datetime | None = Field(sa_column=moment("published_at", nullable=True))
    updated_at: datetime = Field(sa_column=moment("updated_at"))
    fresh_at: datetime = Field(sa_column=moment("fresh_at"))


class FacetBits(SQLModel, table=True):
    """Which slots of a segment have a value: a bit for each."""

    __tablename__ = "facet_bits"
    __table_args__: ClassVar[Any] = {"postgresql_with": {"toast_tuple_target": "8160"}}

    kind: str = Field(sa_column=words("kind", primary_key=True))
    value: str = Field(sa_column=words("value", primary_key=True))
    segment: int = Field(primary_key=True)
    bits: Any = Field(sa_column=Column("bits", BIT(61_440), nullable=False))


class FacetDirty(SQLModel, table=True):
    """A change of a published practice that the bitmaps do not show yet; noted by a trigger."""

    __tablename__ = "facet_dirty"

    id: int | None = Field(default=None, sa_column=Column("id", BigInteger, Identity(always=True), primary_key=True))
    practice_id: UUID
