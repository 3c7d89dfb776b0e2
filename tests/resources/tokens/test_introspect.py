"""POST /oauth/introspect."""

import pytest
from httpx import AsyncClient

from app.database import Database
from app.keys import KeyRing
from app.signing import sign
from tests.factories import claims_of, make_client

CITY = "city:ca-montreal"
PATH = "/oauth/introspect"


async def make(database: Database, organization: str, **changes: object) -> tuple[tuple[str, str], str]:
    auth = await make_client(database, organization)
    claims = claims_of(auth[0], ["practices:write"], **changes)
    return auth, sign(await KeyRing(database).signing_key(), claims)


async def test_an_active_token(client: AsyncClient, database: Database) -> None:
    auth, token = await make(database, CITY)
    answer = await client.post(PATH, data={"token": token}, auth=auth)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["active"] is True
    assert (body["sub"], body["client_id"]) == (auth[0], auth[0])
    assert (body["scope"], body["token_type"], body["aud"]) == ("practices:write", "Bearer", "practice-exchange")
    assert body["exp"] - body["iat"] == 600
    assert body["iss"] == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("organization", "active"),
    [(CITY, True), ("operator", True), ("city:es-barcelona", False), ("network:mmc", False)],
)
async def test_whose_tokens(client: AsyncClient, database: Database, organization: str, *, active: bool) -> None:
    _, token = await make(database, CITY)
    answer = await client.post(PATH, data={"token": token}, auth=await make_client(database, organization))
    assert answer.json()["active"] is active
    assert active or answer.json() == {"active": False}


async def test_what_is_not_valid_is_inactive_and_no_more(client: AsyncClient, database: Database) -> None:
    auth, expired = await make(database, CITY, exp=1)
    _, foreign = await make(database, CITY, aud="another")
    for token in (expired, foreign, "junk", "a.b.c"):
        answer = await client.post(PATH, data={"token": token}, auth=auth)
        assert (answer.status_code, answer.json()) == (200, {"active": False})


async def test_it_needs_the_client_and_a_token(client: AsyncClient, database: Database) -> None:
    assert (await client.post(PATH, data={"token": "x"})).status_code == 401
    answer = await client.post(PATH, data={}, auth=await make_client(database, CITY))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
