"""What is kept so that reading is quick; all of it can be made anew from the other tables at any time."""

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel

from app.tables.base import words


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
