"""POST /v1/clients/{client_id}/rotate-secret."""

from httpx import AsyncClient

from app.database import Database
from tests.conftest import Token
from tests.factories import make_client

CITY = "city:ca-montreal"


async def works(client: AsyncClient, client_id: str, secret: str) -> bool:
    form = {"grant_type": "client_credentials"}
    return (await client.post("/oauth/token", data=form, auth=(client_id, secret))).status_code == 200


async def test_the_old_secret_works_a_day_more(client: AsyncClient, token: Token, database: Database) -> None:
    client_id, old = await make_client(database, CITY)
    await database.execute("UPDATE client SET secret_expires_at = now() + interval '90 days'")
    answer = await client.post(f"/v1/clients/{client_id}/rotate-secret", headers=await token(CITY))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    new = answer.json()["client_secret"]
    assert answer.json()["previous_secret_until"] is not None
    assert answer.json()["version"] == 2
    assert await works(client, client_id, new)
    assert await works(client, client_id, old)
    hours = "SELECT extract(epoch FROM previous_secret_until - now()) / 3600 FROM client WHERE id = $1"
    assert 23.9 < await database.value(hours, client_id) <= 24
    await database.execute("UPDATE client SET previous_secret_until = now() WHERE id = $1", client_id)
    assert not await works(client, client_id, old)
    assert await works(client, client_id, new)
    assert await database.value("SELECT action FROM audit WHERE record_id = $1", client_id) == "secret_rotated"


async def test_the_old_secret_does_not_outlive_its_own_expiry(
    client: AsyncClient, token: Token, database: Database
) -> None:
    client_id, old = await make_client(database, CITY)
    await database.execute("UPDATE client SET secret_expires_at = now() - interval '1 s' WHERE id = $1", client_id)
    assert not await works(client, client_id, old)
    answer = await client.post(f"/v1/clients/{client_id}/rotate-secret", headers=await token(CITY))
    assert answer.json()["previous_secret_until"] is None
    assert not await works(client, client_id, old)
    assert await works(client, client_id, answer.json()["client_secret"])


async def test_a_replay_rotates_no_further_and_holds_no_secret(
    client: AsyncClient, token: Token, database: Database
) -> None:
    client_id, _ = await make_client(database, CITY)
    headers = {**await token(CITY), "Idempotency-Key": '"once"'}
    path = f"/v1/clients/{client_id}/rotate-secret"
    first = await client.post(path, headers=headers)
    again = await client.post(path, headers=headers)
    assert again.json() == {**first.json(), "client_secret": None}
    assert await works(client, client_id, first.json()["client_secret"])


async def test_the_secret_of_a_stronger_client_is_not_to_be_had(
    client: AsyncClient, token: Token, database: Database
) -> None:
    client_id, old = await make_client(database, CITY, ["practices:write"])
    headers = await token(CITY, "clients:manage")
    assert (await client.post(f"/v1/clients/{client_id}/rotate-secret", headers=headers)).status_code == 403
    assert await works(client, client_id, old)


async def test_a_revoked_client_gets_none(client: AsyncClient, token: Token, database: Database) -> None:
    client_id, _ = await make_client(database, CITY)
    await database.execute("UPDATE client SET revoked_at = now() WHERE id = $1", client_id)
    answer = await client.post(f"/v1/clients/{client_id}/rotate-secret", headers=await token(CITY))
    assert answer.status_code == 409


async def test_others_see_none(client: AsyncClient, token: Token, database: Database) -> None:
    client_id, _ = await make_client(database, CITY)
    answer = await client.post(f"/v1/clients/{client_id}/rotate-secret", headers=await token("city:es-barcelona"))
    assert answer.status_code == 404
