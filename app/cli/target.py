"""The database that a command works on: the one of DATABASE_URL, or the one that comes along."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.cli.console import fail, step
from app.config import Settings, settings
from app.database import Connection, plain_url
from app.embedded import EmbeddedPostgresError, embedded_postgres

OLDEST_VERSION = 150_000
CANNOT_CONNECT = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, ValueError)


@dataclass(frozen=True, slots=True)
class Target:
    """A database that answers, and whether it is the one that comes along."""

    url: str
    is_embedded: bool


def configuration() -> Settings:
    """The settings; ends with a clear message where the environment is wrong."""
    try:
        return settings()
    except ValidationError as reason:
        fail("The settings in the environment are wrong.\n" + "\n".join(_fault(error) for error in reason.errors()))


def _fault(error: ErrorDetails) -> str:
    name = str(error["loc"][0])
    if name.startswith("DATABASE_"):
        return f"{name} is not the address of a PostgreSQL, as in postgresql://user:secret@host/name"
    return f"PX_{name.upper()}: {error['msg']}"


@contextmanager
def target() -> Iterator[Target]:
    """A database for the block. Without DATABASE_URL its server is started, or joined if it runs already."""
    chosen = configuration()
    if chosen.database_url is not None:
        _reach(chosen.database_url)
        yield Target(chosen.database_url, is_embedded=False)
        return
    with ExitStack() as stack:
        with step("Starting PostgreSQL"):
            try:
                server = stack.enter_context(embedded_postgres(chosen.data_dir))
            except EmbeddedPostgresError as reason:
                fail(str(reason))
        # Whoever asks the settings from here on, in this process or in one it starts, is led to this server.
        os.environ["DATABASE_URL"] = server.dsn
        settings.cache_clear()
        try:
            yield Target(server.dsn, is_embedded=True)
        finally:
            del os.environ["DATABASE_URL"]
            settings.cache_clear()


async def connect(url: str) -> Connection:
    """A connection with the rights of the URL's own user."""
    return await asyncpg.connect(plain_url(url), timeout=10, server_settings={"timezone": "UTC"})


def where(url: str) -> str:
    """The database of a URL, without the secret."""
    try:
        parts = urlsplit(url)
        return f"{parts.path.lstrip('/') or 'the default database'} at {parts.hostname or 'the local socket'}" + (
            f":{parts.port}" if parts.port else ""
        )
    except ValueError:
        return "the database"


def _reach(url: str) -> None:
    """End with one line if the database cannot be used."""

    async def version() -> int:
        connection = await connect(url)
        try:
            return int(await connection.fetchval("SELECT current_setting('server_version_num')"))
        finally:
            await connection.close()

    try:
        found = asyncio.run(version())
    except CANNOT_CONNECT as reason:
        why = " ".join(str(reason).split()) or type(reason).__name__
        fail(f"DATABASE_URL: {where(url)} cannot be reached: {why}")
    if found < OLDEST_VERSION:
        fail(f"DATABASE_URL: {where(url)} is PostgreSQL {found // 10_000}; version 15 or newer is needed.")
