"""GET /v1/networks/{id}."""

from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount

PATH = "/v1/networks/mmc"


async def test_a_network(client: AsyncClient, sql_count: SqlCount) -> None:
    with sql_count() as statements:
        response = await client.get(PATH)
    assert len(statements) == 1, statements
    network = response.json()
    assert (network["id"], network["abbreviation"], network["founded"]) == ("mmc", "MMC", 2018)
    assert network["review_policy"] == "self_publish"
    cities = (await client.get("/v1/cities?network=mmc&limit=100")).json()["items"]
    assert network["city_count"] == len(cities) > 0
    again = await client.get(PATH, headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_only_current_members_are_counted(client: AsyncClient, database: Database) -> None:
    before = await client.get(PATH)
    await database.execute("UPDATE membership SET until = '2020-01-01' WHERE city_id = 'ca-montreal'")
    after = await client.get(PATH)
    assert after.json()["city_count"] == before.json()["city_count"] - 1
    assert after.headers["etag"] != before.headers["etag"]


async def test_none_such(client: AsyncClient) -> None:
    for id_ in ("nowhere", "MMC", "-", "x" * 100, "mmc%00"):
        assert (await client.get(f"/v1/networks/{id_}")).status_code == 404
