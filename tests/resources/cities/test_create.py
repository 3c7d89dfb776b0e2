"""POST /v1/cities."""

from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token

FULL: dict[str, Any] = {
    "name": "Łódź",
    "names": {"en": "Lodz", "pl": "Łódź", "zh-Hant": "羅茲"},
    "kind": "metropolitan_area",
    "country": "PL",
    "latitude": 51.77,
    "longitude": -0.0,
    "population": 670642,
    "roles": ["destination", "transit"],
    "languages": ["pl", "en-GB"],
    "mandates": ["housing", "planning"],
    "un_locode": "PLLOD",
    "geonames_id": 3093133,
    "wikidata_id": "Q580",
    "website": "https://uml.lodz.pl/",
}


def body(**changes: Any) -> dict[str, Any]:
    return {"name": "Newtown", "country": "GB", **changes}


async def test_every_field_comes_back(client: AsyncClient, token: Token) -> None:
    response = await client.post("/v1/cities", json=FULL, headers=await token("operator"))
    assert response.status_code == 201, response.text
    made = response.json()
    assert response.headers["location"].endswith("/v1/cities/pl-lodz")
    assert {name: made[name] for name in FULL} == FULL
    assert (made["id"], made["population_band"], made["member"], made["networks"]) == ("pl-lodz", "m", False, [])
    read = await client.get("/v1/cities/pl-lodz")
    assert (read.json(), read.headers["etag"]) == (made, response.headers["etag"])


async def test_little_is_needed(client: AsyncClient, token: Token) -> None:
    made = (await client.post("/v1/cities", json=body(), headers=await token("operator"))).json()
    assert (made["id"], made["kind"], made["roles"], made["names"]) == ("gb-newtown", "city", [], {})
    assert made["latitude"] is made["population"] is made["population_band"] is made["website"] is None


@pytest.mark.parametrize(
    ("name", "country", "id_"),
    [
        ("Saint-Denis (La Réunion)", "RE", "re-saint-denis-la-reunion"),
        ("  Weißenfels  ", "DE", "de-weissenfels"),
        ("İzmir", "TR", "tr-izmir"),
        ("Diyarbak\u0131r", "TR", "tr-diyarbakir"),
        ("Ærøskøbing", "DK", "dk-aeroskobing"),
        ("Việt Trì", "VN", "vn-viet-tri"),
        ("X" * 200, "GB", "gb-" + "x" * 77),
    ],
)
async def test_the_id_is_made_of_country_and_name(
    client: AsyncClient, token: Token, name: str, country: str, id_: str
) -> None:
    response = await client.post("/v1/cities", json={"name": name, "country": country}, headers=await token("operator"))
    assert response.json()["id"] == id_


async def test_a_name_in_another_script_needs_an_english_one_or_an_id(client: AsyncClient, token: Token) -> None:
    headers = await token("operator")
    refused = await client.post("/v1/cities", json=body(name="القاهرة", country="EG"), headers=headers)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/id")
    named = body(name="القاهرة", country="EG", names={"en": "New Cairo"})
    assert (await client.post("/v1/cities", json=named, headers=headers)).json()["id"] == "eg-new-cairo"
    given = body(name="القاهرة", country="EG", id="eg-my-own")
    assert (await client.post("/v1/cities", json=given, headers=headers)).json()["id"] == "eg-my-own"


@pytest.mark.parametrize("changes", [{"id": "ca-montreal", "country": "CA"}, {"name": "Montréal", "country": "CA"}])
async def test_an_id_is_given_once(
    client: AsyncClient, token: Token, database: Database, changes: dict[str, Any]
) -> None:
    response = await client.post("/v1/cities", json=body(**changes), headers=await token("operator"))
    assert (response.status_code, response.json()["id"]) == (409, "ca-montreal")
    assert await database.value("SELECT count(*) FROM audit") == 0


async def test_a_networks_city_becomes_its_member(client: AsyncClient, token: Token, database: Database) -> None:
    before = (await client.get("/v1/networks/mmc")).json()["city_count"]
    headers = {**await token("network:mmc"), "X-Request-Id": "req-1"}
    made = (await client.post("/v1/cities", json=body(), headers=headers)).json()
    assert made["networks"] == ["mmc"]
    assert (await client.get("/v1/networks/mmc")).json()["city_count"] == before + 1
    audit = await database.rows("SELECT * FROM audit")
    assert [(r["action"], r["record_type"], r["record_id"], r["organization"], r["request_id"]) for r in audit] == [
        ("created", "city", "gb-newtown", "network:mmc", "req-1")
    ]
    marks = await database.rows("SELECT type, id, version, op, origin FROM feed ORDER BY type")
    assert [tuple(mark) for mark in marks] == [
        ("city", "gb-newtown", 1, "upsert", "network:mmc"),
        ("network", "mmc", 1, "upsert", "network:mmc"),
    ]


