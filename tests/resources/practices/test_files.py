"""A search as a file: the same records in the same order as the list, in every form."""

import csv
import io
import json
import random
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from httpx import AsyncClient

from app.resources.practices import routes
from tests.conftest import Token
from tests.factories import Headers, make_practice

ATOM = "{http://www.w3.org/2005/Atom}"
IDS: dict[str, Callable[[str], list[str]]] = {
    "csv": lambda text: [row["id"] for row in csv.DictReader(io.StringIO(text))],
    "ndjson": lambda text: [json.loads(line)["id"] for line in text.splitlines()],
    "geojson": lambda text: [feature["id"] for feature in json.loads(text)["features"]],
    "jsonld": lambda text: [work["identifier"] for work in json.loads(text)["@graph"]],
    "atom": lambda text: [
        entry.findtext(f"{ATOM}id", "").removeprefix("urn:uuid:")
        for entry in ET.fromstring(text).findall(f"{ATOM}entry")
    ],
}


@pytest.fixture
async def owner(client: AsyncClient, token: Token, monkeypatch: pytest.MonkeyPatch) -> Headers:
    """Twelve practices, read three at a time."""
    monkeypatch.setattr(routes, "FILE_ROWS", 3)
    headers = await token("city:ca-montreal")
    pick = random.Random(3)
    for number in range(12):
        await make_practice(
            client, headers, publish=number % 6 != 0, title=f"Title {pick.randint(0, 9)} <&> \"quoted\", 'so'",
            language=pick.choice(["en", "fr"]), visibility=pick.choice(["public", "members"]),
            contact={"unit": "Unit of nobody", "email": "unit@example.org"},
        )  # fmt: skip
    return headers


@pytest.mark.parametrize("form", IDS)
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"sort": "title"},
        {"language": "fr"},
        {"sort": "updated", "limit": 4},
        {"status": "draft"},
        {"city": "xx-no"},
    ],
    ids=str,
)
async def test_a_file_is_the_list(client: AsyncClient, owner: Headers, form: str, params: dict[str, Any]) -> None:
    for headers in ({}, owner):
        listed = (await client.get("/v1/practices", params={"limit": 100, **params}, headers=headers)).json()["items"]
        answer = await client.get(f"/v1/practices.{form}", params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        assert IDS[form](answer.text) == [item["id"] for item in listed]
        assert "unit@example.org" not in answer.text
        assert f'filename="practices.{form}"' in answer.headers["content-disposition"]


async def test_cells_that_a_spreadsheet_would_run_are_defused(client: AsyncClient, token: Token) -> None:
    headers = await token("city:ca-montreal")
    titles = ("=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\t=1+1", "\n@x", "\u3000=1", "\u200b=1", "\uff1d1+1", "\tx")
    for title in titles:
        await make_practice(client, headers, title=title, summary=title, keywords=["card", f"{title} {title}"])
    await make_practice(client, headers, title="1 = 1, a-b", summary='"so", she said\nand left')
    answer = await client.get("/v1/practices.csv", params={"bom": "true"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbfid,title,")
    assert not (await client.get("/v1/practices.csv")).content.startswith(b"\xef\xbb\xbf")
    text = answer.content.decode("utf-8-sig")
    lines = text.count("\r\n")
    assert (lines, text.endswith("\r\n")) == (len(titles) + 2, True)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert sorted(row["title"] for row in rows) == sorted([*(f"'{title}" for title in titles), "1 = 1, a-b"])
    assert {row["keywords"] for row in rows} == {"", *(f"card; '{title} {title}" for title in titles)}
    assert {row["summary"] for row in rows} > {'"so", she said\nand left', "'=1+1"}
    assert all(len(row) == 19 for row in rows)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/practices.xlsx", 404),
        ("/v1/practices.csv?cursor=x", 400),
        ("/v1/practices.csv?colour=red", 400),
        ("/v1/practices.csv?limit=0", 422),
    ],
)
async def test_what_is_refused(client: AsyncClient, path: str, status: int) -> None:
    assert (await client.get(path)).status_code == status


async def test_places_of_cities(client: AsyncClient, token: Token) -> None:
    await make_practice(client, await token("city:ca-montreal"))
    [feature] = (await client.get("/v1/practices.geojson")).json()["features"]
    longitude, latitude = feature["geometry"]["coordinates"]
    assert (round(longitude), round(latitude)) == (-74, 46) or (round(longitude), round(latitude)) == (-74, 45)


FILTERS: dict[str, list[Any]] = {
    "q": ["card", "vivienda", "roof -card", '"a roof"', "crad", "logement", "="],
    "tag": ["theme:municipal-id", "theme:housing-and-shelter", "gcm:4"], "city": ["ca-montreal", "co-bogota"],
    "any_tag": [["gcm:4", "sdg:11"], ["group:refugees"]], "country": ["CA", "GB", "FR"], "region": ["americas"],
    "network": ["uclg", "c40"], "updated_since": ["2026-01-01T00:00:00Z"],
    "language": ["en", "fr"], "stage": ["pilot", "ongoing"], "budget_band": ["under_10k"], "evidence_min": [1, 3],
    "role": ["destination"], "mandate": ["housing"], "population_band": ["m", "l"], "offers": ["format:webinar"],
    "year_from": [2015, 2020], "year_to": [2018, 2022], "stale": ["true", "false"],
    "published_from": ["2026-01-01"], "status": ["draft", "published"],
}  # fmt: skip


async def test_every_search_is_the_same_in_every_form(
    client: AsyncClient, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "FILE_ROWS", 4)
    pick = random.Random(11)
    for city in ("ca-montreal", "gb-bristol", "co-bogota"):
        headers = await token(f"city:{city}")
        for number in range(8):
            await make_practice(
                client, headers, publish=number != 0, title=pick.choice(["A card", "A roof", "Une carte"]),
                tags=pick.sample(["theme:municipal-id", "theme:housing", "gcm:4", "sdg:11", "group:refugees"], 2),
                language=pick.choice(["en", "fr"]), stage=pick.choice([None, "pilot", "ongoing"]),
                budget_band=pick.choice([None, "under_10k"]), evidence_level=pick.choice([None, 1, 4]),
                year_start=pick.choice([None, 2014, 2019]), year_end=pick.choice([None, 2019, 2023]),
                offers=pick.choice([[], ["format:webinar"]]),
            )  # fmt: skip
    found = 0
    for _ in range(30):
        chosen = pick.sample(sorted(FILTERS), pick.choice([0, 1, 1, 2, 3]))
        params = {name: pick.choice(FILTERS[name]) for name in chosen}
        params["sort"] = pick.choice(["newest", "updated", "title", *(["relevance"] * 3 if "q" in params else [])])
        asking = pick.choice([{}, headers])
        listed = (await client.get("/v1/practices", params={"limit": 100, **params}, headers=asking)).json()["items"]
        ids = [item["id"] for item in listed]
        found += len(ids)
        for form, read in IDS.items():
            answer = await client.get(f"/v1/practices.{form}", params=params, headers=asking)
            assert read(answer.text) == ids, (form, params)
    assert found > 100
