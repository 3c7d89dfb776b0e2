"""GET /v1/networks."""

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount


async def test_pages_hold_every_network_once_in_the_order_of_ids(client: AsyncClient, database: Database) -> None:
    ids: list[str] = []
    address: str | None = "/v1/networks?limit=3"
    while address:
        response = await client.get(address)
        ids += [network["id"] for network in response.json()["items"]]
        address = response.links.get("next", {}).get("url")
    assert ids == [row["id"] for row in await database.rows("SELECT id FROM network ORDER BY id")]
    assert len(ids) > 3


async def test_by_kind(client: AsyncClient) -> None:
    whole = (await client.get("/v1/networks?limit=100")).json()["items"]
    funds = (await client.get("/v1/networks?limit=100&kind=fund")).json()["items"]
    assert funds == [network for network in whole if network["kind"] == "fund"]
    assert funds


async def test_an_item_is_what_the_single_record_is(client: AsyncClient, sql_count: SqlCount) -> None:
    with sql_count() as statements:
        item = (await client.get("/v1/networks?limit=1")).json()["items"][0]
    assert len(statements) == 1, statements
    assert (await client.get(f"/v1/networks/{item['id']}")).json() == item


@pytest.mark.parametrize("query", ["country=CA", "q=x", "limit=5&limit=6", "cursor=abc"])
async def test_what_makes_no_sense_is_refused(client: AsyncClient, query: str) -> None:
    assert (await client.get(f"/v1/networks?{query}")).status_code == 400


async def test_the_first_page_has_an_etag(client: AsyncClient) -> None:
    etag = (await client.get("/v1/networks")).headers["etag"]
    assert (await client.get("/v1/networks", headers={"If-None-Match": etag})).status_code == 304
