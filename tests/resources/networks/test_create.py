"""POST /v1/networks."""

from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import Token

FULL: dict[str, Any] = {
    "id": "new-network",
    "name": "A New Network",
    "abbreviation": "ANN",
    "kind": "programme",
    "website": "https://ann.example/",
    "founded": 1800,
    "scope": "Americas",
    "description": "Two\nlines.",
    "review_policy": "review",
}


async def test_every_field_comes_back(client: AsyncClient, token: Token, database: Database) -> None:
    response = await client.post("/v1/networks", json=FULL, headers=await token("operator"))
    assert response.status_code == 201, response.text
    assert response.headers["location"].endswith("/v1/networks/new-network")
    made = response.json()
    assert {name: made[name] for name in FULL} == FULL
    assert (made["city_count"], made["version"]) == (0, 1)
    assert (await client.get("/v1/networks/new-network")).json() == made
    audit = await database.rows("SELECT action, record_type, record_id, organization FROM audit")
    assert [tuple(row) for row in audit] == [("created", "network", "new-network", "operator")]
    marks = await database.rows("SELECT type, id, version, op FROM feed")
    assert [tuple(row) for row in marks] == [("network", "new-network", 1, "upsert")]


async def test_little_is_needed(client: AsyncClient, token: Token) -> None:
    made = (await client.post("/v1/networks", json={"id": "n", "name": "N"}, headers=await token("operator"))).json()
    assert (made["kind"], made["review_policy"], made["website"]) == ("city-network", "self_publish", None)


async def test_an_id_is_given_once(client: AsyncClient, token: Token) -> None:
    response = await client.post("/v1/networks", json={**FULL, "id": "mmc"}, headers=await token("operator"))
    assert (response.status_code, response.json()["id"]) == (409, "mmc")


@pytest.mark.parametrize(
    ("organization", "status"), [("operator", 201), ("network:mmc", 403), ("city:ca-montreal", 403), (None, 401)]
)
async def test_who_may(client: AsyncClient, token: Token, organization: str | None, status: int) -> None:
    headers = await token(organization) if organization else {}
    assert (await client.post("/v1/networks", json=FULL, headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"id": "New Network"}, "/id"),
        ({"id": None}, "/id"),
        ({"name": ""}, "/name"),
        ({"kind": "A kind"}, "/kind"),
        ({"website": "javascript:x"}, "/website"),
        ({"founded": 1799}, "/founded"),
        ({"founded": "1999"}, "/founded"),
        ({"description": "x" * 2001}, "/description"),
        ({"review_policy": "none"}, "/review_policy"),
        ({"city_count": 1}, "/city_count"),
    ],
)
async def test_bad_input(client: AsyncClient, token: Token, changes: dict[str, Any], pointer: str) -> None:
    response = await client.post("/v1/networks", json={**FULL, **changes}, headers=await token("operator"))
    assert response.status_code == 422
    assert [entry["pointer"] for entry in response.json()["errors"]] == [pointer]
