"""POST /v1/clients."""

import hashlib
import json
from typing import Any, get_args

import pytest
from httpx import AsyncClient

from app.caller import CITY_SCOPES, NETWORK_SCOPES, SCOPES
from app.database import Database
from app.resources.clients.schemas import Scope
from tests.conftest import Token
from tests.factories import Headers

PATH = "/v1/clients"
CITY = "city:ca-montreal"


async def create(client: AsyncClient, headers: Headers, **body: Any) -> dict[str, Any]:
    response = await client.post(PATH, json={"name": "Case management", **body}, headers=headers)
    assert response.status_code == 201, response.text
    document: dict[str, Any] = response.json()
    return document


async def test_an_organization_makes_a_client_of_its_own(client: AsyncClient, token: Token) -> None:
    headers = await token(CITY)
    response = await client.post(PATH, json={"name": "Case management"}, headers=headers)
    assert response.status_code == 201
    made = response.json()
    assert response.headers["location"] == f"/v1/clients/{made['client_id']}"
    assert response.headers["cache-control"] == "no-store"
    assert made["client_id"].startswith("px_ca-montreal_")
    assert made["client_secret"].startswith("pxs_")
    assert len(made["client_secret"]) == 4 + 43
    assert made["organization"] == CITY
    assert set(made["scopes"]) == CITY_SCOPES
    assert (made["version"], made["last_used_at"], made["revoked_at"]) == (1, None, None)
    read = await client.get(response.headers["location"], headers=headers)
    del made["client_secret"]
    assert read.json() == made
    assert read.headers["etag"] == response.headers["etag"]


async def test_only_a_hash_of_the_secret_is_stored(client: AsyncClient, token: Token, database: Database) -> None:
    made = await create(client, await token(CITY))
    row = await database.row("SELECT * FROM client WHERE id = $1", made["client_id"])
    assert row is not None
    assert row["secret_hash"] == hashlib.sha256(made["client_secret"].encode()).digest()
    assert made["client_secret"] not in str(list(row.values()))


async def test_the_secret_gets_a_token(client: AsyncClient, token: Token) -> None:
    made = await create(client, await token(CITY), scopes=["practices:write"])
    answer = await client.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=(made["client_id"], made["client_secret"])
    )
    assert answer.json()["scope"] == "practices:write"
    me = await client.get("/v1/me", headers={"Authorization": f"Bearer {answer.json()['access_token']}"})
    assert me.json()["client_id"] == made["client_id"]


async def test_a_replay_names_the_client_but_not_its_secret(
    client: AsyncClient, token: Token, database: Database
) -> None:
    headers = {**await token(CITY), "Idempotency-Key": "once"}
    first = await client.post(PATH, json={"name": "Case management"}, headers=headers)
    again = await client.post(PATH, json={"name": "Case management"}, headers=headers)
    assert again.status_code == 201
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == {**first.json(), "client_secret": None}
    stored = await database.value("SELECT convert_from(body, 'UTF8') FROM idempotency_key")
    assert json.loads(stored)["client_secret"] is None
    other = await client.post(PATH, json={"name": "Another"}, headers=headers)
    assert other.status_code == 422


async def test_a_citys_first_client_makes_it_a_member(client: AsyncClient, token: Token, database: Database) -> None:
    query = "SELECT member, version FROM city WHERE id = 'it-milano'"
    await database.execute("INSERT INTO city (id, name, country) VALUES ('it-milano', 'Milano', 'IT')"
                           " ON CONFLICT (id) DO UPDATE SET member = FALSE, version = 1")  # fmt: skip
    operator = await token("operator")
    await create(client, operator, organization="city:it-milano")
    row = await database.row(query)
    assert row is not None
    assert (row["member"], row["version"]) == (True, 2)
    assert await database.value("SELECT version FROM feed WHERE type = 'city' AND id = 'it-milano'") == 2
    await create(client, operator, organization="city:it-milano")
    assert await database.value("SELECT version FROM city WHERE id = 'it-milano'") == 2


