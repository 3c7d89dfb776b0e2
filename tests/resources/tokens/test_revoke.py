"""POST /oauth/revoke."""

import time

import anyio
from httpx import ASGITransport, AsyncClient

from app.config import Settings
from app.database import Database, open_database
from app.main import create_app
from tests.conftest import Token
from tests.factories import Headers, make_client

CITY = "city:ca-montreal"
PATH = "/oauth/revoke"


async def logged_in(client: AsyncClient, auth: tuple[str, str]) -> tuple[str, Headers]:
    answer = await client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=auth)
    token = answer.json()["access_token"]
    return token, {"Authorization": f"Bearer {token}"}


async def test_a_revoked_token_is_out_at_once_here_and_soon_elsewhere(
    client: AsyncClient, database: Database, settings: Settings
) -> None:
    auth = await make_client(database, CITY)
    token, headers = await logged_in(client, auth)
    _, sibling = await logged_in(client, auth)
    pools = await open_database(settings)
    other_app = create_app(pools, settings)
    async with (
        other_app.router.lifespan_context(other_app),
        AsyncClient(transport=ASGITransport(other_app), base_url="http://127.0.0.1:8000") as other,
    ):
        for asking in (client, other):
            assert (await asking.get("/v1/me", headers=headers)).status_code == 200
        answer = await client.post(PATH, data={"token": token, "token_type_hint": "access_token"}, auth=auth)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["cache-control"] == "no-store"
        revoked = time.monotonic()
        assert (await client.get("/v1/me", headers=headers)).status_code == 401
        while (await other.get("/v1/me", headers=headers)).status_code == 200:
            assert time.monotonic() - revoked < 5
            await anyio.sleep(0.1)
        assert (await other.get("/v1/me", headers=sibling)).status_code == 200
    await pools.close()


async def test_twice_and_unknown_is_fine(client: AsyncClient, database: Database) -> None:
    auth = await make_client(database, CITY)
    token, _ = await logged_in(client, auth)
    for text in (token, token, "unknown", token[:-4] + "AAAA", "x" * 100_000, "é\x00"):
        assert (await client.post(PATH, data={"token": text}, auth=auth)).status_code == 200
    assert await database.value("SELECT count(*) FROM revoked_token") == 1
    assert await database.value("SELECT count(*) FROM audit WHERE action = 'revoked'") == 1


async def test_only_ones_own(client: AsyncClient, database: Database) -> None:
    token, headers = await logged_in(client, await make_client(database, CITY))
    for organization in ("city:es-barcelona", CITY, "operator"):
        stranger = await make_client(database, organization)
        answer = await client.post(PATH, data={"token": token}, auth=stranger)
        assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    assert (await client.get("/v1/me", headers=headers)).status_code == 200


async def test_it_needs_the_client_and_a_token(client: AsyncClient, database: Database, token: Token) -> None:
    auth = await make_client(database, CITY)
    answer = await client.post(PATH, data={"token_type_hint": "access_token"}, auth=auth)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    answer = await client.post(PATH, data={"token": "x"}, headers=await token(CITY))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
