"""More at once than one process takes: refused in time, and health is answered all the same."""

import asyncio

import pytest
from httpx import AsyncClient

from app.config import Settings
from app.database import Database
from tests.conftest import Token
from tests.factories import practice_body


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(
        database_url=database_url, rate_limit="off", worker="off", pool_size=2, in_flight_limit=4, pool_timeout=5
    )


async def test_too_much_at_once_is_refused(client: AsyncClient, database: Database) -> None:
    held = [await database.primary.acquire() for _ in range(2)]
    asking = [asyncio.create_task(client.get("/v1/practices")) for _ in range(20)]
    done, waiting = await asyncio.wait(asking, timeout=0.5)
    refused = [task.result() for task in done]
    assert (len(refused), len(waiting)) == (16, 4)
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in refused} == {(503, "1")}
    assert [(await client.get(path)).status_code for path in ("/livez", "/metrics")] == [200, 200]
    for connection in held:
        await database.primary.release(connection)
    assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}
    assert (await client.get("/readyz")).status_code == 200


async def test_clients_that_go_away_leave_nothing_behind(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token("city:ca-montreal")
    for delay in (0, 0.001, 0.002, 0.003, 0.005, 0.008):
        asking = asyncio.create_task(client.post("/v1/practices", json=practice_body(), headers=headers))
        await asyncio.sleep(delay)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert (await client.get("/v1/practices")).status_code == 200
    assert database.primary.get_idle_size() == database.primary.get_size()
    practices = await database.value("SELECT count(*) FROM practice")
    assert await database.value("SELECT count(*) FROM audit") == practices
    assert await database.value("SELECT count(*) FROM transition") == practices
    idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in tr%'"
    assert await database.value(idle) == 0
