"""Facets, recounted by hand from the whole list."""

import random
from collections import Counter
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from app.resources.practices.facets.refresh import refresh_facets
from tests.conftest import SqlCount, Token
from tests.factories import Headers, make_practice

PATH = "/v1/practices/facets"
TAGS = ["theme:housing", "theme:municipal-id", "gcm:4", "gcm:15", "gcr:2", "sdg:10.7", "group:undocumented-migrants"]
CHOICES: dict[str, list[Any]] = {
    "country": ["CA", "SL", "GB"],
    "language": ["en", "fr"],
    "stage": ["pilot", "ongoing"],
    "budget_band": ["under_10k"],
    "population_band": ["m", "l", "xl"],
    "network": ["mmc", "uclg"],
    "year_from": [2015, 2020],
    "evidence_min": [2],
}
SINGLE = ("country", "language", "stage", "budget_band", "population_band")


@pytest.fixture
async def practices(client: AsyncClient, token: Token) -> Headers:
    """Thirty practices of three cities, each with a choice of everything."""
    pick = random.Random(5)
    for number in range(30):
        city = pick.choice(["ca-montreal", "sl-freetown", "gb-bristol"])
        await make_practice(
            client, await token(f"city:{city}"), publish=number % 10 != 0, tags=pick.sample(TAGS, pick.randint(0, 4)),
            language=pick.choice(["en", "fr"]), stage=pick.choice([None, "pilot", "ongoing"]),
            budget_band=pick.choice([None, "under_10k"]), year_start=pick.choice([None, 2012, 2018, 2022]),
            evidence_level=pick.choice([None, 1, 3]), visibility=pick.choice(["public", "public", "members"]),
        )  # fmt: skip
    return await token("city:sl-freetown")


async def listed(client: AsyncClient, params: dict[str, Any], headers: Headers) -> list[dict[str, Any]]:
    response = await client.get("/v1/practices", params={**params, "limit": 100}, headers=headers)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def by_hand(
    client: AsyncClient, database: Database, params: dict[str, Any], headers: Headers, dimension: str
) -> Counter[str | None]:
    """A dimension's counts from a list without its own filter."""
    wider = {name: value for name, value in params.items() if name != dimension}
    if dimension not in {*SINGLE, "network"}:
        wider["tag"] = [tag for tag in params.get("tag", []) if not tag.startswith(f"{dimension}:")]
    counts: Counter[str | None] = Counter()
    for item in await listed(client, wider, headers):
        row = await database.row(
            "SELECT p.tag_closure, c.population_band, c.country, ARRAY(SELECT network_id FROM membership m"
            " WHERE m.city_id = c.id AND (m.until IS NULL OR m.until >= current_date)) AS networks"
            " FROM practice p JOIN city c ON c.id = p.city_id WHERE p.id = $1::uuid",
            item["id"],
        )
        assert row is not None
        if dimension == "network":
            counts.update(row["networks"] or [None])
        elif dimension in {"country", "population_band"}:
            counts[row[dimension]] += 1
        elif dimension in SINGLE:
            counts[item[dimension]] += 1
        else:
            counts.update([tag for tag in row["tag_closure"] if tag.startswith(f"{dimension}:")] or [None])
    return counts


