"""Clients, keys, and what keeps strangers out."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Computed, ForeignKey, Index, Integer, LargeBinary, Text
from sqlmodel import Field, SQLModel

from app.fields import NAME_LENGTH
from app.tables.base import json_value, moment, text_array, words

CITY_OF = "CASE WHEN organization LIKE 'city:%' THEN substr(organization, 6) END"
NETWORK_OF = "CASE WHEN organization LIKE 'network:%' THEN substr(organization, 9) END"


class Client(SQLModel, table=True):
    """A program that acts for an organization, with a secret of its own."""

    __tablename__ = "client"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(
            "organization = 'operator' OR organization LIKE 'city:%' OR organization LIKE 'network:%'",
            name="organization",
        ),
        Index("ix_client_organization", "organization", "id"),
    )

    id: str = Field(sa_column=words("id", primary_key=True))
    organization: str = Field(sa_column=words("organization"))
    city_id: str | None = Field(
        sa_column=Column("city_id", Text, Computed(CITY_OF, persisted=True), ForeignKey("city.id"), nullable=True)
    )
    network_id: str | None = Field(
        sa_column=Column(
            "network_id", Text, Computed(NETWORK_OF, persisted=True), ForeignKey("network.id"), nullable=True
        )
    )
    name: str = Field(sa_column=words("name", length=NAME_LENGTH))
    scopes: list[str] = Field(sa_column=text_array("scopes"))
    secret_hash: bytes = Field(sa_column=Column("secret_hash", LargeBinary, nullable=False))
    secret_expires_at: datetime = Field(sa_column=moment("secret_expires_at"))
    previous_secret_hash: bytes | None = Field(sa_column=Column("previous_secret_hash", LargeBinary, nullable=True))
    previous_secret_until: datetime | None = Field(sa_column=moment("previous_secret_until", nullable=True))
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
    created_by: str | None = Field(sa_column=words("created_by", nullable=True))
    last_used_at: datetime | None = Field(sa_column=moment("last_used_at", nullable=True))
    revoked_at: datetime | None = Field(sa_column=moment("revoked_at", nullable=True))
    version: int = Field(sa_column=Column("version", Integer, nullable=False, server_default="1"))


class SigningKey(SQLModel, table=True):
    """A key that signs tokens: published first, then used, then kept until its last token is over."""

    __tablename__ = "signing_key"

    kid: str = Field(sa_column=words("kid", primary_key=True))
    private_pem: str = Field(sa_column=words("private_pem"))
    public_jwk: dict[str, Any] = Field(sa_column=json_value("public_jwk", "{}"))
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
    signs_from: datetime = Field(sa_column=moment("signs_from"))
    verifies_until: datetime | None = Field(sa_column=moment("verifies_until", nullable=True))


class Secret(SQLModel, table=True):
    """A random secret that all processes share, such as the one that signs cursors."""

    __tablename__ = "secret"

    name: str = Field(sa_column=words("name", primary_key=True))
    value: bytes = Field(sa_column=Column("value", LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=moment("created_at", now=True))


class RevokedToken(SQLModel, table=True):
    """A token that was revoked before its time; kept until it would have expired."""

    __tablename__ = "revoked_token"
    __table_args__: ClassVar[Any] = (Index("ix_revoked_token_expires_at", "expires_at"),)

    jti: UUID = Field(primary_key=True)
    expires_at: datetime = Field(sa_column=moment("expires_at"))


class LoginFailure(SQLModel, table=True):
    """Failed logins of one client or address; each one makes the next wait longer."""

    __tablename__ = "login_failure"
    __table_args__: ClassVar[Any] = {"prefixes": ["UNLOGGED"]}

    key: str = Field(sa_column=words("key", primary_key=True))
    failures: int = Field(sa_column=Column("failures", Integer, nullable=False))
    last_at: datetime = Field(sa_column=moment("last_at", now=True))


class RateLimit(SQLModel, table=True):
    """How much of a quota one client or address has used in a window (a Unix minute)."""

    __tablename__ = "rate_limit"
    __table_args__: ClassVar[Any] = {"prefixes": ["UNLOGGED"]}

    key: str = Field(sa_column=words("key", primary_key=True))
    window: int = Field(sa_column=Column("window", Integer, nullable=False))
    used: int = Field(sa_column=Column("used", Integer, nullable=False))


class IdempotencyKey(SQLModel, table=True):
    """The first answer to a request that may be sent again."""

    __tablename__ = "idempotency_key"
    __table_args__: ClassVar[Any] = (Index("ix_idempotency_key_created_at", "created_at"),)

    client_id: str = Field(sa_column=words("client_id", primary_key=True))
    operation: str = Field(sa_column=words("operation", primary_key=True))
    key: str = Field(sa_column=words("key", primary_key=True))
    body_hash: bytes = Field(sa_column=Column("body_hash", LargeBinary, nullable=False))
    status: int
    headers: dict[str, str] = Field(sa_column=json_value("headers", "{}"))
    body: bytes = Field(sa_column=Column("body", LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=moment("created_at", now=True))
