"""Idempotency-Key: one effect and one answer, whoever sends it how often."""

import asyncio
import json
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from app.web.housekeeping import forget_expired
from tests.conftest import SqlCount, Token
from tests.factories import make_practice, practice_body

MONTREAL = "city:ca-montreal"


async def practices(database: Database) -> int:
    return int(await database.value("SELECT count(*) FROM practice"))


async def test_the_first_answer_comes_again(client: AsyncClient, token: Token, database: Database) -> None:
    headers = {**await token(MONTREAL), "Idempotency-Key": "key-1"}
    first = await client.post("/v1/practices", json=practice_body(), headers=headers)
    assert "idempotency-replayed" not in first.headers
    path = first.headers["location"]
    await client.patch(path, json={"title": "Changed"}, headers={**headers, "If-Match": "*"})
    for key in ("key-1", '"key-1"', " key-1 "):
        again = await client.post("/v1/practices", json=practice_body(), headers={**headers, "Idempotency-Key": key})
        assert again.headers["idempotency-replayed"] == "true"
        assert (again.status_code, again.content) == (first.status_code, first.content)
        for name in ("location", "etag", "content-type", "cache-control", "vary"):
            assert again.headers[name] == first.headers[name]
        assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert await practices(database) == 1


async def test_the_same_json_written_otherwise_is_the_same(client: AsyncClient, token: Token) -> None:
    headers = {**await token(MONTREAL), "Idempotency-Key": "key-1", "Content-Type": "application/json"}
    body = practice_body(title="é")
    first = await client.post("/v1/practices", content=json.dumps(body), headers=headers)
    turned = json.dumps(dict(reversed(body.items())), ensure_ascii=False, indent=2)
    again = await client.post("/v1/practices", content=turned.encode(), headers=headers)
    assert again.content == first.content


@pytest.mark.parametrize(
    "change", [{"title": "Other"}, {"year_start": 2020}, {"tags": ["gcm:4", "theme:municipal-id"]}]
)
async def test_another_body_is_refused(
    client: AsyncClient, token: Token, database: Database, change: dict[str, Any]
) -> None:
    headers = {**await token(MONTREAL), "Idempotency-Key": "key-1"}
    await client.post("/v1/practices", json=practice_body(), headers=headers)
    other = await client.post("/v1/practices", json=practice_body(**change), headers=headers)
    assert (other.status_code, other.json()["type"].rsplit("/", 1)[1]) == (422, "idempotency-key-reused")
    assert await practices(database) == 1


async def test_keys_belong_to_a_client_and_a_path(client: AsyncClient, token: Token, database: Database) -> None:
    one, other = await token(MONTREAL), await token(MONTREAL)
    key = {"Idempotency-Key": "key-1"}
    made = [await client.post("/v1/practices", json=practice_body(), headers={**who, **key}) for who in (one, other)]
    assert made[0].json()["id"] != made[1].json()["id"]
    for response in made:
        path = f"{response.headers['location']}/transitions"
        moved = await client.post(path, json={"to": "published"}, headers={**one, **key})
        assert (moved.status_code, moved.json()["status"]) == (200, "published")
        again = await client.post(path, json={"to": "published"}, headers={**one, **key})
        assert (again.status_code, again.content) == (200, moved.content)
    assert await practices(database) == 2


