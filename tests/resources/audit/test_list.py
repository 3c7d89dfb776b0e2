"""GET /v1/audit."""

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import Token
from tests.factories import Headers, make_client

CITY = "city:ca-montreal"


async def rename(client: AsyncClient, headers: Headers, client_id: str, times: int) -> None:
    for number in range(times):
        path, match = f"/v1/clients/{client_id}", {"If-Match": "*", "X-Request-Id": f"r{number}"}
        assert (await client.patch(path, json={"name": f"n{number}"}, headers={**headers, **match})).status_code == 200


async def test_who_changed_what(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token(CITY)
    client_id, _ = await make_client(database, CITY)
    await rename(client, headers, client_id, 2)
    items = (await client.get("/v1/audit", headers=headers)).json()["items"]
    newest = items[0]
    me = (await client.get("/v1/me", headers=headers)).json()
    assert (newest["organization"], newest["client_id"], newest["request_id"]) == (CITY, me["client_id"], "r1")
    assert (newest["action"], newest["record_type"], newest["record_id"]) == ("updated", "client", client_id)
    assert (newest["version"], newest["changed"]) == (3, ["name"])
    assert items[0]["id"] > items[1]["id"]


async def test_an_organization_sees_its_own_the_operator_all(
    client: AsyncClient, token: Token, database: Database
) -> None:
    headers, other = await token(CITY), await token("network:mmc")
    await rename(client, headers, (await make_client(database, CITY))[0], 1)
    await rename(client, other, (await make_client(database, "network:mmc"))[0], 1)
    for asking, organization in ((headers, CITY), (other, "network:mmc")):
        items = (await client.get("/v1/audit", headers=asking)).json()["items"]
        assert {item["organization"] for item in items} == {organization}
    answer = await client.get("/v1/audit", params={"organization": "network:mmc"}, headers=headers)
    assert answer.json()["items"] == []
    weak = await token("operator", "audit:read")
    assert (await client.get("/v1/audit", headers=weak)).json()["items"] == []
    operator = await token("operator")
    items = (await client.get("/v1/audit", headers=operator)).json()["items"]
    assert {item["organization"] for item in items} == {CITY, "network:mmc"}
    answer = await client.get("/v1/audit", params={"organization": CITY}, headers=operator)
    assert {item["organization"] for item in answer.json()["items"]} == {CITY}


async def test_filters(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token(CITY)
    first, second = [(await make_client(database, CITY))[0] for _ in range(2)]
    await rename(client, headers, first, 1)
    await rename(client, headers, second, 1)
    await client.delete(f"/v1/clients/{second}", headers={**headers, "If-Match": "*"})

    async def found(**filters: str) -> list[str]:
        answer = await client.get("/v1/audit", params=filters, headers=headers)
        return [f"{item['action']} {item['record_id']}" for item in answer.json()["items"]]

    assert await found(record_id=first) == [f"updated {first}"]
    assert await found(action="revoked") == [f"revoked {second}"]
    assert len(await found(record_type="client")) == 3
    assert await found(record_type="practice") == []
    entries = (await client.get("/v1/audit", headers=headers)).json()["items"]
    assert len(await found(since=entries[0]["at"])) == 1
    # Milliseconds are shown, microseconds are kept: the newest row lies in its millisecond or after it.
    assert len(await found(until=entries[0]["at"])) == 2


async def test_pages_are_whole(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token(CITY)
    await rename(client, headers, (await make_client(database, CITY))[0], 5)
    seen: list[int] = []
    address: str | None = "/v1/audit?limit=2"
    while address:
        answer = await client.get(address, headers=headers)
        seen += [item["id"] for item in answer.json()["items"]]
        address = answer.links["next"]["url"] if "next" in answer.links else None
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    ("query", "status"),
    [("who=x", 400), ("since=yesterday", 422), ("until=2026-01-01", 422), ("organization=me", 422), ("cursor=x", 400)],
)
async def test_bad_filters(client: AsyncClient, token: Token, query: str, status: int) -> None:
    assert (await client.get(f"/v1/audit?{query}", headers=await token(CITY))).status_code == status


async def test_it_needs_the_scope(client: AsyncClient, token: Token) -> None:
    assert (await client.get("/v1/audit")).status_code == 401
    assert (await client.get("/v1/audit", headers=await token(CITY, "clients:manage"))).status_code == 403
