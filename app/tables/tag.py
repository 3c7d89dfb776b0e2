"""The vocabularies."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Text
from sqlmodel import Field, SQLModel

from app.fields import NAME_LENGTH, TAG_ID_PATTERN, TAG_LENGTH, Scheme
from app.tables.base import choice, json_value, moment, reference, words


class Tag(SQLModel, table=True):
    """One entry of a vocabulary; `synonyms` is an object of lists by language."""

    __tablename__ = "tag"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(f"id ~ '{TAG_ID_PATTERN}'", name="id"),
        CheckConstraint("id = scheme || ':' || code", name="id_parts"),
        CheckConstraint("broader <> id AND split_part(broader, ':', 1) = scheme", name="broader"),
        Index("ix_tag_scheme_position_id", "scheme", "position", "id"),
        Index("ix_tag_broader", "broader"),
    )

    id: str = Field(sa_column=words("id", length=TAG_LENGTH, primary_key=True))
    scheme: str = Field(sa_column=choice("scheme", Scheme))
    code: str = Field(sa_column=words("code"))
    label: str = Field(sa_column=words("label", length=300))
    labels: dict[str, str] = Field(sa_column=json_value("labels", "{}"))
    synonyms: dict[str, list[str]] = Field(sa_column=json_value("synonyms", "{}"))
    broader: str | None = Field(sa_column=reference("broader", "tag.id", nullable=True))
    position: int = Field(sa_column=Column("position", Integer, nullable=False, server_default="0"))
    created_by: str | None = Field(sa_column=words("created_by", length=NAME_LENGTH, nullable=True))
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
    updated_at: datetime = Field(sa_column=moment("updated_at", now=True))
    version: int = Field(sa_column=Column("version", Integer, nullable=False, server_default="1"))


class TagRelation(SQLModel, table=True):
    """The crosswalk between vocabularies; stored in both directions."""

    __tablename__ = "tag_relation"
    __table_args__: ClassVar[Any] = (CheckConstraint("tag_id <> related_id", name="itself"),)

    tag_id: str = Field(
        sa_column=Column("tag_id", Text, ForeignKey("tag.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )
    related_id: str = Field(
        sa_column=Column("related_id", Text, ForeignKey("tag.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )
