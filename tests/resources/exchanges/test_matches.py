"""Matches of a request: who is among them, and that every reason is true."""

from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import Headers, make_exchange, make_practice, make_request

ASKING, HELPING, OTHER = "city:sl-freetown", "city:ca-montreal", "city:gb-bristol"


@pytest.fixture
async def callers(token: Token) -> dict[str, Headers]:
    return {name: await token(name) for name in (ASKING, HELPING, OTHER)}


async def found(client: AsyncClient, request: dict[str, Any], headers: Headers | None = None, **params: Any) -> Any:
    path = f"/v1/exchange-requests/{request['id']}/matches"
    response = await client.get(path, params=params, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()["items"]


async def test_practices_and_cities_that_fit_come_first(
    client: AsyncClient, callers: dict[str, Headers], sql_count: SqlCount
) -> None:
    near = await make_practice(client, callers[HELPING], tags=["theme:municipal-id"], offers=["format:webinar"])
    far = await make_practice(client, callers[OTHER], tags=["theme:housing"])
    refusing = await make_practice(client, callers[OTHER], tags=["theme:municipal-id"], accepting_exchanges=False)
    hidden = await make_practice(client, callers[OTHER], tags=["theme:municipal-id"], visibility="members")
    own = await make_practice(client, callers[ASKING], tags=["theme:municipal-id"])
    request = await make_request(client, callers[ASKING], tags=["theme:municipal-id"], formats=["format:webinar"])
    await client.get("/v1/me", headers=callers[ASKING])
    with sql_count() as statements:
        items = await found(client, request)
    assert len(statements) == 1
    ids = [item["id"] for item in items]
    assert set(ids[:2]) == {near["id"], "ca-montreal"}
    assert not {far["id"], refusing["id"], hidden["id"], own["id"], "sl-freetown", "gb-bristol"} & set(ids)
    members = [item["id"] for item in await found(client, request, callers[ASKING])]
    assert {hidden["id"], "gb-bristol"} <= set(members)
    assert [item["id"] for item in await found(client, request, type="city")] == ["ca-montreal"]


async def test_every_reason_is_true(client: AsyncClient, callers: dict[str, Headers], database: Database) -> None:
    await database.execute(
        "UPDATE city SET languages = '{en,fr}', mandates = '{registration,housing}', roles = '{destination}'"
        " WHERE id IN ('sl-freetown', 'ca-montreal')"
    )
    tag = (await client.get("/v1/tags?scheme=theme&limit=100")).json()["items"]
    related = next(entry for entry in tag if entry["related"])
    await make_practice(client, callers[HELPING], tags=["theme:municipal-id", related["related"][0]])
    await make_practice(client, callers[OTHER], tags=["sdg:10.7"], language="fr", offers=["format:webinar"])
    await make_exchange(client, callers[ASKING], callers[HELPING])
    request = await make_request(
        client, callers[ASKING], tags=["theme:municipal-id", "sdg:10", related["id"]], languages=["fr"],
        preferred={"countries": ["CA"]},
    )  # fmt: skip
    cities = {city["id"]: city for city in (await client.get("/v1/cities?limit=100&country=CA")).json()["items"]}
    cities |= {city["id"]: city for city in (await client.get("/v1/cities?limit=100&country=GB")).json()["items"]}
    asking = (await client.get("/v1/cities/sl-freetown")).json()
    items = await found(client, request)
    kinds = set()
    for item in items:
        assert item["score"] == pytest.approx(sum(reason["score"] for reason in item["reasons"]))
        assert 0 < item["score"] <= 1
        city = cities[item["city"]["id"]]
        listed = (await client.get("/v1/practices", params={"city": city["id"]})).json()["items"]
        records = listed if item["type"] == "city" else [p for p in listed if p["id"] == item["id"]]
        for reason in item["reasons"]:
            kinds.add(reason["kind"])
            for value in reason["values"]:
                assert await is_true(client, reason["kind"], value, request, asking, city, records), reason
    assert kinds >= {"tags", "related_tags", "formats", "languages", "roles", "mandates", "country", "answered"}


async def is_true(
    client: AsyncClient,
    kind: str,
    value: str,
    request: dict[str, Any],
    asking: dict[str, Any],
    city: dict[str, Any],
    records: list[dict[str, Any]],
) -> bool:
    """Whether a reason shows in the records, as anybody can look it up."""
    tags = {tag for record in records for tag in record["tags"]}
    if kind == "tags":
        narrower = (await client.get(f"/v1/tags/{value}")).json()["narrower"]
        return value in request["tags"] and bool({value, *narrower} & tags)
    if kind == "related_tags":
        crosswalk = (await client.get(f"/v1/tags/{value}")).json()["related"]
        return value in tags and bool(set(crosswalk) & set(request["tags"]))
    understood = {*city["languages"], *(record["language"] for record in records)}
    truths: dict[str, bool] = {
        "formats": value in request["formats"] and any(value in record["offers"] for record in records),
        "languages": value in {*request["languages"], request["language"]} and value in understood,
        "population_band": value == city["population_band"] == asking["population_band"],
        "roles": value in city["roles"] and value in asking["roles"],
        "mandates": value in city["mandates"] and value in asking["mandates"],
        "country": value == city["country"] == "CA",
        "answered": value in {"1 request", "median 0 hours"},
    }
    return truths[kind]


async def test_an_offer_finds_requests(client: AsyncClient, callers: dict[str, Headers]) -> None:
    asked = await make_request(client, callers[ASKING], tags=["theme:municipal-id"])
    to_others = await make_request(client, callers[ASKING], tags=["theme:municipal-id"], addressed_to=[OTHER])
    other = await make_request(client, callers[OTHER], tags=["theme:housing"], formats=["format:study-visit"])
    offer = await make_request(client, callers[HELPING], kind="offer", tags=["theme:municipal-id"])
    items = await found(client, offer)
    assert [(item["type"], item["id"]) for item in items] == [("exchange_request", asked["id"])]
    assert {to_others["id"], other["id"]}.isdisjoint(item["id"] for item in items)


async def test_what_is_not_open_has_no_matches(client: AsyncClient, callers: dict[str, Headers]) -> None:
    await make_practice(client, callers[HELPING], tags=["theme:municipal-id"])
    request = await make_request(client, callers[ASKING], tags=["theme:municipal-id"])
    assert await found(client, request)
    path = f"/v1/exchange-requests/{request['id']}/transitions"
    await client.post(path, json={"to": "cancelled", "reason": "no_match"}, headers=callers[ASKING])
    assert await found(client, request) == []
    hidden = await make_request(client, callers[ASKING], visibility="members")
    assert (await client.get(f"/v1/exchange-requests/{hidden['id']}/matches")).status_code == 404
