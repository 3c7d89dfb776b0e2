"""PostgreSQL away, stalled, or refusing: 503 and back again, nothing doubled, and the process lives."""

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest
from httpx import AsyncClient, Response

from app.config import Settings
from app.database import Database
from tests.conftest import Token
from tests.factories import make_practice, practice_body
from tests.postgres import Wire, forsake

MONTREAL = "city:ca-montreal"


@pytest.fixture
async def wire(database_url: str) -> AsyncIterator[Wire]:
    wire = Wire(database_url)
    await wire.connect()
    yield wire
    await wire.cut()


@pytest.fixture
def settings(wire: Wire) -> Settings:
    return Settings(
        database_url=wire.url, rate_limit="off", worker="off", pool_size=3, statement_timeout=0.5, pool_timeout=0.3
    )


def is_unavailable(response: Response) -> bool:
    """A 503 as clients can use it: says when to come again, and nothing of what is behind."""
    told = response.json()
    assert told["type"].endswith("/problems/service-unavailable")
    assert not any(word in response.text.lower() for word in ("postgres", "asyncpg", "127.0.0.1:5", "traceback"))
    return response.status_code == 503 and int(response.headers["retry-after"]) >= 1


async def ask_everything(client: AsyncClient, token: dict[str, str], path: str) -> list[Response]:
    return [
        await client.get("/v1/practices"),
        await client.get(path, headers=token),
        await client.post("/v1/practices", json=practice_body(), headers=token),
        await client.patch(path, json={"stage": "pilot"}, headers={**token, "If-Match": "*"}),
    ]


async def health(client: AsyncClient) -> tuple[int, int]:
    return (await client.get("/livez")).status_code, (await client.get("/readyz")).status_code


async def test_a_cut_connection(client: AsyncClient, token: Token, wire: Wire) -> None:
    headers = await token(MONTREAL)
    path = f"/v1/practices/{(await make_practice(client, headers))['id']}"
    assert await health(client) == (200, 200)
    await wire.cut()
    assert all(is_unavailable(answer) for answer in await ask_everything(client, headers, path))
    assert await health(client) == (200, 503)
    assert (await client.get("/readyz")).json()["checks"]["database"] == "unreachable"
    assert is_unavailable(await client.get("/"))
    await wire.connect()
    assert [answer.status_code for answer in await ask_everything(client, headers, path)] == [200, 200, 201, 200]
    assert await health(client) == (200, 200)


async def test_a_short_break_costs_reads_nothing(client: AsyncClient, token: Token, wire: Wire) -> None:
    path = f"/v1/practices/{(await make_practice(client, await token(MONTREAL)))['id']}"
    for _ in range(3):
        await wire.cut()
        await wire.connect()
        assert (await client.get(path)).status_code == 200


async def test_a_stalled_connection_holds_nobody_for_long(client: AsyncClient, token: Token, wire: Wire) -> None:
    headers = await token(MONTREAL)
    path = f"/v1/practices/{(await make_practice(client, headers))['id']}"
    wire.stall()
    started = time.monotonic()
    answers = await asyncio.gather(*[client.get(path, headers=headers) for _ in range(10)])
    assert all(is_unavailable(answer) for answer in answers)
    assert await health(client) == (200, 503)
    assert time.monotonic() - started < 10
    await wire.cut()
    await wire.connect()
    assert [answer.status_code for answer in await ask_everything(client, headers, path)] == [200, 200, 201, 200]


@pytest.mark.parametrize("refusal", ["ALLOW_CONNECTIONS false", 'RENAME TO "{name}_away"'])
async def test_a_server_that_refuses(
    client: AsyncClient, token: Token, database_url: str, server: str, refusal: str
) -> None:
    headers = await token(MONTREAL)
    path = f"/v1/practices/{(await make_practice(client, headers))['id']}"
    name = urlsplit(database_url).path[1:]
    connection = await asyncpg.connect(server)
    try:
        # Nobody comes back while it is renamed.
        await forsake(connection, name)
        if "RENAME" in refusal:
            await connection.execute(f'ALTER DATABASE "{name}" {refusal.format(name=name)}')
        assert all(is_unavailable(answer) for answer in await ask_everything(client, headers, path))
        assert await health(client) == (200, 503)
        if "RENAME" in refusal:
            await connection.execute(f'ALTER DATABASE "{name}_away" RENAME TO "{name}"')
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    finally:
        await connection.close()
    assert [answer.status_code for answer in await ask_everything(client, headers, path)] == [200, 200, 201, 200]


async def test_a_retry_with_a_key_after_a_break_has_one_effect(
    client: AsyncClient, token: Token, wire: Wire, database: Database
) -> None:
    headers = {**await token(MONTREAL), "Idempotency-Key": "through-the-break"}
    for delay in (0, 0.001, 0.002, 0.005, 0.01, 0.02):
        asking = asyncio.create_task(client.post("/v1/practices", json=practice_body(), headers=headers))
        await asyncio.sleep(delay)
        await wire.cut()
        first = await asking
        assert first.status_code in {201, 503}
        await wire.connect()
    again = await client.post("/v1/practices", json=practice_body(), headers=headers)
    assert again.status_code == 201
    assert await database.value("SELECT count(*) FROM practice") == 1


async def test_a_long_statement_is_cancelled(client: AsyncClient, database_url: str, token: Token) -> None:
    headers = await token(MONTREAL)
    path = f"/v1/practices/{(await make_practice(client, headers))['id']}"
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE practice IN ACCESS EXCLUSIVE MODE")
            assert is_unavailable(await client.get(path))
    finally:
        await connection.close()
    assert (await client.get(path)).status_code == 200


async def test_all_connections_in_use(client: AsyncClient, database: Database) -> None:
    held = [await database.primary.acquire() for _ in range(3)]
    try:
        assert is_unavailable(await client.get("/v1/practices"))
        assert (await client.get("/livez")).status_code == 200
    finally:
        for connection in held:
            await database.primary.release(connection)
    assert (await client.get("/v1/practices")).status_code == 200


async def test_a_schema_that_is_behind_is_not_ready(client: AsyncClient, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE alembic_version SET version_num = 'older'")
    await connection.close()
    response = await client.get("/readyz")
    assert (response.status_code, response.json()["checks"]["migrations"]) == (503, "pending")
