"""Facets, recounted by hand from the whole list."""

import random
from collections import Counter
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
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