async def test_the_operator_makes_clients_for_all(client: AsyncClient, token: Token) -> None:
    headers = await token("operator")
    network = await create(client, headers, organization="network:mmc", lifetime_days=1)
    assert set(network["scopes"]) == NETWORK_SCOPES
    assert set((await create(client, headers))["scopes"]) == set(SCOPES)


async def test_it_stands_in_the_audit_trail(client: AsyncClient, token: Token, database: Database) -> None:
    made = await create(client, await token(CITY))
    row = await database.row("SELECT * FROM audit WHERE record_type = 'client'")
    assert row is not None
    assert (row["organization"], row["action"], row["record_id"]) == (CITY, "created", made["client_id"])
    assert made["client_secret"] not in str(await database.rows("SELECT * FROM audit"))


BAD: list[tuple[dict[str, Any], str]] = [
    ({"scopes": ["practices:write", "operator"]}, "/scopes/1"),
    ({"scopes": ["sync:write"]}, "/scopes/0"),
    ({"scopes": ["everything"]}, "/scopes/0"),
    ({"scopes": []}, "/scopes"),
    ({"scopes": ["practices:write", "practices:write"]}, "/scopes"),
    ({"scopes": "practices:write"}, "/scopes"),
    ({"name": ""}, "/name"),
    ({"name": "a\0b"}, "/name"),
    ({"lifetime_days": 0}, "/lifetime_days"),
    ({"lifetime_days": 731}, "/lifetime_days"),
    ({"lifetime_days": True}, "/lifetime_days"),
    ({"organization": "ca-montreal"}, "/organization"),
    ({"client_secret": "mine"}, "/client_secret"),
]


async def test_bad_input_points_to_its_place(client: AsyncClient, token: Token, subtests: pytest.Subtests) -> None:
    headers = await token(CITY)
    for body, pointer in BAD:
        with subtests.test(str(body)):
            response = await client.post(PATH, json={"name": "n", **body}, headers=headers)
            assert response.status_code == 422
            assert response.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("organization", ["city:xx-nowhere", "network:nobody"])
async def test_an_unknown_organization_is_pointed_at(client: AsyncClient, token: Token, organization: str) -> None:
    body = {"name": "n", "organization": organization}
    response = await client.post(PATH, json=body, headers=await token("operator"))
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/organization"


@pytest.mark.parametrize("organization", ["city:es-barcelona", "network:mmc", "operator"])
async def test_another_organizations_clients_are_not_to_be_made(
    client: AsyncClient, token: Token, organization: str, database: Database
) -> None:
    headers = await token(CITY)
    response = await client.post(PATH, json={"name": "n", "organization": organization}, headers=headers)
    assert response.status_code == 403
    assert await database.value("SELECT count(*) FROM client") == 1


async def test_nobody_hands_on_more_than_the_token_carries(client: AsyncClient, token: Token) -> None:
    headers = await token(CITY, "clients:manage", "exchanges:read")
    assert (await create(client, headers))["scopes"] == ["clients:manage", "exchanges:read"]
    response = await client.post(PATH, json={"name": "n", "scopes": ["practices:write"]}, headers=headers)
    assert response.status_code == 403
    assert "practices:write" in response.json()["detail"]


async def test_an_operators_client_without_that_scope_gains_nothing(client: AsyncClient, token: Token) -> None:
    headers = await token("operator", "clients:manage")
    response = await client.post(PATH, json={"name": "n", "scopes": ["operator"]}, headers=headers)
    assert response.status_code == 403
    response = await client.post(PATH, json={"name": "n", "organization": CITY}, headers=headers)
    assert response.status_code == 403


async def test_it_needs_the_scope(client: AsyncClient, token: Token) -> None:
    assert (await client.post(PATH, json={"name": "n"})).status_code == 401
    headers = await token(CITY, "practices:write")
    assert (await client.post(PATH, json={"name": "n"}, headers=headers)).status_code == 403


def test_the_scopes_of_the_wire_are_those_of_the_callers() -> None:
    assert get_args(Scope) == tuple(SCOPES)
