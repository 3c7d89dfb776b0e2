"""Settings, read once from the environment."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PostgresUrl = Annotated[str, Field(pattern=r"^postgres(ql)?(\+asyncpg)?://\S+$")]


class Settings(BaseSettings):
    """One field per setting; the README lists them in one table, and a test compares the two."""

    model_config = SettingsConfigDict(env_prefix="PX_", extra="ignore", frozen=True, populate_by_name=True)

    database_url: PostgresUrl | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="PostgreSQL 15 or newer, `postgresql://user:secret@host/name`. Unset: the program starts its own.",
    )
    database_replica_url: PostgresUrl | None = Field(
        default=None,
        validation_alias="DATABASE_REPLICA_URL",
        description="A read replica; anonymous reads go there.",
    )
    data_dir: Path = Field(default=Path(".data"), description="Where the embedded PostgreSQL keeps its data.")
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#\s]+(/[^?#\s]*[^/?#\s])?$",
        description="The address that users see, without a slash at the end; issuer of the tokens. Set in production.",
    )
    contact: str = Field(
        default="https://github.com/practice-exchange/practice-exchange/security",
        description="Where people report a security problem (`/.well-known/security.txt`): a URL or `mailto:`.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
    rate_limit: Literal["on", "off"] = Field(default="on", description="`off` for tests and load runs.")
    rate_limit_anonymous: int = Field(default=300, ge=1, description="Requests a minute for an address without token.")
    rate_limit_client: int = Field(default=1200, ge=1, description="Requests a minute for a client with a token.")
    body_limit: int = Field(default=1024 * 1024, ge=1024, description="Largest request body, bytes.")
    in_flight_limit: int = Field(default=256, ge=1, description="Requests at work at once in one process; then 503.")
    pool_size: int = Field(default=10, ge=2, le=200, description="PostgreSQL connections of one process, at most.")
    pool_timeout: float = Field(default=1.0, gt=0, description="Seconds to wait for a connection before 503.")
    statement_timeout: float = Field(default=5.0, gt=0, description="Seconds after which a statement is cancelled.")
    lock_timeout: float = Field(default=2.0, gt=0, description="Seconds after which waiting for a lock is given up.")
    receive_timeout: float = Field(default=20.0, gt=0, description="Seconds a client may stall while sending a body.")
    send_timeout: float = Field(default=60.0, gt=0, description="Seconds a client may stall while taking an answer.")
    database_role: str = Field(
        default="practice_exchange_app",
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
        description="Role with the few rights the running service needs; made by `migrate` where it may.",
    )
    token_lifetime: int = Field(default=900, ge=60, le=3600, description="Seconds an access token lives.")
    tombstone_days: int = Field(
        default=180, ge=180, description="Days the feed keeps tombstones; older cursors get 410."
    )
    webhook_private: Literal["refuse", "allow"] = Field(
        default="refuse",
        description="`allow` lets webhooks lead into private networks and to this machine: for trials and tests only.",
    )
    keep_answers: Literal["on", "off"] = Field(
        default="on", description="Whether what a stranger is answered is given again while no data has changed."
    )
    worker: Literal["on", "off"] = Field(default="on", description="Whether a server process does periodic tasks too.")


@cache
def settings() -> Settings:
    """The settings of this process; raises pydantic's ValidationError when the environment is wrong."""
    return Settings()
