"""DELETE /v1/practices/{id}: drafts vanish, published ones leave a tombstone."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import make_practice, make_request

OWNER = "city:ca-montreal"


@pytest.mark.parametrize("moves", [[], [{"to": "submitted", "network": "mmc"}]])
async def test_what_was_never_published_vanishes(
    client: AsyncClient, token: Token, database: Database, moves: list[dict[str, Any]]
) -> None:
    owner = {**await token(OWNER), "If-Match": "*"}
    identities = [{"scheme": "cms", "value": "1"}]
    made = await make_practice(client, owner, publish=False, external_ids=identities)
    path = f"/v1/practices/{made['id']}"
    for move in moves:
        assert (await client.post(f"{path}/transitions", json=move, headers=owner)).is_success
    response = await client.delete(path, headers=owner)
    assert (response.status_code, response.content) == (204, b"")
    assert (await client.get(path, headers=owner)).status_code == 404
    assert (await client.get(f"{path}/transitions", headers=owner)).status_code == 404
    assert (await client.delete(path, headers=owner)).status_code == 404
    assert await database.value("SELECT count(*) FROM feed") == 0
    assert await database.value("SELECT action FROM audit ORDER BY id DESC LIMIT 1") == "deleted"
    await make_practice(client, owner, external_ids=identities)


@pytest.mark.parametrize("archived", [False, True])
async def test_what_was_published_is_withdrawn(
    client: AsyncClient, token: Token, database: Database, *, archived: bool
) -> None:
    owner = {**await token(OWNER), "If-Match": "*"}
    made = await make_practice(client, owner)
    path = f"/v1/practices/{made['id']}"
    if archived:
        await client.post(f"{path}/transitions", json={"to": "archived"}, headers=owner)
    assert (await client.delete(path, headers=owner)).status_code == 204
    gone = await client.get(path)
    assert (gone.status_code, gone.json()["tombstone"]["status"]) == (410, "withdrawn")
    assert (await client.get("/v1/practices")).json()["items"] == []
    steps = (await client.get(f"{path}/transitions")).json()["items"]
    assert steps[-1]["to"] == "withdrawn"
    again = await client.delete(path, headers=owner)
    assert (again.status_code, again.json()["allowed"]) == (409, [])
    feed = await database.row("SELECT op, version FROM feed WHERE id = $1", made["id"])
    assert feed
    assert (feed["op"], feed["version"]) == ("delete", made["version"] + 1 + archived)


@pytest.mark.parametrize(
    ("caller", "draft", "published"),
    [
        (None, 401, 401),
        ("city:gb-bristol", 404, 403),
        ("network:mmc", 404, 403),
        ("operator", 204, 204),
        (OWNER, 204, 204),
    ],
)
async def test_who_may(client: AsyncClient, token: Token, caller: str | None, draft: int, published: int) -> None:
    owner = await token(OWNER)
    headers = {"If-Match": "*", **(await token(caller) if caller else {})}
    for publish, status in ((False, draft), (True, published)):
        made = await make_practice(client, owner, publish=publish)
        response = await client.delete(f"/v1/practices/{made['id']}", headers=headers)
        assert response.status_code == status, response.text
        if status >= 400:
            assert (await client.get(f"/v1/practices/{made['id']}", headers=owner)).status_code == 200


async def test_a_request_about_a_draft_outlives_it(client: AsyncClient, token: Token, database: Database) -> None:
    owner = {**await token(OWNER), "If-Match": "*"}
    made = await make_practice(client, owner, publish=False)
    request = await make_request(client, owner, kind="offer", practice_id=made["id"])
    assert (await client.delete(f"/v1/practices/{made['id']}", headers=owner)).status_code == 204
    assert await database.value("SELECT practice_id FROM exchange_request WHERE id = $1", request["id"]) is None


async def test_of_many_at_once_one_wins(client: AsyncClient, token: Token, database: Database) -> None:
    owner = {**await token(OWNER), "If-Match": "*"}
    for publish, lost in ((False, 404), (True, 409)):
        made = await make_practice(client, owner, publish=publish)
        deletions = [client.delete(f"/v1/practices/{made['id']}", headers=owner) for _ in range(20)]
        answers = await asyncio.gather(*deletions)
        assert sorted(answer.status_code for answer in answers) == [204] + [lost] * 19
    assert await database.value("SELECT count(*) FROM audit WHERE action = 'deleted'") == 1
    assert await database.value("SELECT count(*) FROM transition WHERE to_status = 'withdrawn'") == 1


async def test_statements(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    owner = {**await token(OWNER), "If-Match": "*"}
    path = f"/v1/practices/{(await make_practice(client, owner))['id']}"
    with sql_count() as statements:
        await client.delete(path, headers=owner)
    assert len(statements) == 2, statements
