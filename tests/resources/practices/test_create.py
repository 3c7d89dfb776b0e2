"""POST /v1/practices: what is stored, what is refused, and what a retry does."""

import asyncio
import json
import unicodedata
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import make_practice, practice_body

MONTREAL = "city:ca-montreal"
FULL: dict[str, Any] = {
    "title": "Carte d\u2019identité municipale 🪪",
    "summary": "Une carte pour toutes et tous.\nSans condition.",
    "challenge": "## Défi\n\n*\tUn tiers* sans papiers",
    "description": "مدينة للجميع and עיר לכולם",
    "results": "61 000 cartes",
    "lessons": "<script>alert(1)</script> & \"quotes\" \\ 'single'",
    "what_failed": "100 % of %s {0} $1 ; DROP TABLE practice; --",
    "conditions": "日本語の条件",
    "language": "fr-CA",
    "tags": ["theme:municipal-id", "gcm:4", "group:undocumented-migrants"],
    "keywords": ["carte", "=SUM(A1)"],
    "resources": [{"title": "Guide", "url": "https://example.org/a?b=c#d", "kind": "pdf", "language": "pt-BR"}],
    "license": "CC0-1.0",
    "partner_cities": ["gb-bristol", "de-berlin"],
    "implementers": [{"name": "Office for Newcomers", "kind": "city"}, {"name": "A clinic", "kind": None}],
    "contact": {"unit": "Office for Newcomers", "email": "newcomers@montreal.example"},
    "year_start": 1900,
    "year_end": 2100,
    "stage": "completed",
    "budget_band": "over_5m",
    "staff_fte": 0.1,
    "months_to_implement": 1200,
    "beneficiaries": 2_000_000_000,
    "indicators": [
        {"name": "cards", "value": 61000.25, "unit": "cards", "year": 2025, "source_url": "http://example.org/"},
        {"name": "loss", "value": -1e15, "unit": None, "year": None, "source_url": None},
    ],
    "evidence_level": 5,
    "offers": ["format:webinar", "format:study-visit"],
    "accepting_exchanges": False,
    "visibility": "network:mmc",
    "external_ids": [{"scheme": "my-cms", "value": "42/ä", "url": "https://cms.example/42"}],
}


async def count_rows(database: Database) -> tuple[int, ...]:
    tables = ("practice", "practice_external_id", "transition", "audit", "feed", "idempotency_key")
    return tuple([await database.value(f"SELECT count(*) FROM {table}") for table in tables])


async def test_every_field_comes_back_unaltered(client: AsyncClient, token: Token) -> None:
    headers = await token(MONTREAL)
    response = await client.post("/v1/practices", json=FULL, headers=headers)
    assert response.status_code == 201, response.text
    made = response.json()
    read = await client.get(response.headers["location"], headers=headers)
    assert read.json() == made
    assert read.headers["etag"] == response.headers["etag"]
    assert [city["id"] for city in made.pop("partner_cities")] == FULL["partner_cities"]
    for name in FULL.keys() - {"partner_cities"}:
        assert made[name] == FULL[name], name
    assert made["city"] == {"id": "ca-montreal", "name": "Montreal", "country": "CA"}
    assert (made["status"], made["version"], made["published_at"]) == ("draft", 1, None)
    assert made["translations"] == [{"language": "fr-CA", "status": "original"}]
    assert set(made["allowed_transitions"]) == {"submitted", "published"}


async def test_little_is_needed_and_the_rest_has_defaults(client: AsyncClient, token: Token) -> None:
    response = await client.post("/v1/practices", json={"title": "x"}, headers=await token(MONTREAL))
    made = response.json()
    assert (made["language"], made["license"], made["visibility"]) == ("en", "CC-BY-4.0", "public")
    assert made["accepting_exchanges"] is True
    assert made["tags"] == made["keywords"] == made["resources"] == made["indicators"] == made["offers"] == []
    assert made["summary"] is made["contact"] is made["stage"] is made["year_start"] is None


async def test_text_is_stored_as_nfc(client: AsyncClient, token: Token) -> None:
    decomposed = unicodedata.normalize("NFD", "Montréal, Việt Nam, 각")
    body = practice_body(title=decomposed, keywords=[decomposed], implementers=[{"name": decomposed}])
    made = (await client.post("/v1/practices", json=body, headers=await token(MONTREAL))).json()
    composed = unicodedata.normalize("NFC", decomposed)
    assert (made["title"], made["keywords"], made["implementers"][0]["name"]) == (composed, [composed], composed)


