"""GET /v1/cities/{id}."""

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import make_practice

PATH = "/v1/cities/ca-montreal"


async def test_a_city(client: AsyncClient) -> None:
    response = await client.get(PATH)
    city = response.json()
    assert (city["id"], city["country"], city["population_band"], city["version"]) == ("ca-montreal", "CA", "l", 1)
    assert city["names"]["fr"] == "Montréal"
    assert "mmc" in city["networks"]
    assert response.headers["etag"].startswith('"1-')
    assert response.headers["cache-control"].startswith("public")


async def test_one_statement(client: AsyncClient, sql_count: SqlCount) -> None:
    with sql_count() as statements:
        await client.get(PATH)
    assert len(statements) == 1, statements


@pytest.mark.parametrize(
    "id_", ["ca-atlantis", "CA-MONTREAL", "x", "ca-montreal%00", "%F0%9F%8F%99", "ca-" + "x" * 200]
)
async def test_none_such(client: AsyncClient, id_: str) -> None:
    assert (await client.get(f"/v1/cities/{id_}")).status_code == 404


async def test_whoever_has_it_gets_304(client: AsyncClient) -> None:
    etag = (await client.get(PATH)).headers["etag"]
    for value in (etag, f'"x", W/{etag}', "*"):
        response = await client.get(PATH, headers={"If-None-Match": value})
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", etag)


async def test_the_etag_changes_with_all_that_is_shown(client: AsyncClient, token: Token, database: Database) -> None:
    etags = [(await client.get(PATH)).headers["etag"]]
    await make_practice(client, await token("city:ca-montreal"))
    etags.append((await client.get(PATH)).headers["etag"])
    await database.execute("UPDATE membership SET until = '2020-01-01' WHERE city_id = 'ca-montreal'")
    etags.append((await client.get(PATH)).headers["etag"])
    assert len(set(etags)) == 3
