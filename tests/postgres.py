"""The throw-away PostgreSQL of a test run: one server, one migrated template, a clone of it for every test."""

import asyncio
import contextlib
import itertools
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from app.embedded import embedded_postgres
from app.schema import grant_role, upgrade

SERVER = "PX_TEST_SERVER"
TEMPLATE = "px_template"
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}
numbers = itertools.count()


@contextlib.contextmanager
def test_server() -> Iterator[str]:
    """The URL of a server for this run: PX_TEST_DATABASE_URL, else an embedded one that ends with the block."""
    if given := os.environ.get("PX_TEST_DATABASE_URL"):
        yield given
        return
    with (
        tempfile.TemporaryDirectory(prefix="px-test-") as folder,
        embedded_postgres(Path(folder), settings=QUICK) as own,
    ):
        yield own.dsn


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{name}"))


def make_template(server: str) -> None:
    """A migrated database with the vocabularies, the sample cities and the networks; no practices, no requests."""
    asyncio.run(_recreate(server, TEMPLATE))
    url = with_database(server, TEMPLATE)
    upgrade(url)
    asyncio.run(grant_role(url, "practice_exchange_app"))
    asyncio.run(_fill(url))


@contextlib.asynccontextmanager
async def cloned_database(server: str) -> AsyncIterator[str]:
    """The URL of a fresh clone of the template, dropped afterwards."""
    name = f"px_{os.getpid()}_{next(numbers)}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE} STRATEGY file_copy')
        yield with_database(server, name)
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()


async def _recreate(server: str, name: str) -> None:
    connection = await asyncpg.connect(server)
    await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()


def sample(name: str) -> Any:
    """One of the data files that ship with the program."""
    return json.loads((files("app") / "data" / f"{name}.json").read_text(encoding="utf-8"))


async def _fill(url: str) -> None:
    connection = await asyncpg.connect(url)
    tags = [tag for entries in sample("vocabularies").values() for tag in entries]
    await connection.executemany(
        "INSERT INTO tag (id, scheme, code, label, labels, synonyms, broader, position)"
        " VALUES ($1, $2, $3, $4, $5::jsonb, $6::jsonb, $7, $8)",
        [
            (t["id"], t["scheme"], t["code"], t["label"], json.dumps(t["labels"]), json.dumps(t["synonyms"]),
             t["broader"], t["position"])
            for t in sorted(tags, key=lambda tag: tag["broader"] is not None)
        ],
    )  # fmt: skip
    await connection.executemany(
        "INSERT INTO tag_relation (tag_id, related_id) VALUES ($1, $2)",
        [(tag["id"], related) for tag in tags for related in tag["related"]],
    )
    await connection.executemany(
        "INSERT INTO city (id, name, names, country, latitude, longitude, population, roles)"
        " VALUES ($1, $2, $3::jsonb, $4, $5, $6, $7, $8)",
        [
            (c["id"], c["name"], json.dumps(c["names"]), c["country"], c["latitude"], c["longitude"],
             c["population"], c["roles"])
            for c in sample("cities")
        ],
    )  # fmt: skip
    await connection.executemany(
        "INSERT INTO network (id, name, abbreviation, kind, website, founded) VALUES ($1, $2, $3, $4, $5, $6)",
        [(n["id"], n["name"], n["abbreviation"], n["kind"], n["website"], n["founded"]) for n in sample("networks")],
    )
    await connection.executemany(
        "INSERT INTO membership (city_id, network_id) VALUES ($1, $2)",
        [(city["id"], network) for city in sample("cities") for network in city["networks"]],
    )
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