@pytest.mark.parametrize(("length", "status"), [(150, 201), (151, 422)])
@pytest.mark.parametrize("character", ["a", "é", "🏙", "e\u0301", "\u0958"])
async def test_lengths_count_characters_as_stored(
    client: AsyncClient, token: Token, character: str, length: int, status: int
) -> None:
    """A letter that NFC makes one of two, or two of one, counts as what it becomes."""
    times = length // len(unicodedata.normalize("NFC", character))
    title = character * times + "x" * (length - times * len(unicodedata.normalize("NFC", character)))
    response = await client.post("/v1/practices", json=practice_body(title=title), headers=await token(MONTREAL))
    assert response.status_code == status, response.text
    if status == 422:
        assert response.json()["errors"][0]["pointer"] == "/title"
    else:
        assert len(response.json()["title"]) == length


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"title": None}, "/title", "string_type"),
        ({"title": ""}, "/title", "string_too_short"),
        ({"title": " \n "}, "/title", "blank"),
        ({"title": 5}, "/title", "string_type"),
        ({"title": "a\x00b"}, "/title", "control_character"),
        ({"title": "a\x85b"}, "/title", "control_character"),
        ({"title": "a" + "\u0300\u0315" * 16}, "/title", "combining"),
        ({"summary": "x" * 801}, "/summary", "string_too_long"),
        ({"description": "x" * 20_001}, "/description", "string_too_long"),
        ({"colour": "red"}, "/colour", "unknown_field"),
        ({"status": "published"}, "/status", "unknown_field"),
        ({"id": "0198c0de-0000-7000-8000-000000000000"}, "/id", "unknown_field"),
        ({"contact": {"phone": "1"}}, "/contact/phone", "unknown_field"),
        ({"contact": {"email": "nobody"}}, "/contact/email", "string_pattern_mismatch"),
        ({"tags": ["theme:housing", "theme:nope"]}, "/tags/1", "unknown_reference"),
        ({"tags": ["Housing"]}, "/tags/0", "string_pattern_mismatch"),
        ({"tags": ["gcm:4", "gcm:4"]}, "/tags", "duplicate"),
        ({"tags": "gcm:4"}, "/tags", "list_type"),
        ({"offers": ["theme:housing"]}, "/offers/0", "unknown_reference"),
        ({"partner_cities": ["gb-bristol", "xx-nowhere"]}, "/partner_cities/1", "unknown_reference"),
        ({"visibility": "network:nowhere"}, "/visibility", "unknown_reference"),
        ({"visibility": "friends"}, "/visibility", "string_pattern_mismatch"),
        ({"year_start": 1899}, "/year_start", "greater_than_equal"),
        ({"year_start": 2.5}, "/year_start", "int_type"),
        ({"year_start": "2020"}, "/year_start", "int_type"),
        ({"year_start": True}, "/year_start", "int_type"),
        ({"year_start": 2020, "year_end": 2019}, "/year_end", "year_order"),
        ({"beneficiaries": 2_000_000_001}, "/beneficiaries", "less_than_equal"),
        ({"beneficiaries": -1}, "/beneficiaries", "greater_than_equal"),
        ({"staff_fte": True}, "/staff_fte", "float_type"),
        ({"staff_fte": "1"}, "/staff_fte", "float_type"),
        ({"evidence_level": 6}, "/evidence_level", "less_than_equal"),
        ({"stage": "running"}, "/stage", "literal_error"),
        ({"accepting_exchanges": "yes"}, "/accepting_exchanges", "bool_type"),
        ({"resources": [{"title": "x", "url": "javascript:alert(1)"}]}, "/resources/0/url", "url_scheme"),
        ({"resources": [{"title": "x", "url": "https://a@b/"}]}, "/resources/0/url", "url"),
        ({"indicators": [{"name": "x", "value": 1e16}]}, "/indicators/0/value", "less_than_equal"),
        ({"indicators": [{"name": "x"}]}, "/indicators/0/value", "missing"),
        ({"language": "english please"}, "/language", "string_pattern_mismatch"),
        ({"city_id": "Montreal"}, "/city_id", "string_pattern_mismatch"),
        ({"external_ids": [{"scheme": "a", "value": "1"}] * 2}, "/external_ids", "duplicate"),
    ],
)
async def test_bad_input_is_refused_whole_and_pointed_to(
    client: AsyncClient, token: Token, database: Database, change: dict[str, Any], pointer: str, code: str
) -> None:
    headers = {**await token(MONTREAL), "Idempotency-Key": "refused"}
    response = await client.post("/v1/practices", json=practice_body(**change), headers=headers)
    assert response.status_code == 422, response.text
    assert [(entry["pointer"], entry["code"]) for entry in response.json()["errors"]] == [(pointer, code)]
    assert await count_rows(database) == (0, 0, 0, 0, 0, 0)