@pytest.mark.parametrize("seed", range(12))
async def test_facets_are_what_the_list_says(
    client: AsyncClient, database: Database, practices: Headers, seed: int
) -> None:
    pick = random.Random(seed)
    params: dict[str, Any] = {
        name: pick.choice(values) for name, values in CHOICES.items() if pick.random() < 0.04 * seed
    }
    if tags := pick.sample(TAGS, pick.choice([0, 1, 1, 2])):
        params["tag"] = tags
    headers = practices if seed % 2 else {}
    answer = await client.get(PATH, params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    facets = answer.json()
    assert facets["total"] == len(await listed(client, params, headers))
    for dimension in (*SINGLE, "network", *facets["schemes"]):
        counts = facets["schemes"][dimension] if dimension in facets["schemes"] else facets[dimension]
        assert {entry["value"]: entry["count"] for entry in counts} == dict(
            await by_hand(client, database, params, headers, dimension)
        ), (dimension, params)
        assert [entry["count"] for entry in counts] == sorted((entry["count"] for entry in counts), reverse=True)


MORE: dict[str, list[Any]] = {
    **CHOICES,
    "tag": TAGS,
    "any_tag": TAGS,
    "city": ["ca-montreal"],
    "region": ["americas", "africa"],
    "role": ["transit", "destination"],
    "mandate": ["housing"],
    "offers": ["format:study-visit"],
    "year_to": [2015, 2020],
    "published_from": ["2020-01-01"],
    "published_to": ["2021-01-01"],
    "updated_since": ["2020-01-01T00:00:00Z"],
    "stale": [True, False],
    "q": ["practice housing", "identity"],
    "status": ["published", "draft"],
}
ONE_BY_ONE = """
WITH gone AS (DELETE FROM facet_bits), free AS (DELETE FROM facet_slot)
INSERT INTO facet_dirty (practice_id) SELECT id FROM practice WHERE status = 'published'"""


async def change(client: AsyncClient, token: Token, database: Database, pick: random.Random) -> None:
    """Some practices are changed, brought in, shared otherwise, archived; a tag and a city are."""
    owner = {**await token("city:ca-montreal"), "If-Match": "*"}
    for item in (await listed(client, {"city": "ca-montreal"}, owner))[:4]:
        patch = {
            "tags": pick.sample(TAGS, 2), "stage": pick.choice([None, "completed"]), "offers": ["format:study-visit"],
            "visibility": pick.choice(["public", "members", "network:c40", "network:mmc"]), "year_end": 2022,
        }  # fmt: skip
        answer = await client.patch(f"/v1/practices/{item['id']}", json=patch, headers=owner)
        assert answer.status_code == 200, answer.text
    for item in (await listed(client, {"city": "ca-montreal"}, owner))[-2:]:
        await client.post(f"/v1/practices/{item['id']}/transitions", json={"to": "archived"}, headers=owner)
    for number in range(4):
        brought = {
            "title": f"Brought {number}",
            "summary": "By a network.",
            "city_id": pick.choice(["gb-bristol", "ca-montreal"]),
            "status": "published",
            "visibility": pick.choice(["public", "network:mmc"]),
            "tags": pick.sample(TAGS, 1),
        }
        path = f"/v1/sources/mmc/practices/{pick.randrange(8)}"
        assert (await client.put(path, json=brought, headers=await token("network:mmc"))).is_success
    await database.execute(
        "UPDATE practice SET published_at = published_at - interval '6 years', last_verified_at = NULL"
        " WHERE status = 'published' AND random() < 0.5"
    )
    broader = pick.choice(["theme:housing-and-shelter", "theme:rights-and-documentation"])
    await database.execute("UPDATE tag SET broader = $1 WHERE id = 'theme:municipal-id'", broader)
    await database.execute("UPDATE city SET population = $1 WHERE id = 'gb-bristol'", pick.randrange(2_000_000))


async def test_bitmaps_count_what_is_counted_one_by_one(
    client: AsyncClient, token: Token, database: Database, practices: Headers
) -> None:
    pick = random.Random(3)
    callers = [{}, practices, await token("network:mmc"), await token("city:ca-montreal"), await token("operator")]
    asked = [
        ({n: pick.choice(values) for n, values in MORE.items() if pick.random() < number / 100}, pick.choice(callers))
        for number in range(28)
    ]

    async def counted() -> list[Any]:
        return [(await client.get(PATH, params=params, headers=headers)).json() for params, headers in asked]

    for number in range(2):
        await change(client, token, database, pick)
        async with database.transaction() as connection:
            assert await refresh_facets(connection, least=1) > 0
            assert await refresh_facets(connection, least=1) == 0
        if number:
            await change(client, token, database, pick)
        by_bitmaps = await counted()
        assert sum(answer["total"] for answer in by_bitmaps) > 100
        await database.execute(ONE_BY_ONE)
        for (params, _), given, expected in zip(asked, by_bitmaps, await counted(), strict=True):
            assert given == expected, params


async def test_one_statement_and_an_entity_tag(client: AsyncClient, practices: Headers, sql_count: SqlCount) -> None:
    assert practices
    with sql_count() as statements:
        answer = await client.get(PATH, params={"tag": ["theme:housing", "gcm:4"], "country": "CA"})
    assert len(statements) == 1
    again = await client.get(PATH, headers={"If-None-Match": (await client.get(PATH)).headers["etag"]})
    assert (answer.status_code, again.status_code) == (200, 304)


@pytest.mark.parametrize("params", [{"sort": "title"}, {"limit": 1}, {"cursor": "x"}, {"colour": "red"}])
async def test_what_is_no_filter_is_refused(client: AsyncClient, params: dict[str, Any]) -> None:
    assert (await client.get(PATH, params=params)).status_code == 400


async def test_nothing_found(client: AsyncClient) -> None:
    facets = (await client.get(PATH, params={"city": "xx-nowhere"})).json()
    assert facets["total"] == 0
    assert set(facets["schemes"]) == {"theme", "gcm", "gcm-principle", "gcr", "sdg", "group", "format"}
    assert not any(facets["schemes"].values())
    assert facets["country"] == facets["network"] == []
