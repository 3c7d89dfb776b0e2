"""PATCH /v1/clients/{client_id}."""

from typing import Any

import pytest
from httpx import AsyncClient, Response

from app.database import Database
from tests.conftest import Token
from tests.factories import Headers, make_client

CITY = "city:ca-montreal"


async def patch(client: AsyncClient, client_id: str, headers: Headers, body: Any, match: str = "*") -> Response:
    return await client.patch(f"/v1/clients/{client_id}", json=body, headers={**headers, "If-Match": match})


async def test_name_and_scopes_change(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token(CITY)
    client_id, _ = await make_client(database, CITY)
    etag = (await client.get(f"/v1/clients/{client_id}", headers=headers)).headers["etag"]
    body = {"name": "New", "scopes": ["practices:write", "exchanges:read"]}
    changed = await patch(client, client_id, headers, body, etag)
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["version"]) == ("New", 2)
    assert changed.json()["scopes"] == ["exchanges:read", "practices:write"]
    row = await database.row("SELECT changed, version FROM audit WHERE action = 'updated' AND record_type = 'client'")
    assert row is not None
    assert (row["changed"], row["version"]) == ('["name", "scopes"]', 2)
    assert (await patch(client, client_id, headers, {"name": "Late"}, etag)).status_code == 412


async def test_a_scope_taken_away_is_gone_from_tokens_that_are_out(
    client: AsyncClient, token: Token, database: Database
) -> None:
    client_id, secret = await make_client(database, CITY)
    answer = await client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret))
    own = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    await patch(client, client_id, await token("operator"), {"scopes": ["practices:write"]})
    assert (await client.get("/v1/me", headers=own)).json()["scopes"] == ["practices:write"]


async def test_nothing_given_changes_nothing(client: AsyncClient, token: Token, database: Database) -> None:
    client_id, _ = await make_client(database, CITY)
    answer = await patch(client, client_id, await token(CITY), {})
    assert answer.json()["version"] == 1


async def test_an_organization_gives_no_scope_that_the_token_lacks(
    client: AsyncClient, token: Token, database: Database
) -> None:
    headers = await token(CITY, "clients:manage")
    client_id, _ = await make_client(database, CITY, ["practices:write", "exchanges:read"])
    widened = await patch(client, client_id, headers, {"scopes": ["practices:write", "cities:write"]})
    assert widened.status_code == 403
    # What the client holds already it may keep.
    narrowed = await patch(client, client_id, headers, {"scopes": ["practices:write"]})
    assert narrowed.json()["scopes"] == ["practices:write"]
    assert (await patch(client, client_id, headers, {"scopes": ["exchanges:read"]})).status_code == 403


BAD: list[tuple[dict[str, Any], str]] = [
    ({"scopes": ["operator"]}, "/scopes/0"),
    ({"scopes": None}, "/scopes"),
    ({"scopes": []}, "/scopes"),
    ({"name": None}, "/name"),
    ({"organization": "operator"}, "/organization"),
    ({"secret_expires_at": "2100-01-01T00:00:00Z"}, "/secret_expires_at"),
]


async def test_bad_input_points_to_its_place(
    client: AsyncClient, token: Token, database: Database, subtests: pytest.Subtests
) -> None:
    headers = await token("operator")
    client_id, _ = await make_client(database, CITY)
    for body, pointer in BAD:
        with subtests.test(str(body)):
            answer = await patch(client, client_id, headers, body)
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["pointer"] == pointer


async def test_it_says_which_version_it_is_for(client: AsyncClient, token: Token, database: Database) -> None:
    client_id, _ = await make_client(database, CITY)
    answer = await client.patch(f"/v1/clients/{client_id}", json={"name": "n"}, headers=await token(CITY))
    assert answer.status_code == 428


async def test_others_see_none(client: AsyncClient, token: Token, database: Database) -> None:
    client_id, _ = await make_client(database, CITY)
    assert (await patch(client, client_id, await token("network:mmc"), {"name": "n"})).status_code == 404


async def test_a_revoked_client_stays_as_it_is(client: AsyncClient, token: Token, database: Database) -> None:
    client_id, _ = await make_client(database, CITY)
    await database.execute("UPDATE client SET revoked_at = now() WHERE id = $1", client_id)
    assert (await patch(client, client_id, await token(CITY), {"name": "n"})).status_code == 409