async def test_all_faults_are_told_at_once(client: AsyncClient, token: Token) -> None:
    body = practice_body(title="", year_start=1, colour="red")
    response = await client.post("/v1/practices", json=body, headers=await token(MONTREAL))
    assert {entry["pointer"] for entry in response.json()["errors"]} == {"/title", "/year_start", "/colour"}


@pytest.mark.parametrize(
    ("organization", "city", "status"),
    [
        (MONTREAL, "ca-montreal", 201),
        (MONTREAL, "gb-bristol", 403),
        (MONTREAL, "xx-nowhere", 403),
        ("operator", "gb-bristol", 201),
        ("operator", "xx-nowhere", 422),
        ("operator", None, 422),
        ("network:mmc", "ca-montreal", 403),
        ("network:mmc", None, 422),
    ],
)
async def test_a_city_writes_for_itself(
    client: AsyncClient, token: Token, database: Database, organization: str, city: str | None, status: int
) -> None:
    body = practice_body(**({"city_id": city} if city else {}))
    response = await client.post("/v1/practices", json=body, headers=await token(organization))
    assert response.status_code == status, response.text
    if status == 422:
        assert response.json()["errors"][0]["pointer"] == "/city_id"
    if status != 201:
        assert await count_rows(database) == (0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("city", ["ca-montreal", {"id": "ca-montreal", "name": "Montréal", "country": "CA"}])
async def test_the_city_is_taken_as_answers_show_it(client: AsyncClient, token: Token, city: Any) -> None:
    response = await client.post("/v1/practices", json=practice_body(city=city), headers=await token(MONTREAL))
    assert response.json()["city"]["id"] == "ca-montreal"


async def test_a_token_with_the_scope_is_needed(client: AsyncClient, token: Token) -> None:
    anonymous = await client.post("/v1/practices", json=practice_body())
    assert anonymous.status_code == 401
    assert anonymous.headers["www-authenticate"].startswith("Bearer ")
    reader = await client.post("/v1/practices", json=practice_body(), headers=await token(MONTREAL, "exchanges:read"))
    assert (reader.status_code, reader.json()["scope"]) == (403, "practices:write")


async def test_an_external_id_belongs_to_one_practice(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token(MONTREAL)
    mine = [{"scheme": "my-cms", "value": "42"}]
    await make_practice(client, headers, external_ids=mine)
    before = await count_rows(database)
    response = await client.post("/v1/practices", json=practice_body(external_ids=mine), headers=headers)
    assert response.status_code == 409
    assert await count_rows(database) == before


async def test_audit_and_timeline_but_no_feed_row(client: AsyncClient, token: Token, database: Database) -> None:
    headers = {**await token(MONTREAL), "X-Request-Id": "req-1"}
    made = await make_practice(client, headers, publish=False)
    audit = await database.rows("SELECT * FROM audit")
    assert [(r["action"], r["record_type"], r["record_id"], r["version"], r["request_id"]) for r in audit] == [
        ("created", "practice", made["id"], 1, "req-1")
    ]
    steps = await database.rows("SELECT * FROM transition")
    assert [(r["from_status"], r["to_status"], r["organization"]) for r in steps] == [(None, "draft", MONTREAL)]
    assert await database.value("SELECT count(*) FROM feed") == 0


async def test_two_statements(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    headers = await token(MONTREAL)
    await client.get("/v1/practices", headers=headers)
    with sql_count() as statements:
        await client.post("/v1/practices", json=FULL, headers=headers)
    assert len(statements) == 2, statements


async def test_the_same_request_at_once_has_one_effect(client: AsyncClient, token: Token, database: Database) -> None:
    headers = {**await token(MONTREAL), "Idempotency-Key": "once"}
    body = json.dumps(practice_body())
    posts = [
        client.post("/v1/practices", content=body, headers={**headers, "Content-Type": "application/json"})
        for _ in range(20)
    ]
    answers = await asyncio.gather(*posts)
    assert await database.value("SELECT count(*) FROM practice") == 1
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert sum("idempotency-replayed" not in a.headers for a in answers if a.status_code == 201) == 1
