"""The throw-away PostgreSQL of a test run: one server, one migrated template, a clone of it for every test."""

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg

from app.embedded import embedded_postgres
from app.loading.names import load_names
from app.migrating import upgrade
from app.schema import grant_role

SERVER = "PX_TEST_SERVER"
TEMPLATE = "px_template"
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}
MEMORY = Path("/dev/shm")
ENOUGH = 4 * 1024**3
numbers = itertools.count()


@contextlib.contextmanager
def test_server() -> Iterator[str]:
    """The URL of a server for this run: PX_TEST_DATABASE_URL, else an embedded one that ends with the block."""
    if given := os.environ.get("PX_TEST_DATABASE_URL"):
        yield given
        return
    with (
        tempfile.TemporaryDirectory(prefix="px-test-", dir=_quick_folder()) as folder,
        embedded_postgres(Path(folder), settings=QUICK) as own,
    ):
        yield own.dsn


def _quick_folder() -> Path | None:
    """Memory, where there is enough of it: a clone is copied there in a third of the time. None: the usual folder."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH:
        return MEMORY
    return None


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


async def forsake(connection: asyncpg.Connection, name: str) -> None:
    """End all sessions of a database, and let nobody begin another; `connection` is to one beside it."""
    await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    gone = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1"
    await connection.execute(gone, name)


class Wire:
    """A TCP address in front of a database, whose connections can be cut or held up as a network does it."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._flows = asyncio.Event()
        self._flows.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The database's address by way of this wire."""
        user = f"{self._target.netloc.rpartition('@')[0]}@" if "@" in self._target.netloc else ""
        return f"postgresql://{user}127.0.0.1:{self._port}{self._target.path}"

    async def connect(self) -> None:
        """Take connections, at the same address as before."""
        self._flows.set()
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break every connection and take no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stall(self) -> None:
        """Carry nothing more, in either direction, without a word."""
        self._flows.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await self._open()
        for source, target in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pump(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        given = parse_qs(self._target.query)
        if "host" in given:
            return await asyncio.open_unix_connection(f"{given['host'][0]}/.s.PGSQL.{given['port'][0]}")
        return await asyncio.open_connection(self._target.hostname, self._target.port or 5432)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError), contextlib.closing(target):
            while data := await source.read(65_536):
                await self._flows.wait()
                target.write(data)
                await target.drain()


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
    await load_names(connection)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
