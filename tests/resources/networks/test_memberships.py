"""/v1/networks/{id}/cities: who belongs to a network, since when, until when."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import make_practice

LIST = "/v1/networks/c40/cities"
PATH = f"{LIST}/ca-montreal"
TODAY = datetime.now(UTC).date()


async def test_put_creates_and_replaces(client: AsyncClient, token: Token) -> None:
    headers = await token("network:c40")
    assert (await client.get(PATH)).status_code == 404
    made = await client.put(PATH, json={"role": "board", "since": "2020-02-29"}, headers=headers)
    assert made.status_code == 201, made.text
    assert made.headers["location"].endswith(PATH)
    assert made.json()["city"] == {"id": "ca-montreal", "name": "Montreal", "country": "CA"}
    shown = ("network", "role", "since", "until", "version")
    assert [made.json()[name] for name in shown] == ["c40", "board", "2020-02-29", None, 1]
    read = await client.get(PATH)
    assert (read.json(), read.headers["etag"]) == (made.json(), made.headers["etag"])
    assert "c40" in (await client.get("/v1/cities/ca-montreal")).json()["networks"]

    refused = await client.put(PATH, json={}, headers=headers)
    assert refused.status_code == 428
    replaced = await client.put(PATH, json={"until": "2024-01-01"}, headers={**headers, "If-Match": "*"})
    assert replaced.status_code == 200
    assert "location" not in replaced.headers
    assert [replaced.json()[name] for name in shown] == ["c40", "member", None, "2024-01-01", 2]
    assert "c40" not in (await client.get("/v1/cities/ca-montreal")).json()["networks"]
    stale = await client.put(PATH, json={}, headers={**headers, "If-Match": made.headers["etag"]})
    assert stale.status_code == 412


async def test_the_same_once_more_changes_nothing(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token("network:c40")
    body = {"role": "board", "since": "2020-02-29"}
    made = await client.put(PATH, json=body, headers=headers)
    city = (await client.get("/v1/cities/ca-montreal")).json()["version"]
    marks = await database.value("SELECT max(dirty) FROM feed")
    again = await client.put(PATH, json=body, headers={**headers, "If-Match": made.headers["etag"]})
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, made.json(), made.headers["etag"])
    assert (await client.get("/v1/cities/ca-montreal")).json()["version"] == city
    assert await database.value("SELECT max(dirty) FROM feed") == marks


async def test_what_the_client_expects(client: AsyncClient, token: Token) -> None:
    headers = await token("network:c40")
    assert (await client.put(PATH, json={}, headers={**headers, "If-Match": "*"})).status_code == 412
    assert (await client.put(PATH, json={}, headers={**headers, "If-Match": '"1-1"'})).status_code == 412
    assert (await client.put(PATH, json={}, headers={**headers, "If-None-Match": "*"})).status_code == 201
    assert (await client.put(PATH, json={}, headers={**headers, "If-None-Match": "*"})).status_code == 412


async def test_of_many_at_once_one_creates(client: AsyncClient, token: Token, database: Database) -> None:
    headers = {**await token("network:c40"), "If-None-Match": "*"}
    answers = await asyncio.gather(*[client.put(PATH, json={}, headers=headers) for _ in range(6)])
    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 201
    assert set(codes[1:]) <= {409, 412}
    assert await database.value("SELECT count(*) FROM audit") == 1


async def test_of_many_at_once_one_replaces(client: AsyncClient, token: Token) -> None:
    headers = await token("network:c40")
    etag = (await client.put(PATH, json={}, headers=headers)).headers["etag"]
    answers = await asyncio.gather(
        *[client.put(PATH, json={"role": "board"}, headers={**headers, "If-Match": etag}) for _ in range(6)]
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 5]


async def test_delete(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token("network:c40")
    etag = (await client.put(PATH, json={}, headers=headers)).headers["etag"]
    assert (await client.delete(PATH, headers=headers)).status_code == 428
    assert (await client.delete(PATH, headers={**headers, "If-Match": '"7-1"'})).status_code == 412
    assert (await client.delete(PATH, headers={**headers, "If-Match": etag})).status_code == 204
    assert (await client.delete(PATH, headers={**headers, "If-Match": etag})).status_code == 404
    assert (await client.get(PATH)).status_code == 404
    audit = await database.rows("SELECT action, record_type, record_id, version FROM audit ORDER BY id")
    assert [tuple(row) for row in audit] == [
        ("created", "membership", "c40/ca-montreal", 1),
        ("deleted", "membership", "c40/ca-montreal", 1),
    ]


@pytest.mark.parametrize(
    ("organization", "scopes", "status"),
    [
        ("network:c40", (), 201),
        ("operator", (), 201),
        ("network:mmc", (), 403),
        ("city:ca-montreal", (), 403),
        ("network:c40", ("sync:write",), 403),
        (None, (), 401),
    ],
)
async def test_who_may(
    client: AsyncClient, token: Token, organization: str | None, scopes: tuple[str, ...], status: int
) -> None:
    headers = await token(organization, *scopes) if organization else {}
    assert (await client.put(PATH, json={}, headers=headers)).status_code == status
    if status != 201:
        made = await client.put(PATH, json={}, headers=await token("operator"))
        response = await client.delete(PATH, headers={**headers, "If-Match": made.headers["etag"]})
        assert response.status_code == status


@pytest.mark.parametrize("path", ["/v1/networks/nowhere/cities/ca-montreal", f"{LIST}/ca-atlantis", f"{LIST}/Montreal"])
async def test_none_such(client: AsyncClient, token: Token, path: str) -> None:
    headers = await token("operator")
    assert (await client.put(path, json={}, headers=headers)).status_code == 404
    assert (await client.delete(path, headers={**headers, "If-Match": "*"})).status_code == 404
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"role": "chair"}, "/role"),
        ({"since": "2020-02-30"}, "/since"),
        ({"since": "2020"}, "/since"),
        ({"since": 5}, "/since"),
        ({"since": "0001-01-01"}, "/since"),
        ({"since": "2020-01-02", "until": "2020-01-01"}, "/until"),
        ({"city": "ca-montreal"}, "/city"),
    ],
)
async def test_bad_input(client: AsyncClient, token: Token, body: dict[str, Any], pointer: str) -> None:
    response = await client.put(PATH, json=body, headers=await token("operator"))
    assert response.status_code == 422, response.text
    assert [entry["pointer"] for entry in response.json()["errors"]] == [pointer]


async def test_what_shows_or_is_found_by_it_is_marked(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token("city:ca-montreal")
    shown = await make_practice(client, headers)
    await make_practice(client, headers, visibility="members")
    await database.execute("UPDATE feed SET seq = dirty")
    await client.put(PATH, json={}, headers=await token("network:c40"))
    marks = await database.rows("SELECT type, id, version, op, origin FROM feed WHERE seq IS NULL ORDER BY type")
    assert [tuple(mark) for mark in marks] == [
        ("city", "ca-montreal", 2, "upsert", "network:c40"),
        ("network", "c40", 1, "upsert", "network:c40"),
        ("practice", shown["id"], shown["version"], "upsert", "network:c40"),
    ]
    assert (await client.get("/v1/cities/ca-montreal")).json()["version"] == 2


async def test_the_list(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    headers = await token("network:c40")
    yesterday = str(TODAY - timedelta(days=1))
    await client.put(PATH, json={"role": "board", "until": yesterday}, headers=headers)
    await client.put(f"{LIST}/gb-bristol", json={"role": "board", "until": str(TODAY)}, headers=headers)
    with sql_count() as statements:
        whole = (await client.get(f"{LIST}?limit=100")).json()["items"]
    assert len(statements) == 1, statements
    ids = [entry["city"]["id"] for entry in whole]
    assert ids == sorted(ids)

    async def found(query: str) -> list[str]:
        return [entry["city"]["id"] for entry in (await client.get(f"{LIST}?limit=100&{query}")).json()["items"]]

    assert await found("role=board") == ["ca-montreal", "gb-bristol"]
    assert await found("current=false") == ["ca-montreal"]
    assert await found("current=true") == [id_ for id_ in ids if id_ != "ca-montreal"]
    assert (await client.get("/v1/networks/c40")).json()["city_count"] == len(ids) - 1
    paged: list[str] = []
    address: str | None = f"{LIST}?limit=1"
    while address:
        response = await client.get(address)
        paged += [entry["city"]["id"] for entry in response.json()["items"]]
        address = response.links.get("next", {}).get("url")
    assert paged == ids


async def test_a_list_of_none_and_no_list(client: AsyncClient, token: Token) -> None:
    await client.post("/v1/networks", json={"id": "empty", "name": "Empty"}, headers=await token("operator"))
    assert (await client.get("/v1/networks/empty/cities")).json() == {"items": [], "next_cursor": None}
    assert (await client.get("/v1/networks/nowhere/cities")).status_code == 404
    cursor = (await client.get("/v1/networks/mmc/cities?limit=1")).json()["next_cursor"]
    assert (await client.get("/v1/networks/icc/cities", params={"cursor": cursor})).status_code == 400
