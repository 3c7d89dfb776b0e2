"""The feed under fire: two servers, sixteen writers, broken transactions, a database that dies, a guard taken away."""

import asyncio
import contextlib
import os
import random
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from anyio import to_thread
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, HTTPError, Response

from app import feed
from app.config import Settings
from app.database import Database, open_database
from app.embedded import embedded_postgres
from app.main import create_app
from tests.cli.processes import Serving
from tests.conftest import Token
from tests.factories import Headers, make_practice, make_token, practice_body
from tests.postgres import TEMPLATE, forsake, make_template, with_database

MONTREAL = "city:ca-montreal"
WRITERS, WRITES = 16, 12
# What a server or its database that is just being killed may answer; the writer repeats with its key.
PASSING = {409, 429, 500, 502, 503}
DEAD = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
Copy = dict[str, Any]


@pytest.fixture
def mortal_url(tmp_path: Path) -> Iterator[str]:
    """A PostgreSQL of the test's own that keeps what it acknowledged, and may be killed."""
    with embedded_postgres(tmp_path / "mortal", settings={"fsync": "off", "max_connections": "100"}) as own:
        make_template(own.dsn)
        yield with_database(own.dsn, TEMPLATE)


class Exchange:
    """Two servers on one database, for a client that repeats what was not answered."""

    def __init__(self, urls: list[str], client: AsyncClient, headers: Headers) -> None:
        self._urls, self._client, self._headers = urls, client, headers
        self.acknowledged = 0

    async def ask(self, chance: random.Random, method: str, path: str, **options: Any) -> Response:
        """Ask either server until one of them gives an answer of its own."""
        for _ in range(200):
            with contextlib.suppress(HTTPError, AttributeError):
                answer = await self._client.request(method, chance.choice(self._urls) + path, **options)
                if answer.status_code not in PASSING:
                    return answer
            await asyncio.sleep(0.1)
        message = f"{method} {path} was never answered"
        raise AssertionError(message)

    async def send(self, chance: random.Random, method: str, path: str, body: Any, **headers: str) -> Response:
        """Write, under a key that makes its repetition safe."""
        keyed = {**self._headers, "Idempotency-Key": uuid.UUID(int=chance.getrandbits(128)).hex, **headers}
        answer = await self.ask(chance, method, path, json=body, headers=keyed)
        # A repeated PATCH whose first answer was lost finds that the version has moved on; so does a lost race.
        assert answer.status_code in {200, 201, 412}, answer.text
        self.acknowledged += 1
        return answer

    async def write(self, seed: int) -> None:
        """Make, publish, change and withdraw practices."""
        chance = random.Random(seed)
        mine: list[str] = []
        for number in range(WRITES):
            if not mine or chance.random() < 0.4:
                body = practice_body(title=f"Practice {number} of {seed}")
                made = await self.send(chance, "POST", "/v1/practices", body)
                mine.append(made.json()["id"])
                await self._move(chance, mine[-1], "published")
            elif chance.random() < 0.2:
                await self._move(chance, mine.pop(), chance.choice(["withdrawn", "archived"]))
            else:
                id_ = chance.choice(mine)
                body = {"title": f"Change {number} by {seed}"}
                await self.send(chance, "PATCH", f"/v1/practices/{id_}", body, **{"If-Match": "*"})

    async def _move(self, chance: random.Random, id_: str, to: str) -> None:
        # A move repeated after a lost answer is refused, because the record is there already.
        for _ in range(200):
            answer = await self.ask(
                chance, "POST", f"/v1/practices/{id_}/transitions", json={"to": to},
                headers={**self._headers, "Idempotency-Key": f"{id_}-{to}"},
            )  # fmt: skip
            if answer.status_code == 200:
                self.acknowledged += 1
                return
        message = f"{id_} never became {to}"
        raise AssertionError(message)

    async def follow(self, chance: random.Random, copy: Copy, cursor: str | None) -> tuple[str, bool]:
        """Apply one page of the feed to the copy; gives the cursor, and whether there is more."""
        given = {"type": "practice", "limit": 7, **({"cursor": cursor} if cursor else {})}
        answer = await self.ask(chance, "GET", "/v1/changes", params=given)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        for item in page["items"]:
            if item["op"] == "delete":
                copy.pop(item["id"], None)
            else:
                assert item["version"] >= copy.get(item["id"], {"version": 0})["version"]
                copy[item["id"]] = item["data"]
        return str(page["next_cursor"]), page["has_more"]

    async def catch_up(self, chance: random.Random, copy: Copy, cursor: str | None) -> str:
        """Follow the feed until it says that there is no more."""
        has_more = True
        while has_more:
            cursor, has_more = await self.follow(chance, copy, cursor)
        return str(cursor)

    async def everything(self) -> Copy:
        """All public practices, as GET shows them."""
        chance, found, parameters = random.Random(0), {}, {"limit": 100}
        while True:
            page = (await self.ask(chance, "GET", "/v1/practices", params=parameters)).json()
            for item in page["items"]:
                found[item["id"]] = (await self.ask(chance, "GET", f"/v1/practices/{item['id']}")).json()
            if page["next_cursor"] is None:
                return found
            parameters["cursor"] = page["next_cursor"]


@contextlib.asynccontextmanager
async def two_servers(folder: Path, url: str) -> AsyncIterator[Exchange]:
    def start() -> Serving:
        return Serving(folder, DATABASE_URL=url, PX_LOG_LEVEL="error")

    servings = await asyncio.gather(to_thread.run_sync(start), to_thread.run_sync(start))
    pools = await open_database(Settings(database_url=url))
    headers = await make_token(pools, MONTREAL)
    await pools.close()
    try:
        async with AsyncClient(timeout=10) as client:
            yield Exchange([serving.url for serving in servings], client, headers)
    finally:
        for serving in servings:
            await to_thread.run_sync(serving.end)


