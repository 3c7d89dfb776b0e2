"""Verifications and endorsements."""

from typing import Any

from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import make_practice

OWNER, OTHER, NETWORK = "city:ca-montreal", "city:sl-freetown", "network:mmc"


async def test_a_verification_alone_moves_its_day(client: AsyncClient, token: Token, database: Database) -> None:
    owner = await token(OWNER)
    made = await make_practice(client, owner)
    path = f"/v1/practices/{made['id']}"
    await client.patch(path, json={"stage": "ongoing"}, headers={**owner, "If-Match": "*"})
    assert (await client.get(path)).json()["last_verified_at"] is None
    await database.execute("UPDATE practice SET published_at = now() - interval '3 years'")
    assert [item["id"] for item in (await client.get("/v1/practices?stale=true")).json()["items"]] == [made["id"]]
    before = (await client.get(path)).json()
    verified = await client.post(f"{path}/verification", headers=owner)
    assert verified.status_code == 200, verified.text
    after = (await client.get(path)).json()
    assert (after["last_verified_at"] is not None, after["version"]) == (True, before["version"] + 1)
    assert after["updated_at"] == before["updated_at"]
    assert (await client.get("/v1/practices?stale=true")).json()["items"] == []
    assert (await client.post(f"{path}/verification", headers=await token(OTHER))).status_code == 403
    draft = await make_practice(client, owner, publish=False)
    assert (await client.post(f"/v1/practices/{draft['id']}/verification", headers=owner)).status_code == 409


async def test_an_endorsement_is_given_once(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    made = await make_practice(client, await token(OWNER))
    path = f"/v1/practices/{made['id']}"

    async def endorse(organization: str, body: dict[str, Any]) -> int:
        return (await client.post(f"{path}/endorsements", json=body, headers=await token(organization))).status_code

    assert await endorse(OTHER, {"comment": "We visited."}) == 201
    assert await endorse(NETWORK, {}) == 201
    assert await endorse(OTHER, {}) == 409
    assert await endorse(OWNER, {}) == 403
    assert await endorse("operator", {}) == 403
    shown = (await client.get(path)).json()["endorsements"]
    assert [(entry["organization"], entry["comment"]) for entry in shown] == [(OTHER, "We visited."), (NETWORK, None)]
    with sql_count() as statements:
        first = (await client.get(f"{path}/endorsements?limit=1")).json()
    assert len(statements) == 1
    rest = await client.get(f"{path}/endorsements", params={"limit": 1, "cursor": first["next_cursor"]})
    assert first["items"] + rest.json()["items"] == shown
    feed = (await client.get("/v1/changes?type=practice")).json()["items"]
    assert feed[-1]["data"]["endorsements"] == shown
