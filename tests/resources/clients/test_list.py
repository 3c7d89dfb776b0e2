"""GET /v1/clients."""

from httpx import AsyncClient

from app.database import Database
from tests.conftest import Token
from tests.factories import make_client

CITY = "city:ca-montreal"


async def test_an_organization_sees_its_own(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token(CITY)
    own = [(await make_client(database, CITY))[0] for _ in range(2)]
    await make_client(database, "city:es-barcelona")
    items = (await client.get("/v1/clients", headers=headers)).json()["items"]
    assert [item["client_id"] for item in items][:2] == own[::-1]
    assert {item["organization"] for item in items} == {CITY}
    assert not any("secret_hash" in item or "client_secret" in item for item in items)


async def test_the_operator_sees_all_and_may_filter(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token("operator")
    await make_client(database, CITY)
    await make_client(database, "network:mmc")
    items = (await client.get("/v1/clients", headers=headers)).json()["items"]
    assert {item["organization"] for item in items} == {CITY, "network:mmc", "operator"}
    items = (await client.get("/v1/clients", params={"organization": CITY}, headers=headers)).json()["items"]
    assert [item["organization"] for item in items] == [CITY]


async def test_a_filter_widens_nothing(client: AsyncClient, token: Token, database: Database) -> None:
    await make_client(database, "city:es-barcelona")
    for headers in (await token(CITY), await token("operator", "clients:manage")):
        answer = await client.get("/v1/clients", params={"organization": "city:es-barcelona"}, headers=headers)
        assert answer.json()["items"] == []


async def test_pages_are_whole(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token(CITY)
    for _ in range(4):
        await make_client(database, CITY)
    seen: list[str] = []
    address: str | None = "/v1/clients?limit=2"
    while address:
        answer = await client.get(address, headers=headers)
        seen += [item["client_id"] for item in answer.json()["items"]]
        address = answer.links["next"]["url"] if "next" in answer.links else None
    assert len(seen) == len(set(seen)) == 5


async def test_a_cursor_is_for_its_own_list(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token(CITY)
    await make_client(database, CITY)
    cursor = (await client.get("/v1/clients?limit=1", headers=headers)).json()["next_cursor"]
    other = await token("city:es-barcelona")
    assert (await client.get(f"/v1/clients?cursor={cursor}", headers=other)).status_code == 400
    answer = await client.get(f"/v1/clients?cursor={cursor}&organization={CITY}", headers=headers)
    assert answer.status_code == 400


async def test_what_is_not_known_is_refused(client: AsyncClient, token: Token) -> None:
    headers = await token(CITY)
    assert (await client.get("/v1/clients?org=x", headers=headers)).status_code == 400
    assert (await client.get("/v1/clients?organization=x", headers=headers)).status_code == 422
    assert (await client.get("/v1/clients?limit=0", headers=headers)).status_code == 422
    assert (await client.get("/v1/clients")).status_code == 401
    assert (await client.get("/v1/clients", headers=await token(CITY, "audit:read"))).status_code == 403