@pytest.mark.parametrize(
    ("first", "status"),
    [
        ({"json": {"title": ""}}, 422),
        ({"json": {"title": "x", "tags": ["gcm:99"]}}, 422),
        ({"json": {"title": "x", "city_id": "gb-bristol"}}, 403),
        ({"content": b"{"}, 400),
    ],
)
async def test_what_was_refused_leaves_the_key_free(
    client: AsyncClient, token: Token, database: Database, first: dict[str, Any], status: int
) -> None:
    headers = {**await token(MONTREAL), "Idempotency-Key": "key-1", "Content-Type": "application/json"}
    assert (await client.post("/v1/practices", **first, headers=headers)).status_code == status
    assert (await client.post("/v1/practices", json=practice_body(), headers=headers)).status_code == 201
    assert await practices(database) == 1


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "a b", "ä".encode(), '"a', "a\tb", '"a" "b"'])
async def test_what_is_no_key(client: AsyncClient, token: Token, database: Database, key: Any) -> None:
    headers = {**await token(MONTREAL), "Idempotency-Key": key}
    response = await client.post("/v1/practices", json=practice_body(), headers=headers)
    assert response.status_code == 400
    assert await practices(database) == 0


@pytest.mark.parametrize("key", ["a", "x" * 255, f'"{"x" * 255}"', "'; DROP TABLE practice; --".replace(" ", "_")])
async def test_what_is_a_key(client: AsyncClient, token: Token, key: str) -> None:
    headers = {**await token(MONTREAL), "Idempotency-Key": key}
    assert (await client.post("/v1/practices", json=practice_body(), headers=headers)).status_code == 201


async def test_a_first_request_still_running(client: AsyncClient, token: Token, database: Database) -> None:
    """Many at once: the others are told to wait, and get the same answer when they come again."""
    headers = {**await token(MONTREAL), "Idempotency-Key": "key-1"}
    async with database.transaction() as connection:
        await connection.execute("LOCK TABLE practice IN SHARE MODE")
        first = asyncio.create_task(client.post("/v1/practices", json=practice_body(), headers=headers))
        await asyncio.sleep(0.2)
        second = await client.post("/v1/practices", json=practice_body(), headers=headers)
    assert (second.status_code, second.headers["retry-after"]) == (409, "1")
    assert second.json()["type"].endswith("/idempotency-key-in-use")
    made = await first
    again = await client.post("/v1/practices", json=practice_body(), headers=headers)
    assert (made.status_code, again.content) == (201, made.content)
    assert await practices(database) == 1


async def test_a_key_is_kept_for_a_day(client: AsyncClient, token: Token, database: Database) -> None:
    headers = {**await token(MONTREAL), "Idempotency-Key": "key-1"}
    first = await client.post("/v1/practices", json=practice_body(), headers=headers)
    await database.execute("UPDATE idempotency_key SET created_at = now() - interval '23 hours 59 minutes'")
    async with database.transaction() as connection:
        await forget_expired(connection)
    again = await client.post("/v1/practices", json=practice_body(), headers=headers)
    assert again.content == first.content
    await database.execute("UPDATE idempotency_key SET created_at = now() - interval '24 hours 1 minute'")
    later = await client.post("/v1/practices", json=practice_body(title="Other"), headers=headers)
    assert (later.status_code, later.json()["title"]) == (201, "Other")
    replayed = await client.post("/v1/practices", json=practice_body(title="Other"), headers=headers)
    assert replayed.content == later.content
    await database.execute("UPDATE idempotency_key SET created_at = now() - interval '24 hours 1 minute'")
    async with database.transaction() as connection:
        assert await forget_expired(connection) == 1


async def test_reads_and_patches_take_no_key(client: AsyncClient, token: Token, database: Database) -> None:
    headers = {**await token(MONTREAL), "If-Match": "*"}
    path = f"/v1/practices/{(await make_practice(client, headers))['id']}"
    for title in ("One", "Two"):
        response = await client.patch(path, json={"title": title}, headers={**headers, "Idempotency-Key": "key-1"})
        assert response.json()["title"] == title
    assert await database.value("SELECT count(*) FROM idempotency_key") == 0


async def test_statements(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    headers = {**await token(MONTREAL), "Idempotency-Key": "key-1"}
    await client.get("/v1/practices", headers=headers)
    for expected in (5, 2):
        with sql_count() as statements:
            await client.post("/v1/practices", json=practice_body(), headers=headers)
        assert len(statements) == expected, statements
