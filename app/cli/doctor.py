"""`practice-exchange doctor`: whether everything is in place, and what to do where it is not."""

import asyncio
from collections.abc import AsyncIterator

import typer

from app.cli.console import out
from app.cli.target import configuration, connect, target, where
from app.database import Connection
from app.schema import head, is_current

Finding = tuple[bool, str]


def doctor() -> None:
    """Check the database, its extensions, its schema, the role and the keys; each line is ok or says what to do."""
    configuration()
    with target() as database:
        out.print(f"ok     {where(database.url)} answers", markup=False)
        findings = asyncio.run(_examine(database.url))
    for is_good, text in findings:
        out.print(f"{'ok    ' if is_good else 'to do '} {text}", markup=False)
    if not all(is_good for is_good, _ in findings):
        raise typer.Exit(1)


async def _examine(url: str) -> list[Finding]:
    connection = await connect(url)
    try:
        return [finding async for finding in _findings(connection)]
    finally:
        await connection.close()


async def _findings(connection: Connection) -> AsyncIterator[Finding]:
    yield True, f"PostgreSQL {await connection.fetchval('SHOW server_version')}, version 15 or newer"
    encoding = await connection.fetchval("SHOW server_encoding")
    yield encoding == "UTF8", f"encoding {encoding}" + ("" if encoding == "UTF8" else ": make the database with UTF8")
    extensions = {row["name"] for row in await connection.fetch("SELECT name FROM pg_available_extensions")}
    for name in ("pg_trgm", "unaccent"):
        is_there = name in extensions
        advice = "" if is_there else " is missing: install PostgreSQL's contrib modules (postgresql-contrib)"
        yield is_there, f"extension {name}{advice or ' can be had'}"
    current = await is_current(connection)
    yield current, f"migration {head()}" + ("" if current else " is not applied: practice-exchange migrate")
    role = configuration().database_role
    member = await connection.fetchval("SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = $1", role)
    advice = "" if member else " is missing or not granted to this user: practice-exchange migrate, as an administrator"
    yield bool(member), f"role {role}{advice or ' can be taken'}"
    if current:
        keys = await connection.fetchval("SELECT count(*) FROM signing_key WHERE verifies_until IS NULL")
        yield bool(keys), "a signing key" + ("" if keys else " is missing: the first start of the service makes it")
        tags = await connection.fetchval("SELECT count(*) FROM tag")
        yield bool(tags), f"{tags} tags" + ("" if tags else ": practice-exchange serve loads the vocabularies")
