"""PATCH /v1/practices/{id}: merge patches, preconditions, races, and what is recorded of a change."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import make_practice

OWNER = "city:ca-montreal"
START: dict[str, Any] = {
    "contact": {"unit": "Office", "email": "office@montreal.example"},
    "keywords": ["one", "two"],
    "year_start": 2010,
    "year_end": 2012,
    "stage": "pilot",
    "language": "fr",
    "implementers": [{"name": "A", "kind": "city"}, {"name": "B", "kind": None}],
    "external_ids": [{"scheme": "cms", "value": "1", "url": None}],
}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({}, {}),
        ({"title": "New"}, {"title": "New"}),
        ({"summary": None, "stage": None}, {"summary": None, "stage": None}),
        ({"year_end": None}, {"year_end": None}),
        ({"contact": {"unit": "Desk"}}, {"contact": {"unit": "Desk", "email": "office@montreal.example"}}),
        ({"contact": {"email": None}}, {"contact": {"unit": "Office", "email": None}}),
        ({"contact": {"unit": None, "email": None}}, {"contact": None}),
        ({"contact": {}}, {}),
        ({"contact": None}, {"contact": None}),
        ({"keywords": ["two"]}, {"keywords": ["two"]}),
        ({"keywords": []}, {"keywords": []}),
        ({"keywords": None}, {"keywords": []}),
        ({"implementers": [{"name": "C"}]}, {"implementers": [{"name": "C", "kind": None}]}),
        ({"language": None, "license": None}, {"language": "en", "license": "CC-BY-4.0"}),
        ({"tags": ["gcm:1"]}, {"tags": ["gcm:1"]}),
        ({"external_ids": []}, {"external_ids": []}),
        ({"external_ids": None}, {"external_ids": []}),
        (
            {"external_ids": [{"scheme": "cms", "value": "2"}, {"scheme": "cms", "value": "1"}]},
            {"external_ids": [{"scheme": "cms", "value": v, "url": None} for v in "21"]},
        ),
        ({"year_start": 2012, "year_end": 2012}, {"year_start": 2012, "year_end": 2012}),
        ({"partner_cities": [{"id": "de-berlin", "name": "Berlin"}]}, {"partner_cities": ["de-berlin"]}),
        ({"accepting_exchanges": False}, {"accepting_exchanges": False}),
        ({"visibility": "members"}, {"visibility": "members"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("media_type", ["application/json", "application/merge-patch+json"])
async def test_a_merge_patch_changes_what_it_names(
    client: AsyncClient, token: Token, patch: dict[str, Any], expected: dict[str, Any], media_type: str
) -> None:
    owner = await token(OWNER)
    before = await make_practice(client, owner, publish=False, **START)
    path = f"/v1/practices/{before['id']}"
    headers = {**owner, "If-Match": f'"{before["version"]}-x"', "Content-Type": media_type}
    response = await client.patch(path, json=patch, headers=headers)
    assert response.status_code == 200, response.text
    after = response.json()
    assert (await client.get(path, headers=owner)).json() == after
    is_change = any(value != before[name] for name, value in expected.items())
    assert after["version"] == before["version"] + is_change
    after["partner_cities"] = [city["id"] for city in after["partner_cities"]]
    moved = {"version": after["version"], "updated_at": after["updated_at"], "translations": after["translations"]}
    assert after == {**before, **moved, **expected}


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"title": None}, "/title"),
        ({"title": ""}, "/title"),
        ({"summary": None}, "/summary"),
        ({"year_start": 2013}, "/year_end"),
        ({"year_end": 2009}, "/year_end"),
        ({"tags": ["gcm:1", "gcm:99"]}, "/tags/1"),
        ({"offers": ["gcm:1"]}, "/offers/0"),
        ({"partner_cities": ["xx-nowhere"]}, "/partner_cities/0"),
        ({"visibility": "network:nowhere"}, "/visibility"),
        ({"colour": "red"}, "/colour"),
        ({"city_id": "gb-bristol"}, "/city_id"),
        ({"status": "archived"}, "/status"),
        ({"contact": {"phone": None}}, "/contact/phone"),
        ({"keywords": [None]}, "/keywords/0"),
        ({"keywords": {"0": "x"}}, "/keywords"),
        ([], ""),
        ("x", ""),
    ],
)
async def test_a_patch_that_breaks_a_rule_changes_nothing(
    client: AsyncClient, token: Token, database: Database, patch: Any, pointer: str
) -> None:
    owner = await token(OWNER)
    made = await make_practice(client, owner, **START)
    path = f"/v1/practices/{made['id']}"
    before = (await client.get(path, headers=owner)).json(), await recorded(database)
    response = await client.patch(path, json=patch, headers={**owner, "If-Match": "*"})
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"] == pointer
    assert before == ((await client.get(path, headers=owner)).json(), await recorded(database))


async def recorded(database: Database) -> list[Any]:
    return [tuple(row) for table in ("audit", "feed") for row in await database.rows(f"SELECT * FROM {table}")]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (None, 428),
        ('"0-x"', 412),
        ('"99-1o"', 412),
        ('W/"{version}-1o"', 412),
        ('"abc"', 412),
        ("{version}", 400),
        ("nonsense", 400),
        ("", 400),
        ('"{version}-1o"', 200),
        ('"{version}-1m"', 200),
        ('"abc", "{version}-1o"', 200),
        ("*", 200),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_change_names_the_version_it_is_for(
    client: AsyncClient, token: Token, method: str, sent: str | None, status: int
) -> None:
    owner = await token(OWNER)
    made = await make_practice(client, owner)
    headers = owner if sent is None else {**owner, "If-Match": sent.replace("{version}", str(made["version"]))}
    body = {"title": "New"} if method == "PATCH" else None
    response = await client.request(method, f"/v1/practices/{made['id']}", headers=headers, json=body)
    expected = 204 if (method, status) == ("DELETE", 200) else status
    assert response.status_code == expected, response.text


async def test_of_many_changes_at_once_one_wins(client: AsyncClient, token: Token, database: Database) -> None:
    owner = await token(OWNER)
    made = await make_practice(client, owner)
    path = f"/v1/practices/{made['id']}"
    headers = {**owner, "If-Match": (await client.get(path, headers=owner)).headers["etag"]}
    answers = await asyncio.gather(
        *[client.patch(path, json={"title": f"Title {number}"}, headers=headers) for number in range(20)]
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19
    winner = next(answer for answer in answers if answer.status_code == 200).json()
    assert (await client.get(path, headers=owner)).json() == winner
    assert winner["version"] == made["version"] + 1
    assert await database.value("SELECT count(*) FROM audit WHERE action = 'updated'") == 1


@pytest.mark.parametrize(
    ("caller", "status"),
    [(None, 401), ("city:gb-bristol", 403), ("network:mmc", 403), ("operator", 200), (OWNER, 200)],
)
async def test_only_those_who_stand_behind_it(
    client: AsyncClient, token: Token, caller: str | None, status: int
) -> None:
    made = await make_practice(client, await token(OWNER))
    headers = {"If-Match": "*", **(await token(caller) if caller else {})}
    response = await client.patch(f"/v1/practices/{made['id']}", json={"title": "New"}, headers=headers)
    assert response.status_code == status, response.text


@pytest.mark.parametrize("end", [{"to": "withdrawn"}, {"to": "merged"}])
async def test_what_has_ended_stays_as_it_is(client: AsyncClient, token: Token, end: dict[str, Any]) -> None:
    owner = await token(OWNER)
    made, other = await make_practice(client, owner), await make_practice(client, owner)
    path = f"/v1/practices/{made['id']}"
    await client.post(f"{path}/transitions", json={**end, "successor": other["id"]}, headers=owner)
    headers = {**owner, "If-Match": "*"}
    assert (await client.patch(path, json={"title": "New"}, headers=headers)).status_code == 409
    assert (await client.delete(path, headers=headers)).status_code == 409


async def test_what_is_recorded_of_a_change(client: AsyncClient, token: Token, database: Database) -> None:
    owner = {**await token(OWNER), "If-Match": "*", "X-Request-Id": "change-1"}
    made = await make_practice(client, owner)
    path = f"/v1/practices/{made['id']}"
    await client.patch(path, json={"title": "New", "stage": "pilot"}, headers=owner)
    row = await database.row("SELECT * FROM audit WHERE action = 'updated'")
    assert row
    assert (row["organization"], row["record_id"], row["version"], row["request_id"], row["changed"]) == (
        OWNER, made["id"], made["version"] + 1, "change-1", '["stage", "title"]',
    )  # fmt: skip
    for patch, op in (({"visibility": "members"}, "delete"), ({"visibility": "public"}, "upsert")):
        version = (await client.patch(path, json=patch, headers=owner)).json()["version"]
        feed = await database.row("SELECT * FROM feed WHERE type = 'practice' AND id = $1", made["id"])
        assert feed
        assert (feed["op"], feed["version"], feed["seq"], feed["origin"]) == (op, version, None, OWNER)
    dirty = await database.value("SELECT dirty FROM feed WHERE id = $1", made["id"])
    await client.patch(path, json={}, headers=owner)
    assert await database.value("SELECT dirty FROM feed WHERE id = $1", made["id"]) == dirty


async def test_statements(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    owner = {**await token(OWNER), "If-Match": "*"}
    path = f"/v1/practices/{(await make_practice(client, owner))['id']}"
    with sql_count() as statements:
        await client.patch(path, json={"title": "New"}, headers=owner)
    assert len(statements) == 3, statements