@pytest.mark.parametrize(
    ("organization", "scopes", "status"),
    [
        ("operator", (), 201),
        ("network:mmc", (), 201),
        ("city:ca-montreal", (), 403),
        ("network:mmc", ("practices:write",), 403),
        (None, (), 401),
    ],
)
async def test_who_may(
    client: AsyncClient, token: Token, organization: str | None, scopes: tuple[str, ...], status: int
) -> None:
    headers = await token(organization, *scopes) if organization else {}
    assert (await client.post("/v1/cities", json=body(), headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"name": ""}, "/name", "string_too_short"),
        ({"name": "x" * 201}, "/name", "string_too_long"),
        ({"name": "a\x00"}, "/name", "control_character"),
        ({"country": "gb"}, "/country", "string_pattern_mismatch"),
        ({"country": None}, "/country", "string_type"),
        ({"id": "fr-newtown"}, "/country", "id_country"),
        ({"id": "GB-x"}, "/id", "string_pattern_mismatch"),
        ({"kind": "village"}, "/kind", "literal_error"),
        ({"latitude": 1.0}, "/longitude", "position"),
        ({"longitude": 1.0}, "/longitude", "position"),
        ({"latitude": 90.1, "longitude": 0}, "/latitude", "less_than_equal"),
        ({"latitude": "1", "longitude": 0}, "/latitude", "float_type"),
        ({"latitude": True, "longitude": 0}, "/latitude", "float_type"),
        ({"population": -1}, "/population", "greater_than_equal"),
        ({"population": 2**31}, "/population", "less_than_equal"),
        ({"population": 1.5}, "/population", "int_type"),
        ({"roles": ["tourism"]}, "/roles/0", "literal_error"),
        ({"roles": ["origin", "origin"]}, "/roles", "duplicate"),
        ({"languages": ["Engl ish"]}, "/languages/0", "string_pattern_mismatch"),
        ({"mandates": "housing"}, "/mandates", "list_type"),
        ({"un_locode": "gblon"}, "/un_locode", "string_pattern_mismatch"),
        ({"geonames_id": 0}, "/geonames_id", "greater_than_equal"),
        ({"wikidata_id": "340"}, "/wikidata_id", "string_pattern_mismatch"),
        ({"website": "ftp://x.org"}, "/website", "url_scheme"),
        ({"names": {"en": ""}}, "/names/en", "string_too_short"),
        ({"names": ["x"]}, "/names", "dict_type"),
        ({"member": True}, "/member", "unknown_field"),
        ({"population_band": "s"}, "/population_band", "unknown_field"),
        ({"version": 1}, "/version", "unknown_field"),
    ],
)
async def test_bad_input(
    client: AsyncClient, token: Token, database: Database, changes: dict[str, Any], pointer: str, code: str
) -> None:
    cities = await database.value("SELECT count(*) FROM city")
    response = await client.post("/v1/cities", json=body(**changes), headers=await token("operator"))
    assert response.status_code == 422, response.text
    assert [(entry["pointer"], entry["code"]) for entry in response.json()["errors"]] == [(pointer, code)]
    assert await database.value("SELECT count(*) FROM city") == cities


async def test_two_statements(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    headers = await token("network:mmc")
    await client.get("/v1/cities", headers=headers)
    with sql_count() as statements:
        await client.post("/v1/cities", json=body(), headers=headers)
    assert len(statements) == 2, statements


async def test_sent_again_with_its_key_it_is_the_same_answer(client: AsyncClient, token: Token) -> None:
    headers = {**await token("operator"), "Idempotency-Key": "k"}
    first = await client.post("/v1/cities", json=body(), headers=headers)
    second = await client.post("/v1/cities", json=body(), headers=headers)
    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"country": "ZZ"}, "/country"),
        ({"country": "EU"}, "/country"),
        ({"names": {"no language": "x"}}, "/names/no language"),
    ],
)
async def test_faults_are_pointed_at(client: AsyncClient, token: Token, changes: dict[str, Any], pointer: str) -> None:
    refused = await client.post("/v1/cities", json=body(**changes), headers=await token("operator"))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
