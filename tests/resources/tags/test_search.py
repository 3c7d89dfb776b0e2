"""GET /v1/tags?q=."""

from urllib.parse import quote

import pytest
from httpx import AsyncClient

from tests.conftest import SqlCount


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("ID card", "theme:municipal-id"),
        ("vivienda", "theme:housing"),
        ("Wohnen", "theme:housing"),
        ("الإسكان", "theme:housing"),
        ("στέγαση", "theme:housing"),
        ("acommodation", "theme:housing-and-shelter"),
        ("hous", "theme:housing"),
        ("gcm 15", "gcm:15"),
        ("sdg:10.7", "sdg:10.7"),
        ("visite d'étude", "format:study-visit"),
        ("refugees", "group:refugees"),
    ],
)
async def test_finds_first(client: AsyncClient, q: str, expected: str) -> None:
    items = (await client.get(f"/v1/tags?q={quote(q)}")).json()["items"]
    assert items[0]["id"] == expected


async def test_narrows_and_pages(client: AsyncClient) -> None:
    whole = [tag["id"] for tag in (await client.get("/v1/tags?q=migrants&limit=100")).json()["items"]]
    assert len(whole) == len(set(whole)) > 2
    seen, cursor = [], ""
    while True:
        page = (await client.get(f"/v1/tags?q=migrants&limit=2{cursor}")).json()
        seen += [tag["id"] for tag in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == whole
    themes = (await client.get("/v1/tags?q=migrants&scheme=theme")).json()["items"]
    assert {tag["scheme"] for tag in themes} <= {"theme"}


async def test_as_skos(client: AsyncClient, sql_count: SqlCount) -> None:
    with sql_count() as statements:
        answer = await client.get("/v1/tags?q=vivienda&limit=1", headers={"Accept": "application/ld+json"})
    assert any(node["@id"].endswith("/theme:housing") for node in answer.json()["@graph"])
    assert len(statements) == 1
