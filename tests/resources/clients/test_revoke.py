"""DELETE /v1/clients/{client_id}."""

import time

import anyio
from httpx import ASGITransport, AsyncClient

from app.config import Settings
from app.database import Database, open_database
from app.main import create_app
from tests.conftest import Token
from tests.factories import make_client

CITY = "city:ca-montreal"


async def test_a_revoked_client_is_out_everywhere_within_5_seconds(
    client: AsyncClient, token: Token, database: Database, settings: Settings
) -> None:
    client_id, secret = await make_client(database, CITY)
    answer = await client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret))
    own = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    pools = await open_database(settings)
    other_app = create_app(pools, settings)
    async with (
        other_app.router.lifespan_context(other_app),
        AsyncClient(transport=ASGITransport(other_app), base_url="http://127.0.0.1:8000") as other,
    ):
        assert (await other.get("/v1/me", headers=own)).status_code == 200
        headers = {**await token(CITY), "If-Match": "*"}
        assert (await client.delete(f"/v1/clients/{client_id}", headers=headers)).status_code == 204
        revoked = time.monotonic()
        while (await other.get("/v1/me", headers=own)).status_code == 200:
            assert time.monotonic() - revoked < 5
            await anyio.sleep(0.1)
    await pools.close()


async def test_it_gets_no_more_tokens_but_stays_to_be_seen(
    client: AsyncClient, token: Token, database: Database
) -> None:
    headers = await token(CITY)
    client_id, secret = await make_client(database, CITY)
    path = f"/v1/clients/{client_id}"
    etag = (await client.get(path, headers=headers)).headers["etag"]
    assert (await client.delete(path, headers={**headers, "If-Match": etag})).status_code == 204
    login = await client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret))
    assert (login.status_code, login.json()["error"]) == (401, "invalid_client")
    seen = (await client.get(path, headers=headers)).json()
    assert seen["revoked_at"] is not None
    assert seen["version"] == 2
    assert await database.value("SELECT action FROM audit WHERE record_id = $1", client_id) == "revoked"


async def test_twice_is_as_good_as_once(client: AsyncClient, token: Token, database: Database) -> None:
    headers = {**await token(CITY), "If-Match": "*"}
    client_id, _ = await make_client(database, CITY)
    for _ in range(2):
        assert (await client.delete(f"/v1/clients/{client_id}", headers=headers)).status_code == 204
    assert await database.value("SELECT count(*) FROM audit WHERE record_id = $1", client_id) == 1


async def test_it_says_which_version_it_is_for(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token(CITY)
    client_id, _ = await make_client(database, CITY)
    path = f"/v1/clients/{client_id}"
    assert (await client.delete(path, headers=headers)).status_code == 428
    assert (await client.delete(path, headers={**headers, "If-Match": '"7-0"'})).status_code == 412


async def test_others_see_none(client: AsyncClient, token: Token, database: Database) -> None:
    client_id, _ = await make_client(database, CITY)
    headers = {**await token("city:es-barcelona"), "If-Match": "*"}
    assert (await client.delete(f"/v1/clients/{client_id}", headers=headers)).status_code == 404
