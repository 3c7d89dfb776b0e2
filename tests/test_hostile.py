"""Hostile input through every parameter and every member of every body: never a 5xx, never half a record."""

import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from app.main import create_app
from tests.conftest import Token
from tests.contract import Contract
from tests.factories import practice_body

DOCUMENT = create_app().openapi()
CONTRACT = Contract(DOCUMENT)
SAMPLE = "01a0c45f-1200-7c3d-ba41-18d8c17a6cf9"
# As the bytes of JSON, because not all of it can be written by a JSON library.
VALUES = (
    '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udfff\\ud800"', '"\\u0007"', '"\\u001b[2J"', '"\\u2028"',
    '"\\u202e\\u2066"', '"\\ufeff"', '"\\uffff"', '""', '"   "', '"' + "x" * 30_000 + '"', '"' + "é" * 200 + '"',
    "1e999", "-1e999", "NaN", "Infinity", "9" * 400, "-99999999999999999999", "1.5", "0", "-1", "true", "null",
    "[]", "[null]", "[[]]", "{}", '{"a": 1}', "[" + ",".join(["1"] * 2_000) + "]", '["\\u0000"]', '[{"\\u0000": 1}]',
    '"2026-02-30"', '"0000-00-00"', '"9999-12-31T23:59:60Z"', '"javascript:alert(1)"', '"http://[::1"',
    '"\'; DROP TABLE practice; --"', '"{{7*7}}"', '"../../etc/passwd"', '"%00"', '"gcm:999999999999"', '"xx"',
)  # fmt: skip
TEXTS = (
    "%00", "a%00b", "%ff%fe", "%ed%a0%80", "%F0%9F%98%80", "", "%20", "1e999", "NaN", "-1", "9" * 400, "x" * 5_000,
    "%27%3B--", "%E2%80%AE", "..%2F..%2F", "null", "true", "[]", "{}", "1,2", "a%0D%0AX:1", "2026-02-30", "%25",
)  # fmt: skip
DEEP = "[" * 100_000 + "]" * 100_000
BODIES = (
    b"", b"{", b"null", b"[]", b'"text"', b"1", b"NaN", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf{}", DEEP.encode(),
    b'{"title": "a", "title": "b"}', b'{"\\u0000": 1}', b'{"\\ud800": 1}', b'{"a":' * 40 + b"1" + b"}" * 40,
    b'{"x":"' + b"y" * 2_000_000 + b'"}',
)  # fmt: skip
TABLES = (
    "practice",
    "exchange_request",
    "response",
    "adoption",
    "message",
    "city",
    "network",
    "tag",
    "client",
    "membership",
    "webhook",
    "webhook_delivery",
    "audit",
    "transition",
    "feed",
)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for verb, operation in item.items():
            if verb in {"get", "post", "put", "patch", "delete"} and not path.startswith("/oauth"):
                yield verb, path, operation


OPERATIONS = [pytest.param(*found, id=found[2]["operationId"]) for found in operations()]
WITH_BODY = [
    pytest.param(verb, path, operation, id=operation["operationId"])
    for verb, path, operation in operations()
    if "application/json" in operation.get("requestBody", {}).get("content", {})
]


def filled(path: str) -> str:
    """The path of a record that exists, where the samples have one."""
    known = {"practices": SAMPLE, "exchange-requests": SAMPLE, "cities": "ca-montreal", "networks": "mmc"}
    id_ = known.get(path.split("/")[2] if path.startswith("/v1/") else "", "theme:housing")
    return (
        path.replace("{id}", id_)
        .replace("{city_id}", "ca-montreal")
        .replace("{client_id}", "px_nobody")
        .replace("{network}", "mmc")
    )


def body_schema(operation: dict[str, Any]) -> dict[str, Any]:
    return CONTRACT._resolve(operation["requestBody"]["content"]["application/json"]["schema"])  # noqa: SLF001


async def counts(database: Database) -> list[int]:
    sql = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
    row = await database.row(sql)
    assert row is not None
    return list(row)


def check(response: Any, what: str) -> None:
    assert response.status_code < 500, f"{what}: {response.status_code} {response.text[:300]}"
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json", what
        assert {"type", "title", "status", "detail", "instance"} <= response.json().keys(), what


