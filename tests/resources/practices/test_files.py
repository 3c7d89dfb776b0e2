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
    for title in ("=1+1", "+1", "-1", "@SUM(A1)"):
        await make_practice(client, headers, title=title)
    text = (await client.get("/v1/practices.csv", params={"bom": "true"})).content
    assert text.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
    assert sorted(row["title"] for row in rows) == ["'+1", "'-1", "'=1+1", "'@SUM(A1)"]


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
