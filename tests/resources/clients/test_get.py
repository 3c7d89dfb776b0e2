"""GET /v1/clients/{client_id}."""

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import Token
from tests.factories import make_client

CITY = "city:ca-montreal"


async def test_its_etag_spares_the_body(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token(CITY)
    client_id, secret = await make_client(database, CITY)
    path = f"/v1/clients/{client_id}"
    etag = (await client.get(path, headers=headers)).headers["etag"]
    assert (await client.get(path, headers={**headers, "If-None-Match": etag})).status_code == 304
    # Its use is no change of the record, but the answer is another.
    await client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret))
    used = await client.get(path, headers={**headers, "If-None-Match": etag})
    assert used.status_code == 200
    assert used.json()["last_used_at"] is not None
    assert used.json()["version"] == 1


@pytest.mark.parametrize("stranger", ["city:es-barcelona", "network:mmc"])
async def test_others_see_none(client: AsyncClient, token: Token, database: Database, stranger: str) -> None:
    client_id, _ = await make_client(database, CITY)
    assert (await client.get(f"/v1/clients/{client_id}", headers=await token(stranger))).status_code == 404
    assert (await client.get(f"/v1/clients/{client_id}", headers=await token("operator"))).status_code == 200


@pytest.mark.parametrize("client_id", ["px_none", "none", "px_%00", "px_" + "a" * 200, "px_%C3%A9"])
async def test_there_is_none(client: AsyncClient, token: Token, client_id: str) -> None:
    assert (await client.get(f"/v1/clients/{client_id}", headers=await token("operator"))).status_code == 404
