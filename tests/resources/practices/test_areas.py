"""Lists by region of the world and by day."""

from httpx import AsyncClient

from tests.conftest import Token
from tests.factories import make_practice, make_request


async def ids(client: AsyncClient, path: str, **params: str) -> list[str]:
    response = await client.get(path, params=params)
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]


async def test_practices_of_a_region(client: AsyncClient, token: Token) -> None:
    montreal = await make_practice(client, await token("city:ca-montreal"))
    freetown = await make_practice(client, await token("city:sl-freetown"))
    assert await ids(client, "/v1/practices", region="americas") == [montreal["id"]]
    assert await ids(client, "/v1/practices", region="africa") == [freetown["id"]]
    assert await ids(client, "/v1/practices", region="oceania") == []
    assert (await client.get("/v1/practices", params={"region": "atlantis"})).status_code == 422


async def test_practices_by_the_day_of_publication(client: AsyncClient, token: Token) -> None:
    practice = await make_practice(client, await token("city:ca-montreal"))
    day = practice["published_at"][:10]
    assert await ids(client, "/v1/practices", published_from=day, published_to=day) == [practice["id"]]
    assert await ids(client, "/v1/practices", published_to="2020-01-01") == []
    assert await ids(client, "/v1/practices", published_from="2190-01-01") == []
    assert (await client.get("/v1/practices", params={"published_from": "2026-02-30"})).status_code == 422


async def test_requests_of_a_region_a_network_and_a_time(client: AsyncClient, token: Token) -> None:
    request = await make_request(client, await token("city:sl-freetown"))
    day = request["created_at"][:10]
    path = "/v1/exchange-requests"
    assert await ids(client, path, region="africa", created_from=day, created_to=day) == [request["id"]]
    assert await ids(client, path, region="europe") == []
    assert await ids(client, path, created_to="2020-01-01") == []
    assert await ids(client, path, network="mmc") in ([], [request["id"]])
    assert await ids(client, path, network="no-such-network") == []
