"""POST /v1/tags."""

from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import make_practice


def body(**changes: Any) -> dict[str, Any]:
    return {"scheme": "theme", "code": "urban-gardens", "label": "Urban gardens", **changes}


async def test_every_field_comes_back(client: AsyncClient, token: Token, database: Database) -> None:
    full = body(
        labels={"fr": "Jardins urbains", "pt-br": "Hortas"},
        synonyms={"en": ["allotments", "community gardens"], "fr": ["jardins partagés"]},
        broader="theme:housing-and-shelter",
        related=["gcm:15", "sdg:11"],
    )
    response = await client.post("/v1/tags", json=full, headers=await token("network:mmc"))
    assert response.status_code == 201, response.text
    assert response.headers["location"].endswith("/v1/tags/theme:urban-gardens")
    made = response.json()
    assert made["id"] == "theme:urban-gardens"
    assert made["labels"] == {"en": "Urban gardens", "fr": "Jardins urbains", "pt-BR": "Hortas"}
    assert made["synonyms"] == ["allotments", "community gardens", "jardins partagés"]
    assert (made["broader"], made["related"], made["narrower"]) == (
        "theme:housing-and-shelter",
        ["gcm:15", "sdg:11"],
        [],
    )
    assert (made["created_by"], made["practice_count"], made["version"]) == ("network:mmc", 0, 1)
    assert (await client.get("/v1/tags/theme:urban-gardens")).json() == made

    housing = (await client.get("/v1/tags/theme:housing-and-shelter")).json()
    assert "theme:urban-gardens" in housing["narrower"]
    assert "theme:urban-gardens" in (await client.get("/v1/tags/gcm:15")).json()["related"]
    last = (await client.get("/v1/tags?scheme=theme&limit=100")).json()["items"][-1]
    assert last["id"] == "theme:urban-gardens"
    audit = await database.rows("SELECT action, record_type, record_id, version FROM audit")
    assert [tuple(row) for row in audit] == [("created", "tag", "theme:urban-gardens", 1)]
    marks = await database.rows("SELECT type, id, version, origin FROM feed ORDER BY id")
    assert [tuple(mark) for mark in marks] == [
        ("tag", "gcm:15", 2, "network:mmc"),
        ("tag", "sdg:11", 2, "network:mmc"),
        ("tag", "theme:housing-and-shelter", 2, "network:mmc"),
        ("tag", "theme:urban-gardens", 1, "network:mmc"),
    ]


async def test_little_is_needed_and_practices_can_use_it(client: AsyncClient, token: Token) -> None:
    made = (await client.post("/v1/tags", json=body(), headers=await token("operator"))).json()
    assert (made["labels"], made["synonyms"], made["broader"]) == ({"en": "Urban gardens"}, [], None)
    headers = await token("city:ca-montreal")
    await make_practice(client, headers, tags=["theme:urban-gardens"])
    assert (await client.get("/v1/tags/theme:urban-gardens")).json()["practice_count"] == 1
    found = (await client.get("/v1/practices?tag=theme:urban-gardens")).json()["items"]
    assert len(found) == 1


async def test_synonyms_may_be_one_list(client: AsyncClient, token: Token, database: Database) -> None:
    response = await client.post("/v1/tags", json=body(synonyms=["b", "a"]), headers=await token("operator"))
    assert response.json()["synonyms"] == ["a", "b"]
    assert await database.value("SELECT synonyms->>'en' FROM tag WHERE code = 'urban-gardens'") == '["b", "a"]'


@pytest.mark.parametrize(
    ("organization", "scopes", "scheme", "status"),
    [
        ("operator", (), "theme", 201),
        ("network:mmc", (), "group", 201),
        ("network:mmc", ("cities:write",), "group", 403),
        ("city:ca-montreal", (), "theme", 403),
        ("operator", (), "gcm", 403),
        ("network:mmc", (), "format", 403),
        ("network:mmc", (), "gcm-principle", 403),
        (None, (), "theme", 401),
    ],
)
async def test_who_may_add_where(
    client: AsyncClient, token: Token, organization: str | None, scopes: tuple[str, ...], scheme: str, status: int
) -> None:
    headers = await token(organization, *scopes) if organization else {}
    response = await client.post("/v1/tags", json=body(scheme=scheme), headers=headers)
    assert response.status_code == status, response.text


async def test_an_id_is_given_once(client: AsyncClient, token: Token) -> None:
    response = await client.post("/v1/tags", json=body(code="housing"), headers=await token("operator"))
    assert (response.status_code, response.json()["id"]) == (409, "theme:housing")


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"broader": "theme:nowhere"}, "/broader", "unknown_reference"),
        ({"broader": "theme:municipal-id"}, "/broader", "third_level"),
        ({"broader": "group:migrants"}, "/broader", "other_scheme"),
        ({"broader": "theme:urban-gardens"}, "/broader", "other_scheme"),
        ({"related": ["gcm:4", "gcm:99"]}, "/related/1", "unknown_reference"),
        ({"related": ["gcm:4", "gcm:4"]}, "/related", "duplicate"),
        ({"related": ["theme:urban-gardens"]}, "/related", "itself"),
        ({"scheme": "colours"}, "/scheme", "literal_error"),
        ({"code": "Urban Gardens"}, "/code", "string_pattern_mismatch"),
        ({"code": "x" * 101}, "/code", "string_too_long"),
        ({"label": ""}, "/label", "string_too_short"),
        ({"label": "x" * 301}, "/label", "string_too_long"),
        ({"labels": {"not a language": "x"}}, "/labels/not a language", "string_pattern_mismatch"),
        ({"narrower": []}, "/narrower", "unknown_field"),
        ({"id": "theme:x"}, "/id", "unknown_field"),
    ],
)
async def test_bad_input(
    client: AsyncClient, token: Token, database: Database, changes: dict[str, Any], pointer: str, code: str
) -> None:
    assert (await client.get("/v1/tags/theme:municipal-id")).json()["broader"]
    response = await client.post("/v1/tags", json=body(**changes), headers=await token("operator"))
    assert response.status_code == 422, response.text
    assert [(entry["pointer"], entry["code"]) for entry in response.json()["errors"]] == [(pointer, code)]
    assert await database.value("SELECT count(*) FROM feed") == 0


@pytest.mark.parametrize("synonyms", [5, "x", [""], {"en": "x"}, {"en": ["a", "a"]}, {"en": [None]}])
async def test_bad_synonyms(client: AsyncClient, token: Token, synonyms: Any) -> None:
    response = await client.post("/v1/tags", json=body(synonyms=synonyms), headers=await token("operator"))
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"].startswith("/synonyms")


async def test_two_statements(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    headers = await token("operator")
    await client.get("/v1/tags", headers=headers)
    with sql_count() as statements:
        await client.post(
            "/v1/tags", json=body(broader="theme:housing-and-shelter", related=["gcm:15"]), headers=headers
        )
    assert len(statements) == 2, statements
