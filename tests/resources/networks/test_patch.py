"""PATCH /v1/networks/{id}."""

from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import Token

PATH = "/v1/networks/mmc"


async def test_what_is_given_is_changed_and_the_rest_stays(
    client: AsyncClient, token: Token, database: Database
) -> None:
    before = await client.get(PATH)
    patch = {"review_policy": "review", "scope": "global", "founded": None}
    headers = {**await token("network:mmc"), "If-Match": before.headers["etag"]}
    response = await client.patch(PATH, json=patch, headers=headers)
    assert response.status_code == 200, response.text
    after = response.json()
    changed = {"version": 2, "updated_at": after["updated_at"], **patch}
    assert after == {**before.json(), **changed}
    assert (await client.get(PATH)).json() == after
    assert (await client.patch(PATH, json=patch, headers=headers)).status_code == 412
    audit = await database.rows("SELECT action, record_type, version, changed::text FROM audit")
    assert [tuple(row) for row in audit] == [("updated", "network", 2, '["founded", "review_policy", "scope"]')]
    marks = await database.rows("SELECT type, id, version, origin FROM feed")
    assert [tuple(row) for row in marks] == [("network", "mmc", 2, "network:mmc")]


async def test_null_gives_the_default_back(client: AsyncClient, token: Token) -> None:
    headers = {**await token("network:mmc"), "If-Match": "*"}
    await client.patch(PATH, json={"kind": "hub", "review_policy": "review"}, headers=headers)
    after = (await client.patch(PATH, json={"kind": None, "review_policy": None}, headers=headers)).json()
    assert (after["kind"], after["review_policy"]) == ("city-network", "self_publish")


@pytest.mark.parametrize(
    ("organization", "status"),
    [("network:mmc", 200), ("operator", 200), ("network:c40", 403), ("city:ca-montreal", 403), (None, 401)],
)
async def test_who_may(client: AsyncClient, token: Token, organization: str | None, status: int) -> None:
    headers = {**(await token(organization) if organization else {}), "If-Match": "*"}
    assert (await client.patch(PATH, json={"founded": 2000}, headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("patch", "pointer"), [({"name": None}, "/name"), ({"id": "x"}, "/id"), ({"founded": 2101}, "/founded")]
)
async def test_bad_input(client: AsyncClient, token: Token, patch: dict[str, Any], pointer: str) -> None:
    response = await client.patch(PATH, json=patch, headers={**await token("operator"), "If-Match": "*"})
    assert response.status_code == 422
    assert [entry["pointer"] for entry in response.json()["errors"]] == [pointer]


async def test_it_needs_a_version_and_a_network(client: AsyncClient, token: Token) -> None:
    headers = await token("operator")
    assert (await client.patch(PATH, json={}, headers=headers)).status_code == 428
    nowhere = await client.patch("/v1/networks/nowhere", json={}, headers={**headers, "If-Match": "*"})
    assert nowhere.status_code == 404
