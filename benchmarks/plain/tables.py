"""The tables as ORM classes with relationships, on a registry of their own."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Identity, Integer, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel

from app.identifiers import uuid7
from app.resources.practices.schemas import Contact, Translation


def _now() -> datetime:
    return datetime.now(UTC)


def _moment(*, now: bool = False) -> Any:
    column = Column(DateTime(timezone=True), nullable=not now)
    return Field(sa_column=column, default_factory=_now) if now else Field(sa_column=column, default=None)


def _texts(name: str | None = None) -> Any:
    column: Column[list[str]] = Column(name, ARRAY(Text), nullable=False)
    return Field(sa_column=column, default_factory=list)


def _objects() -> Any:
    return Field(sa_column=Column(JSONB, nullable=False), default_factory=list)


class Base(SQLModel, registry=registry()):
    """Apart from the project's own table classes."""


class City(Base, table=True):
    """A city, as far as practices show it or are found by it."""

    id: str = Field(primary_key=True)
    name: str
    country: str
    population_band: str | None = None
    roles: list[str] = _texts()
    mandates: list[str] = _texts()
    version: int = 1


class Membership(Base, table=True):
    """A city in a network."""

    network_id: str = Field(primary_key=True)
    city_id: str = Field(primary_key=True)


class ExternalId(Base, table=True):
    """A practice's identity elsewhere."""

    __tablename__ = "practice_external_id"

    id: int | None = Field(default=None, primary_key=True)
    practice_id: UUID = Field(foreign_key="practice.id")
    scheme: str
    value: str
    url: str | None = None


class Origin(Base, table=True):
    """A network that brought the record in."""

    __tablename__ = "practice_origin"

    network: str = Field(sa_column=Column("network_id", Text, primary_key=True))
    external_id: str = Field(primary_key=True)
    practice_id: UUID = Field(foreign_key="practice.id")
    url: str | None = None
    last_synced_at: datetime = _moment(now=True)


class OtherText(Base, table=True):
    """The texts in another language."""

    __tablename__ = "practice_translation"

    practice_id: UUID = Field(primary_key=True, foreign_key="practice.id")
    language: str = Field(primary_key=True)
    status: str


class Endorsement(Base, table=True):
    """Who vouches for it."""

    __tablename__ = "practice_endorsement"

    practice_id: UUID = Field(primary_key=True, foreign_key="practice.id")
    organization: str = Field(primary_key=True)
    comment: str | None = None
    at: datetime = _moment(now=True)


class Practice(Base, table=True):
    """A practice."""

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    title: str
    summary: str | None = None
    challenge: str | None = None
    description: str | None = None
    results: str | None = None
    lessons: str | None = None
    what_failed: str | None = None
    conditions: str | None = None
    language: str = "en"
    tags: list[str] = _texts()
    tag_closure: list[str] = _texts()
    keywords: list[str] = _texts()
    resources: list[dict[str, Any]] = _objects()
    license: str = "CC-BY-4.0"
    city_id: str = Field(foreign_key="city.id")
    partner_city_ids: list[str] = _texts("partner_cities")
    implementers: list[dict[str, Any]] = _objects()
    contact_unit: str | None = None
    contact_email: str | None = None
    year_start: int | None = None
    year_end: int | None = None
    stage: str | None = None
    budget_band: str | None = None
    staff_fte: float | None = None
    months_to_implement: int | None = None
    beneficiaries: int | None = None
    indicators: list[dict[str, Any]] = _objects()
    evidence_level: int | None = None
    offers: list[str] = _texts()
    accepting_exchanges: bool = True
    adoption_count: int = 0
    status: str = "draft"
    visibility: str = "public"
    networks: list[str] = _texts()
    last_verified_at: datetime | None = _moment()
    successor: UUID | None = None
    created_at: datetime = _moment(now=True)
    updated_at: datetime = _moment(now=True)
    published_at: datetime | None = _moment()
    listed_at: datetime = _moment(now=True)
    version: int = 1

    city: City = Relationship()
    external_ids: list[ExternalId] = Relationship(sa_relationship_kwargs={"order_by": "ExternalId.id"})
    origins: list[Origin] = Relationship(sa_relationship_kwargs={"order_by": "Origin.network"})
    other_texts: list[OtherText] = Relationship(sa_relationship_kwargs={"order_by": "OtherText.language"})
    endorsements: list[Endorsement] = Relationship(sa_relationship_kwargs={"order_by": "Endorsement.at"})
    partners: list[City] = Relationship(
        sa_relationship_kwargs={
            "primaryjoin": "foreign(City.id) == func.any(Practice.partner_city_ids)",
            "viewonly": True,
            "uselist": True,
        }
    )

    @property
    def partner_cities(self) -> list[City]:
        """The partners in the order in which they were named."""
        named = {city.id: city for city in self.partners}
        return [named[id_] for id_ in self.partner_city_ids]

    @property
    def translations(self) -> list[Translation]:
        """The original and the other languages."""
        others = [Translation.model_validate(text, from_attributes=True) for text in self.other_texts]
        return [Translation(language=self.language, status="original"), *others]

    @property
    def contact(self) -> Contact | None:
        """For members only."""
        return None

    @property
    def allowed_transitions(self) -> list[str]:
        """What an outsider may do with it."""
        return []


class Feed(Base, table=True):
    """A record's place in the feed of changes."""

    type: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    version: int
    op: str
    origin: str | None = None
    seq: int | None = Field(default=None, sa_column=Column(BigInteger))
    stamped_at: datetime | None = _moment()


class Transition(Base, table=True):
    """A step in a record's life."""

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    record_type: str
    record_id: UUID
    to_status: str
    organization: str
    client_id: str | None = None


class Audit(Base, table=True):
    """Who changed what."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    organization: str
    client_id: str | None = None
    action: str
    record_type: str
    record_id: str
    version: int | None = Field(default=None, sa_column=Column(Integer))


class Client(Base, table=True):
    """Who may ask for tokens."""

    id: str = Field(primary_key=True)
    organization: str
    scopes: list[str] = _texts()
    revoked_at: datetime | None = _moment()


class RevokedToken(Base, table=True):
    """A token that was taken back."""

    __tablename__ = "revoked_token"

    jti: UUID = Field(primary_key=True)


class SigningKey(Base, table=True):
    """A key of the token endpoint."""

    __tablename__ = "signing_key"

    kid: str = Field(primary_key=True)
    public_jwk: dict[str, Any] = Field(sa_column=Column(JSONB))