async def disturb(url: str, over: asyncio.Event) -> None:
    """Transactions that stay open for long, and end by commit or rollback."""
    chance = random.Random("disturb")
    while not over.is_set():
        with contextlib.suppress(*DEAD):
            connection = await asyncpg.connect(url)
            try:
                transaction = connection.transaction()
                await transaction.start()
                await connection.execute(
                    "UPDATE feed SET dirty = nextval('feed_dirty_seq'), seq = NULL WHERE (type, id) IN"
                    " (SELECT type, id FROM feed WHERE type = 'practice' ORDER BY random() LIMIT 2)"
                )
                await asyncio.sleep(chance.uniform(0.2, 1))
                await (transaction.commit() if chance.random() < 0.5 else transaction.rollback())
            finally:
                connection.terminate()
        await asyncio.sleep(0.05)


async def kill_database(url: str, times: int) -> None:
    """Kill one of PostgreSQL's processes, so that all of it goes down and recovers from its log."""
    for _ in range(times):
        await asyncio.sleep(0.8)
        with contextlib.suppress(*DEAD):
            connection = await asyncpg.connect(url)
            number = await connection.fetchval("SELECT pg_backend_pid()")
            os.kill(number, signal.SIGKILL)
            connection.terminate()


@pytest.mark.parametrize("deaths", [0, 3])
async def test_a_follower_ends_with_what_is_there(mortal_url: str, tmp_path: Path, deaths: int) -> None:
    over = asyncio.Event()
    copy: Copy = {}
    async with two_servers(tmp_path, mortal_url) as exchange:

        async def read() -> str:
            chance = random.Random("reader")
            cursor: str | None = None
            while not over.is_set():
                cursor, _ = await exchange.follow(chance, copy, cursor)
            return await exchange.catch_up(chance, copy, cursor)

        reader = asyncio.create_task(read())
        noise = asyncio.create_task(disturb(mortal_url, over))
        killer = asyncio.create_task(kill_database(mortal_url, deaths))
        await asyncio.gather(*(exchange.write(seed) for seed in range(WRITERS)))
        await killer
        over.set()
        await asyncio.gather(reader, noise)
        assert exchange.acknowledged >= WRITERS * WRITES
        assert copy == await exchange.everything()


async def test_without_its_guard_the_feed_loses_changes(
    client: AsyncClient, token: Token, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stamper that has given positions and not committed them, and a reader beside it: with and without the lock."""
    owner = await token(MONTREAL)
    missed = {}
    for guard in (feed.LOCK, "SELECT TRUE"):
        monkeypatch.setattr(feed, "LOCK", guard)
        cursor = await caught_up(client, None)
        slow = await make_practice(client, owner, title="Stamped first, committed last")
        async with database.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            assert await feed.tick(connection) == 1
            quick = await make_practice(client, owner, title="Stamped meanwhile")
            page = await changes(client, cursor)
            seen = [item["id"] for item in page["items"]]
            await transaction.commit()
        while page["has_more"]:
            page = await changes(client, page["next_cursor"])
            seen += [item["id"] for item in page["items"]]
        assert quick["id"] in seen
        missed[guard] = slow["id"] not in seen
    assert missed == {feed.LOCK: True, next(iter(missed)): False}


async def test_a_long_transaction_holds_back_nobody(client: AsyncClient, token: Token, database: Database) -> None:
    owner = await token(MONTREAL)
    held = await make_practice(client, owner, title="Held")
    cursor = await caught_up(client, None)
    async with database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            "UPDATE feed SET dirty = nextval('feed_dirty_seq'), seq = NULL WHERE id = $1", held["id"]
        )
        other = await make_practice(client, owner, title="Not held")
        page = await changes(client, cursor)
        assert [item["id"] for item in page["items"]] == [other["id"]]
        await transaction.commit()
    page = await changes(client, page["next_cursor"])
    assert [item["id"] for item in page["items"]] == [held["id"]]


async def test_a_copied_database_asks_for_a_new_copy(
    client: AsyncClient, token: Token, server: str, database_url: str, settings: Settings
) -> None:
    """The same signing keys and the same rows, yet another history: changes there are not those here."""
    await make_practice(client, await token(MONTREAL))
    cursor = await caught_up(client, None)
    source = urlsplit(database_url).path[1:]
    name = f"{source}_copy"
    connection = await asyncpg.connect(server)
    try:
        await forsake(connection, source)
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        copied = settings.model_copy(update={"database_url": with_database(server, name)})
        pools = await open_database(copied)
        async with serving(create_app(pools, copied)) as other:
            answer = await other.get("/v1/changes", params={"cursor": cursor, "type": "practice"})
            assert answer.status_code == 410, answer.text
            assert (await other.get("/v1/changes")).status_code == 200
        await pools.close()
    finally:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.close()


@contextlib.asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1:8000") as client,
    ):
        yield client


async def changes(client: AsyncClient, cursor: str | None) -> dict[str, Any]:
    given = {"type": "practice", **({"cursor": cursor} if cursor else {})}
    page: dict[str, Any] = (await client.get("/v1/changes", params=given)).json()
    return page


async def caught_up(client: AsyncClient, cursor: str | None) -> str:
    page = await changes(client, cursor)
    while page["has_more"]:
        page = await changes(client, page["next_cursor"])
    return str(page["next_cursor"])
