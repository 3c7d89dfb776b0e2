"""Every error is RFC 9457, the framework's own too."""

import gzip
import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from httpx import AsyncClient

from app.database import Database
from tests.conftest import Token
from tests.factories import practice_body

MONTREAL = "city:ca-montreal"
JSON = {"Content-Type": "application/json"}
MEMBERS = {"type", "title", "status", "detail", "instance"}


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "kind"),
    [
        ("GET", "/nothing", {}, 404, "not-found"),
        ("GET", "/v1", {}, 404, "not-found"),
        ("GET", "/v1/practices/", {}, 404, "not-found"),
        ("GET", "/v1//practices", {}, 404, "not-found"),
        ("GET", "/V1/practices", {}, 404, "not-found"),
        ("GET", "/assets/..%2Fpage.html", {}, 404, "not-found"),
        ("GET", "/assets/page.html", {}, 404, "not-found"),
        ("GET", "/problems/nonsense", {}, 404, "not-found"),
        ("GET", "/%00", {}, 404, "not-found"),
        ("GET", "/%ff%fe", {}, 404, "not-found"),
        ("PUT", "/v1/practices", {}, 405, "method-not-allowed"),
        ("DELETE", "/v1/practices", {}, 405, "method-not-allowed"),
        ("OPTIONS", "/v1/practices", {}, 405, "method-not-allowed"),
        ("TRACE", "/v1/practices", {}, 405, "method-not-allowed"),
        ("BREW", "/v1/practices", {}, 405, "method-not-allowed"),
        ("POST", "/livez", {}, 405, "method-not-allowed"),
        ("POST", "/v1/practices", {"content": b"{}"}, 415, "unsupported-media-type"),
        ("POST", "/v1/practices", {"content": b"{", "headers": JSON}, 400, "malformed-json"),
        ("GET", "/v1/practices?x=1", {}, 400, "unknown-parameter"),
        ("GET", "/v1/practices?limit=%ff", {}, 400, "bad-request"),
        ("GET", "/v1/practices", {"headers": {"X-Long": "x" * 33_000}}, 431, "headers-too-large"),
        ("GET", "/v1/practices", {"headers": {"Authorization": "Basic eDp5"}}, 401, "unauthorized"),
        ("GET", "/v1/practices", {"headers": {"Authorization": "Bearer nonsense"}}, 401, "unauthorized"),
    ],
)  # fmt: skip
async def test_problem_documents(
    client: AsyncClient, token: Token, method: str, path: str, options: dict[str, Any], status: int, kind: str
) -> None:
    headers = {**await token(MONTREAL), "X-Request-Id": "req-7", **options.get("headers", {})}
    response = await client.request(method, path, **{**options, "headers": headers})
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    told = response.json()
    assert told.keys() >= MEMBERS
    assert (told["type"], told["status"], told["instance"]) == (
        f"http://127.0.0.1:8000/problems/{kind}", status, "urn:request:req-7",
    )  # fmt: skip
    assert (await client.get(told["type"])).status_code == 200
    if status == 401:
        assert response.headers["www-authenticate"].startswith('Bearer realm="')


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/practices", {"GET", "HEAD", "POST"}),
        ("/v1/practices/0198c0de-0000-7000-8000-000000000000", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("/v1/practices/0198c0de-0000-7000-8000-000000000000/transitions", {"GET", "HEAD", "POST"}),
        ("/livez", {"GET", "HEAD"}),
        ("/", {"GET", "HEAD"}),
    ],
)
async def test_405_lists_what_the_path_takes(client: AsyncClient, path: str, allow: set[str]) -> None:
    response = await client.put(path)
    assert set(response.headers["allow"].split(", ")) == allow


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ('Application/JSON;charset="UTF-8"', 201),
        ("application/json; charset=latin-1", 415),
        ("application/merge-patch+json", 415),
        ("text/json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/jsonp", 415),
        (",", 415),
        ("", 415),
    ],
)
async def test_media_types(client: AsyncClient, token: Token, content_type: str, status: int) -> None:
    headers = {**await token(MONTREAL), "Content-Type": content_type}
    response = await client.post("/v1/practices", content=b'{"title": "x"}', headers=headers)
    assert response.status_code == status
    if status == 415:
        assert response.headers["accept-post"] == "application/json"


