"""PATCH /v1/cities/{id}."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient, Response

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import Headers, make_practice, make_request

PATH = "/v1/cities/ca-montreal"
CITY = "city:ca-montreal"


async def change(client: AsyncClient, headers: Headers, patch: Any, if_match: str | None = "*") -> Response:
    return await client.patch(PATH, json=patch, headers={**headers, **({"If-Match": if_match} if if_match else {})})


async def test_what_is_given_is_changed_and_the_rest_stays(client: AsyncClient, token: Token) -> None:
    before = await client.get(PATH)
    patch = {
        "name": "Ville de Montréal", "kind": "municipality", "latitude": -1.25, "longitude": 180, "population": 49_999,
        "roles": ["transit"], "languages": ["fr"], "mandates": ["health"], "un_locode": "CAMTR", "geonames_id": 1,
        "wikidata_id": "Q340", "website": "https://montreal.ca",
    }  # fmt: skip
    response = await change(client, await token(CITY), patch, before.headers["etag"])
    assert response.status_code == 200, response.text
    after = response.json()
    assert {name: after[name] for name in patch} == patch
    assert (after["version"], after["population_band"]) == (2, "xs")
    assert after["updated_at"] > before.json()["updated_at"]
    untouched = before.json().keys() - patch.keys() - {"version", "updated_at", "population_band"}
    assert {name: after[name] for name in untouched} == {name: before.json()[name] for name in untouched}
    read = await client.get(PATH)
    assert (read.json(), read.headers["etag"]) == (after, response.headers["etag"])


async def test_null_removes(client: AsyncClient, token: Token) -> None:
    patch = dict.fromkeys(
        ("names", "kind", "latitude", "longitude", "population", "roles", "languages", "mandates", "un_locode",
         "geonames_id", "wikidata_id", "website")
    )  # fmt: skip
    after = (await change(client, await token(CITY), patch)).json()
    assert (after["names"], after["kind"], after["roles"], after["languages"], after["mandates"]) == (
        {}, "city", [], [], []
    )  # fmt: skip
    for name in ("latitude", "longitude", "population", "population_band", "un_locode", "website"):
        assert after[name] is None


async def test_names_are_merged_by_language(client: AsyncClient, token: Token, database: Database) -> None:
    await database.execute("""UPDATE city SET names = '{"en": "Montreal", "fr": "x"}' WHERE id = 'ca-montreal'""")
    after = (await change(client, await token(CITY), {"names": {"fr": None, "pt-br": "Montreal"}})).json()
    assert after["names"] == {"en": "Montreal", "pt-BR": "Montreal"}


@pytest.mark.parametrize(
    ("patch", "pointer", "code"),
    [
        ({"name": None}, "/name", "missing"),
        ({"name": " "}, "/name", "blank"),
        ({"id": "ca-other"}, "/id", "unknown_field"),
        ({"country": "US"}, "/country", "unknown_field"),
        ({"practice_count": 5}, "/practice_count", "unknown_field"),
        ({"latitude": None}, "/latitude", "position"),
        ({"longitude": None}, "/longitude", "position"),
        ({"longitude": 181}, "/longitude", "less_than_equal"),
        ({"names": {"en": 5}}, "/names/en", "string_type"),
        ({"population": "5"}, "/population", "int_type"),
    ],
)
async def test_bad_input_changes_nothing(
    client: AsyncClient, token: Token, patch: dict[str, Any], pointer: str, code: str
) -> None:
    before = (await client.get(PATH)).json()
    response = await change(client, await token(CITY), patch)
    assert response.status_code == 422, response.text
    assert [(entry["pointer"], entry["code"]) for entry in response.json()["errors"]] == [(pointer, code)]
    assert (await client.get(PATH)).json() == before


async def test_nothing_given_changes_nothing(client: AsyncClient, token: Token, database: Database) -> None:
    assert (await change(client, await token(CITY), {})).json()["version"] == 1
    assert await database.value("SELECT count(*) FROM audit") == 0


@pytest.mark.parametrize(
    ("organization", "scopes", "patch", "status"),
    [
        (CITY, (), {"population": 5}, 200),
        ("operator", (), {"population": 5}, 200),
        ("operator", (), {"member": True}, 200),
        (CITY, (), {"member": True}, 403),
        ("city:gb-bristol", (), {"population": 5}, 403),
        ("network:mmc", (), {"population": 5}, 403),
        (CITY, ("practices:write",), {"population": 5}, 403),
        (None, (), {"population": 5}, 401),
    ],
)
async def test_who_may(
    client: AsyncClient,
    token: Token,
    organization: str | None,
    scopes: tuple[str, ...],
    patch: dict[str, Any],
    status: int,
) -> None:
    headers = await token(organization, *scopes) if organization else {}
    assert (await change(client, headers, patch)).status_code == status


async def test_the_change_says_for_which_version_it_is(client: AsyncClient, token: Token) -> None:
    headers = await token(CITY)
    etag = (await client.get(PATH)).headers["etag"]
    assert (await change(client, headers, {"population": 1}, None)).status_code == 428
    assert (await change(client, headers, {"population": 1}, etag)).status_code == 200
    assert (await change(client, headers, {"population": 2}, etag)).status_code == 412
    assert (await change(client, headers, {"population": 2}, f"W/{etag}")).status_code == 412
    assert (await client.get(PATH)).json()["population"] == 1
    nowhere = await client.patch("/v1/cities/ca-atlantis", json={}, headers={**headers, "If-Match": "*"})
    assert nowhere.status_code == 404


async def test_of_two_changes_at_once_one_wins(client: AsyncClient, token: Token) -> None:
    headers = await token(CITY)
    etag = (await client.get(PATH)).headers["etag"]
    answers = await asyncio.gather(*[change(client, headers, {"population": n}, etag) for n in range(8)])
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


async def test_audit_and_feed(client: AsyncClient, token: Token, database: Database) -> None:
    await change(client, await token(CITY), {"population": 5, "names": {"en": "x"}})
    audit = await database.rows("SELECT action, record_type, record_id, version, changed::text FROM audit")
    assert [tuple(row) for row in audit] == [("updated", "city", "ca-montreal", 2, '["names", "population"]')]
    marks = await database.rows("SELECT type, id, version, op, origin FROM feed")
    assert [tuple(mark) for mark in marks] == [("city", "ca-montreal", 2, "upsert", CITY)]


async def test_a_new_name_marks_what_shows_it(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token(CITY)
    own = await make_practice(client, headers)
    draft = await make_practice(client, headers, publish=False)
    hidden = await make_practice(client, headers, visibility="members")
    partners = await make_practice(client, await token("city:gb-bristol"), partner_cities=["ca-montreal"])
    strange = await make_practice(client, await token("city:gb-bristol"))
    asked = await make_request(client, headers)
    await database.execute("UPDATE feed SET seq = dirty")
    await change(client, headers, {"population": 5})
    assert [row["type"] for row in await database.rows("SELECT type FROM feed WHERE seq IS NULL")] == ["city"]
    await database.execute("UPDATE feed SET seq = dirty WHERE seq IS NULL")
    await change(client, headers, {"name": "Ville-Marie"})
    marked = {row["id"] for row in await database.rows("SELECT id FROM feed WHERE seq IS NULL")}
    assert {"ca-montreal", own["id"], partners["id"]} <= marked <= {
        "ca-montreal", own["id"], partners["id"], asked["id"]
    }  # fmt: skip
    assert not {draft["id"], hidden["id"], strange["id"]} & marked
    assert (await client.get(f"/v1/practices/{own['id']}")).json()["city"]["name"] == "Ville-Marie"


async def test_three_statements(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    headers = await token(CITY)
    await client.get(PATH, headers=headers)
    with sql_count() as statements:
        await change(client, headers, {"name": "x", "names": {"en": "y"}})
    assert len(statements) == 3, statements
