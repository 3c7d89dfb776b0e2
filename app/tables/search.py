"""What the search looks in: a text vector beside each record, the names of things, and the words that are known.

All but the last are kept by triggers (see the migration `search`), so that no writer can forget them.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, Integer
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlmodel import Field, SQLModel

from app.tables.base import moment, text_array, words


def _record_id(name: str, table: str) -> Any:
    return Column(name, ForeignKey(f"{table}.id", ondelete="CASCADE"), primary_key=True, nullable=False)


class PracticeSearch(SQLModel, table=True):
    """The words of a practice, unaccented and stemmed, and marks for its tags (`#…`), cities and countries (`@…`)."""

    __tablename__ = "practice_search"
    __table_args__: ClassVar[Any] = (Index("ix_practice_search_vector", "vector", postgresql_using="gin"),)

    practice_id: UUID = Field(sa_column=_record_id("practice_id", "practice"))
    vector: Any = Field(sa_column=Column("vector", TSVECTOR, nullable=False))


class SearchDue(SQLModel, table=True):
    """A draft that is new or changed; its vector is made when somebody searches drafts, or some minutes later.

    No foreign key: whoever makes a draft must not wait.
    """

    __tablename__ = "search_due"

    id: int | None = Field(default=None, sa_column=Column("id", BigInteger, Identity(always=True), primary_key=True))
    practice_id: UUID
    noted_at: datetime | None = Field(default=None, sa_column=moment("noted_at", now=True))


class ExchangeRequestSearch(SQLModel, table=True):
    """The same for an exchange request."""

    __tablename__ = "exchange_request_search"
    __table_args__: ClassVar[Any] = (Index("ix_exchange_request_search_vector", "vector", postgresql_using="gin"),)

    exchange_request_id: UUID = Field(sa_column=_record_id("exchange_request_id", "exchange_request"))
    vector: Any = Field(sa_column=Column("vector", TSVECTOR, nullable=False))


class SearchTerm(SQLModel, table=True):
    """A name of a tag, a city or a country in one language.

    `target` is the mark that vectors carry; `phrase` is the name as it is compared, without accents; `stems` are its
    words as its language stems them, each with the language before it (`es:viviend`), `x:` for proper names; `words`
    are the same for a text in that language. Places that have no record have none: no text is asked for their names.
    """

    __tablename__ = "search_term"
    __table_args__: ClassVar[Any] = (
        Index("ix_search_term_target_language", "target", "language"),
        Index("ix_search_term_stems", "stems", postgresql_using="gin"),
        Index("ix_search_term_phrase", "phrase", postgresql_using="gin", postgresql_ops={"phrase": "gin_trgm_ops"}),
    )

    id: int | None = Field(default=None, sa_column=Column("id", Integer, Identity(always=True), primary_key=True))
    target: str = Field(sa_column=words("target"))
    language: str = Field(sa_column=words("language", server_default="x"))
    phrase: str = Field(sa_column=words("phrase"))
    stems: list[str] = Field(sa_column=text_array("stems"))
    words: Any = Field(default=None, sa_column=Column("words", TSQUERY, nullable=True))


class SearchWord(SQLModel, table=True):
    """A word of public records or of names, and a language that has it: what a misspelt word may stand for.

    The language of proper names is `x`. A word may stand here twice: writers that add it at the same time do not wait
    for each other.
    """

    __tablename__ = "search_word"
    __table_args__: ClassVar[Any] = (
        Index("ix_search_word_word", "word"),
        Index("ix_search_word_alike", "word", postgresql_using="gin", postgresql_ops={"word": "gin_trgm_ops"}),
    )

    id: int | None = Field(default=None, sa_column=Column("id", Integer, Identity(always=True), primary_key=True))
    word: str = Field(sa_column=words("word"))
    language: str = Field(sa_column=words("language", server_default="x"))


class PlaceNames(SQLModel, table=True):
    """The names of a place in all languages, the first as the service calls it; also of places that have no record."""

    __tablename__ = "place_names"

    id: str = Field(sa_column=words("id", primary_key=True))
    names: list[str] = Field(sa_column=text_array("names"))
