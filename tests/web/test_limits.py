"""Rate limits: told in headers, the same over all processes, exact near the end."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
from httpx import ASGITransport, AsyncClient

from app.config import Settings
from app.database import Database, open_database
from app.main import create_app
from tests.conftest import Token
from tests.factories import practice_body

QUOTA = 20
MONTREAL = "city:ca-montreal"


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(
        database_url=database_url, rate_limit="on", rate_limit_anonymous=QUOTA, rate_limit_client=QUOTA,
        worker="off", pool_size=5,
    )  # fmt: skip


@pytest.fixture(autouse=True)
async def early_in_a_minute() -> None:
    """The quota is one of a Unix minute: a test begins early enough to end in the same."""
    if time.time() % 60 > 45:
        await asyncio.sleep(60.1 - time.time() % 60)


@contextlib.asynccontextmanager
async def another_process(settings: Settings, address: str = "127.0.0.1") -> AsyncIterator[AsyncClient]:
    database = await open_database(settings)
    app = create_app(database, settings)
    async with app.router.lifespan_context(app):
        transport = ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
        async with AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as asking:
            yield asking
    await database.close()


async def test_headers_count_down_to_a_refusal(client: AsyncClient) -> None:
    for left in range(QUOTA - 1, -1, -1):
        response = await client.get("/v1/practices?limit=1")
        assert response.status_code == 200
        assert response.headers["ratelimit-policy"] == f'"address";q={QUOTA};w=60'
        name, remaining, reset = response.headers["ratelimit"].split(";")
        assert (name, remaining) == ('"address"', f"r={left}")
        assert 0 < int(reset.removeprefix("t=")) <= 61
    for _ in range(2):
        refused = await client.get("/v1/practices?limit=1")
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert 0 < int(refused.headers["retry-after"]) <= 61
        assert refused.headers["ratelimit"].startswith('"address";r=0;t=')
        assert refused.headers.get_list("ratelimit-policy") == [f'"address";q={QUOTA};w=60']


async def test_a_client_has_a_quota_of_its_own(client: AsyncClient, token: Token) -> None:
    one, other = await token(MONTREAL), await token(MONTREAL)
    for _ in range(QUOTA):
        response = await client.get("/v1/practices", headers=one)
        assert response.headers["ratelimit-policy"].startswith('"client"')
    assert (await client.get("/v1/practices", headers=one)).status_code == 429
    assert (await client.get("/v1/practices", headers=other)).status_code == 200
    assert (await client.get("/v1/practices")).status_code == 200


async def test_what_is_refused_changes_nothing(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token(MONTREAL)
    for _ in range(QUOTA):
        await client.get("/v1/practices", headers=headers)
    assert (await client.post("/v1/practices", json=practice_body(), headers=headers)).status_code == 429
    assert await database.value("SELECT count(*) FROM practice") == 0


@pytest.mark.parametrize("authorization", ["Bearer nonsense", "Basic eDp5"])
async def test_guessed_tokens_count_for_their_address(client: AsyncClient, authorization: str) -> None:
    answers = [
        (await client.get("/v1/practices", headers={"Authorization": authorization})).status_code
        for _ in range(QUOTA + 2)
    ]
    assert answers == [401] * QUOTA + [429] * 2
    assert (await client.get("/v1/practices")).status_code == 429


async def test_pages_and_health_are_not_counted(client: AsyncClient) -> None:
    for path in ("/livez", "/readyz", "/", "/docs", "/openapi.json", "/problems/not-found", "/nothing"):
        response = await client.get(path)
        assert "ratelimit" not in response.headers
    assert (await client.get("/v1/practices")).headers["ratelimit"].startswith(f'"address";r={QUOTA - 1};')


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("with_token", [False, True])
async def test_two_processes_share_a_quota_exactly(
    client: AsyncClient, settings: Settings, token: Token, *, with_token: bool, at_once: bool
) -> None:
    headers = await token(MONTREAL) if with_token else {}
    async with another_process(settings) as other:
        asking = [
            (client, other)[number % 2].get("/v1/practices?limit=1", headers=headers) for number in range(QUOTA * 2)
        ]
        answers = await asyncio.gather(*asking) if at_once else [await one for one in asking]
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(429)) == (QUOTA, QUOTA)


async def test_addresses_are_told_apart(client: AsyncClient, settings: Settings) -> None:
    for _ in range(QUOTA + 1):
        last = await client.get("/v1/practices")
    assert last.status_code == 429
    async with another_process(settings, "2001:db8::1") as other:
        assert (await other.get("/v1/practices")).status_code == 200


@pytest.mark.usefixtures("app")
async def test_a_large_quota_is_used_up_by_a_burst_and_not_more(token: Token, database_url: str) -> None:
    """A busy process takes several permits at once; what it takes and what is counted stays the same."""
    large = Settings(database_url=database_url, rate_limit_client=300, worker="off", pool_size=5)
    headers = await token(MONTREAL)
    async with another_process(large) as one, another_process(large) as other:
        statuses = []
        for _ in range(8):
            answers = await asyncio.gather(
                *[(one, other)[number % 2].get("/v1/practices?limit=1", headers=headers) for number in range(50)]
            )
            statuses += [answer.status_code for answer in answers]
    assert statuses.count(200) == 300
    assert set(statuses) == {200, 429}
