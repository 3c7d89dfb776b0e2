"""Cities, networks, and who belongs to which."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, Computed, Index, Integer, Text
from sqlmodel import Field, SQLModel

from app.fields import (
    CITY_ID_PATTERN,
    NAME_LENGTH,
    NOTE_LENGTH,
    SLUG_LENGTH,
    SLUG_PATTERN,
    URL_LENGTH,
    CityKind,
    Mandate,
    MembershipRole,
    ReviewPolicy,
    Role,
)
from app.tables.base import choice, choices, json_value, moment, reference, text_array, words

BAND = (
    "CASE WHEN population IS NULL THEN NULL WHEN population < 50000 THEN 'xs' WHEN population < 250000 THEN 's' "
    "WHEN population < 1000000 THEN 'm' WHEN population < 5000000 THEN 'l' ELSE 'xl' END"
)


class City(SQLModel, table=True):
    """A local or regional government."""

    __tablename__ = "city"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(f"id ~ '{CITY_ID_PATTERN}'", name="id"),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="position"),
        CheckConstraint("population >= 0", name="population"),
        CheckConstraint("lower(left(id, 2)) = lower(country)", name="id_country"),
        Index("ix_city_country", "country", "id"),
        Index("ix_city_latitude", "latitude"),
    )

    id: str = Field(sa_column=words("id", length=SLUG_LENGTH, primary_key=True))
    name: str = Field(sa_column=words("name", length=NAME_LENGTH))
    names: dict[str, str] = Field(sa_column=json_value("names", "{}"))
    kind: str = Field(sa_column=choice("kind", CityKind, server_default="city"))
    country: str = Field(sa_column=words("country"))
    latitude: float | None = None
    longitude: float | None = None
    population: int | None = None
    population_band: str | None = Field(
        sa_column=Column("population_band", Text, Computed(BAND, persisted=True), nullable=True)
    )
    roles: list[str] = Field(sa_column=choices("roles", Role))
    languages: list[str] = Field(sa_column=text_array("languages"))
    mandates: list[str] = Field(sa_column=choices("mandates", Mandate))
    un_locode: str | None = Field(sa_column=words("un_locode", length=5, nullable=True))
    geonames_id: int | None = None
    wikidata_id: str | None = Field(sa_column=words("wikidata_id", length=20, nullable=True))
    website: str | None = Field(sa_column=words("website", length=URL_LENGTH, nullable=True))
    member: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
    updated_at: datetime = Field(sa_column=moment("updated_at", now=True))
    version: int = Field(sa_column=Column("version", Integer, nullable=False, server_default="1"))


class Network(SQLModel, table=True):
    """A network, fund, programme or hub that cities belong to."""

    __tablename__ = "network"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(f"id ~ '{SLUG_PATTERN}'", name="id"),
        CheckConstraint("founded BETWEEN 1800 AND 2100", name="founded"),
    )

    id: str = Field(sa_column=words("id", length=SLUG_LENGTH, primary_key=True))
    name: str = Field(sa_column=words("name", length=NAME_LENGTH))
    abbreviation: str | None = Field(sa_column=words("abbreviation", length=NAME_LENGTH, nullable=True))
    kind: str = Field(sa_column=words("kind", length=SLUG_LENGTH, server_default="city-network"))
    website: str | None = Field(sa_column=words("website", length=URL_LENGTH, nullable=True))
    founded: int | None = None
    scope: str | None = Field(sa_column=words("scope", length=NAME_LENGTH, nullable=True))
    description: str | None = Field(sa_column=words("description", length=NOTE_LENGTH, nullable=True))
    review_policy: str = Field(sa_column=choice("review_policy", ReviewPolicy, server_default="self_publish"))
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
    updated_at: datetime = Field(sa_column=moment("updated_at", now=True))
    version: int = Field(sa_column=Column("version", Integer, nullable=False, server_default="1"))


class Membership(SQLModel, table=True):
    """A city in a network; over when `until` lies in the past."""

    __tablename__ = "membership"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("until >= since", name="until"),
        Index("ix_membership_city_id", "city_id"),
    )

    network_id: str = Field(sa_column=reference("network_id", "network.id", primary_key=True))
    city_id: str = Field(sa_column=reference("city_id", "city.id", primary_key=True))
    role: str = Field(sa_column=choice("role", MembershipRole, server_default="member"))
    since: date | None = None
    until: date | None = None
    version: int = Field(sa_column=Column("version", Integer, nullable=False, server_default="1"))
    updated_at: datetime = Field(sa_column=moment("updated_at", now=True))