@pytest.mark.parametrize(("verb", "path", "operation"), OPERATIONS)
async def test_parameters(bare: AsyncClient, token: Token, verb: str, path: str, operation: dict[str, Any]) -> None:
    headers = {**await token("operator"), "If-Match": '"1-x"'}
    for parameter in operation.get("parameters", []):
        name, place = parameter["name"], parameter["in"]
        for text in TEXTS:
            sent, address = dict(headers), filled(path)
            if place == "query":
                address += f"?{name}={text}"
            elif place == "path":
                if not text or text.startswith(".."):
                    continue
                address = filled(path.replace(f"{{{name}}}", "@@")).replace("@@", text)
            else:
                sent[name] = text
            check(await bare.request(verb, address, headers=sent, json={} if verb != "get" else None), address[:200])


@pytest.mark.parametrize(("verb", "path", "operation"), WITH_BODY)
async def test_members_of_bodies(
    bare: AsyncClient, token: Token, database: Database, verb: str, path: str, operation: dict[str, Any]
) -> None:
    headers = {**await token("operator"), "If-Match": "*", "Content-Type": "application/json"}
    schema = body_schema(operation)
    example = schema["examples"][0]
    for name in schema["properties"]:
        for value in VALUES:
            members = {**{key: json.dumps(given) for key, given in example.items()}, name: value}
            content = "{" + ",".join(f"{json.dumps(key)}:{given}" for key, given in members.items()) + "}"
            before = await counts(database)
            response = await bare.request(verb, filled(path), headers=headers, content=content.encode())
            check(response, f"{verb} {path} {name}={value[:60]}")
            if response.status_code >= 400:
                assert await counts(database) == before, f"{name}={value[:60]} was refused, and left something"
                if response.status_code == 422:
                    assert response.json()["errors"], f"{name}={value[:60]}"


@pytest.mark.parametrize(("verb", "path", "operation"), WITH_BODY)
async def test_whole_bodies(
    bare: AsyncClient, token: Token, database: Database, verb: str, path: str, operation: dict[str, Any]
) -> None:
    assert operation["requestBody"]
    headers = {**await token("operator"), "If-Match": "*", "Content-Type": "application/json"}
    before = await counts(database)
    for content in BODIES:
        response = await bare.request(verb, filled(path), headers=headers, content=content)
        check(response, f"{verb} {path} {content[:40]!r}")
        assert response.status_code >= 400, content[:40]
    assert await counts(database) == before


@pytest.mark.parametrize(
    "text",
    [
        "مدينة عمّان تستقبل", "Αθήνα", "東京都 ✓", "👩‍👩‍👧 family", "Zażółć gęślą jaźń", "e\u0301 composed",
        "ltr \u200f rtl",
        "<script>alert(1)</script>", "=HYPERLINK(1)", "a\tb", "\\u0000 as six letters", "'; DROP TABLE practice; --",
    ],
)  # fmt: skip
async def test_what_is_stored_comes_back(client: AsyncClient, token: Token, text: str) -> None:
    """Unaltered but for its normal form (NFC), by the answer to the write, by a read, and in the list."""

    headers = await token("city:ca-montreal")
    made = await client.post("/v1/practices", json=practice_body(title=f"x {text}", challenge=text), headers=headers)
    assert made.status_code == 201, made.text
    read = await client.get(made.headers["location"], headers=headers)
    for document in (made.json(), read.json()):
        assert document["challenge"] == unicodedata.normalize("NFC", text)
        assert document["title"] == unicodedata.normalize("NFC", f"x {text}")


async def test_cursors_of_others(bare: AsyncClient) -> None:
    first = (await bare.get("/v1/cities", params={"limit": 1})).json()["next_cursor"]
    lists = [path for verb, path, operation in operations() if verb == "get" and "{" not in path]
    for path in lists:
        if not any(entry["name"] == "cursor" for entry in DOCUMENT["paths"][path]["get"].get("parameters", [])):
            continue
        for cursor in (first + "x", first[:-2], first[::-1], "AAAA", "", "\0", "x" * 3000, first):
            response = await bare.get(path, params={"cursor": cursor})
            check(response, path)
            if path != "/v1/cities" or cursor != first:
                assert response.status_code in {400, 401}, (path, cursor)
