"""Failed logins make the next ones wait, on all processes."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from app.config import Settings
from app.database import Database, open_database
from app.main import create_app
from tests.factories import make_client

CITY = "city:ca-montreal"
ATTACKER = "203.0.113.66"


@contextlib.asynccontextmanager
async def asking_from(app: FastAPI, address: str) -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(app, client=(address, 40000))
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as asking:
        yield asking


async def login(client: AsyncClient, client_id: str, secret: str) -> Response:
    return await client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret))


async def pass_time(database: Database, seconds: int) -> None:
    await database.execute("UPDATE login_failure SET last_at = last_at - make_interval(secs => $1)", seconds)


async def test_after_five_failures_each_one_more_waits_longer(client: AsyncClient, database: Database) -> None:
    client_id, secret = await make_client(database, CITY)
    for _ in range(5):
        assert (await login(client, client_id, "wrong")).status_code == 401
    for wait in (1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300):
        refused = await login(client, client_id, "wrong")
        assert (refused.status_code, refused.json()["error"]) == (429, "slow_down")
        assert refused.headers["retry-after"] == str(wait)
        assert refused.headers["cache-control"] == "no-store"
        # Not even the right secret is looked at before its time, and to ask makes nothing worse.
        assert (await login(client, client_id, secret)).headers["retry-after"] == str(wait)
        await pass_time(database, wait)
        assert (await login(client, client_id, "wrong")).status_code == 401
    await pass_time(database, 300)
    assert (await login(client, client_id, secret)).status_code == 200


async def test_success_clears_and_time_forgets(client: AsyncClient, database: Database) -> None:
    client_id, secret = await make_client(database, CITY)
    for _ in range(2):
        for _ in range(4):
            assert (await login(client, client_id, "wrong")).status_code == 401
        assert (await login(client, client_id, secret)).status_code == 200
    for _ in range(2):
        for _ in range(5):
            assert (await login(client, client_id, "wrong")).status_code == 401
        assert (await login(client, client_id, "wrong")).status_code == 429
        await pass_time(database, 15 * 60)


async def test_an_attacker_elsewhere_locks_nobody_out(app: FastAPI, database: Database) -> None:
    client_id, secret = await make_client(database, CITY)
    async with asking_from(app, ATTACKER) as attacker, asking_from(app, "198.51.100.1") as real:
        for _ in range(5):
            await login(attacker, client_id, "guess")
        assert (await login(attacker, client_id, secret)).status_code == 429
        assert (await login(real, client_id, secret)).status_code == 200
        assert (await login(attacker, client_id, secret)).status_code == 429


async def test_an_unknown_client_is_slowed_down_alike(client: AsyncClient) -> None:
    answers = [(await login(client, "px_none", "guess")).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


async def test_all_processes_count_together(client: AsyncClient, database: Database, settings: Settings) -> None:
    client_id, _ = await make_client(database, CITY)
    pools = await open_database(settings)
    other_app = create_app(pools, settings)
    async with other_app.router.lifespan_context(other_app), asking_from(other_app, "127.0.0.1") as other:
        for asking in (client, other, client, other, client):
            assert (await login(asking, client_id, "wrong")).status_code == 401
        assert (await login(other, client_id, "wrong")).status_code == 429
    await pools.close()


async def test_who_fails_with_many_clients_is_slowed_down_but_not_their_neighbours(
    app: FastAPI, database: Database
) -> None:
    good = await make_client(database, CITY)
    async with asking_from(app, ATTACKER) as attacker:
        for number in range(50):
            assert (await login(attacker, f"px_{number}", "guess")).status_code == 401
        refused = await login(attacker, "px_7", "guess")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        # A client behind the same proxy that has not failed itself is let in.
        assert (await login(attacker, *good)).status_code == 200


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", 429),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", 401),
        ("203.0.113.1", "203.0.113.2", 401),
        ("::ffff:203.0.113.1", "::ffff:203.0.113.2", 401),
        ("::ffff:203.0.113.1", "203.0.113.1", 429),
    ],
)
async def test_an_ipv6_network_counts_as_one_address(app: FastAPI, first: str, second: str, status: int) -> None:
    async with asking_from(app, first) as one, asking_from(app, second) as another:
        for _ in range(5):
            await login(one, "px_none", "guess")
        assert (await login(another, "px_none", "guess")).status_code == status


async def test_every_endpoint_that_takes_the_secret_counts(client: AsyncClient, database: Database) -> None:
    client_id, _ = await make_client(database, CITY)
    for path in ("revoke", "introspect", "revoke", "introspect", "revoke"):
        answer = await client.post(f"/oauth/{path}", data={"token": "x"}, auth=(client_id, "wrong"))
        assert answer.status_code == 401
    assert (await login(client, client_id, "wrong")).status_code == 429