async def test_a_compressed_body_is_not_taken(client: AsyncClient, token: Token) -> None:
    headers = {**await token(MONTREAL), "Content-Type": "application/json", "Content-Encoding": "gzip"}
    response = await client.post("/v1/practices", content=gzip.compress(b'{"title": "x"}'), headers=headers)
    assert (response.status_code, response.headers["accept-encoding"]) == (415, "identity")


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"{'a': 1}", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 01}', b"\xff\xfe{}", b"\xef\xbb\xbf{}",
        b'{"title": "\x01"}', b'{"title": "x",}', b"{}{}", b'{"title": "\xed\xa0\x80"}',
    ],
)  # fmt: skip
async def test_what_is_not_json(client: AsyncClient, token: Token, body: bytes) -> None:
    headers = {**await token(MONTREAL), "Content-Type": "application/json"}
    response = await client.post("/v1/practices", content=body, headers=headers)
    assert (response.status_code, response.json()["type"].rsplit("/", 1)[1]) == (400, "malformed-json")


async def test_a_member_twice_is_refused(client: AsyncClient, token: Token) -> None:
    """Which of the two counts would be a guess, and others on the way may guess otherwise."""
    headers = {**await token(MONTREAL), "Content-Type": "application/json"}
    response = await client.post("/v1/practices", content=b'{"title": "a", "title": "b"}', headers=headers)
    assert response.status_code == 400


async def test_a_fault_of_ours_tells_nothing_of_its_cause(
    client: AsyncClient, token: Token, database: Database, database_url: str
) -> None:
    headers = {**await token(MONTREAL), "X-Request-Id": "req-500"}
    owner = await asyncpg.connect(database_url)
    await owner.execute("ALTER TABLE practice RENAME TO elsewhere")
    await owner.close()
    with structlog.testing.capture_logs() as events:
        answers = [
            await client.get("/v1/practices", headers=headers),
            await client.get("/v1/practices/0198c0de-0000-7000-8000-000000000000", headers=headers),
            await client.post("/v1/practices", json=practice_body(), headers=headers),
        ]
    for response in answers:
        assert response.status_code == 500
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["x-request-id"] == "req-500"
        assert response.json()["instance"] == "urn:request:req-500"
        assert not any(word in response.text for word in ('practice"', "SELECT", "asyncpg", "Traceback", "relation"))
    assert await database.value("SELECT count(*) FROM audit") == 0
    causes = [event["exc_info"] for event in events if event["event"] == "failure" and event["request_id"] == "req-500"]
    assert [type(cause) for cause in causes] == [asyncpg.UndefinedTableError] * 3


async def test_a_log_that_cannot_be_written_costs_no_answer(
    client: AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = (tmp_path / "log").open("w", encoding="utf-8")
    monkeypatch.setattr("sys.stderr", log)
    caplog.set_level("INFO")
    assert (await client.get("/v1/practices")).status_code == 200
    log.flush()
    [line] = [json.loads(line) for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    assert (line["event"], line["route"], line["status"]) == ("request", "/v1/practices", 200)
    log.close()  # as when the reader of a pipe has gone
    assert (await client.get("/v1/practices")).status_code == 200
    assert (await client.get("/v1/practices/1")).status_code == 404


async def test_details_never_quote_raw_input(client: AsyncClient) -> None:
    response = await client.get("/v1/practices?<script>=1&%F0%9F%99%82=2")
    assert response.status_code == 400
    assert response.content.isascii()
    assert response.headers["x-content-type-options"] == "nosniff"
