"""Bodies: their size, their nesting, and clients that stall."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from starlette.types import Message

from app.config import Settings
from app.database import Database
from tests.conftest import Token
from tests.factories import Headers, practice_body

MIB = 1024 * 1024


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, rate_limit="off", worker="off", pool_size=3, receive_timeout=0.3)


@pytest.fixture
async def headers(token: Token) -> Headers:
    return {**await token("city:ca-montreal"), "Content-Type": "application/json"}


async def parts(body: bytes, *, size: int = 65_536, pause: float = 0) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]
        await asyncio.sleep(pause)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "status"), [(MIB, 201), (MIB + 1, 413), (10 * MIB, 413)])
async def test_size(client: AsyncClient, headers: Headers, size: int, status: int, *, chunked: bool) -> None:
    body = json.dumps(practice_body()).encode()
    body += b" " * (size - len(body))
    response = await client.post("/v1/practices", content=parts(body) if chunked else body, headers=headers)
    assert response.status_code == status
    if status == 413:
        assert response.headers["connection"] == "close"
        assert response.json()["type"].endswith("/payload-too-large")


async def test_what_is_too_long_is_not_read_to_its_end(client: AsyncClient, headers: Headers) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b" " * 65_536

    response = await client.post("/v1/practices", content=endless(), headers=headers)
    assert response.status_code == 413
    assert sent <= 2 * MIB


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "", "９"])
async def test_a_length_that_is_none(client: AsyncClient, headers: Headers, length: str) -> None:
    sent = [(name.encode(), value.encode()) for name, value in {**headers, "Content-Length": length}.items()]
    response = await client.post("/v1/practices", content=b"{}", headers=sent)
    assert response.status_code == 400


@pytest.mark.parametrize(("depth", "status"), [(32, 422), (33, 422), (10_000, 422), (400_000, 422)])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
async def test_nesting(
    client: AsyncClient, headers: Headers, depth: int, status: int, opening: str, closing: str
) -> None:
    middle = "" if opening == "[" else "1"
    body = opening * depth + middle + closing * depth
    if len(body) > MIB:
        body = opening * (MIB // len(opening))
    started = time.monotonic()
    response = await client.post("/v1/practices", content=body, headers=headers)
    assert time.monotonic() - started < 2
    if len(body) > MIB // 2 and body.endswith(opening):
        assert response.status_code in {400, 422}
    else:
        assert response.status_code == status
        assert (response.json()["errors"][0]["code"] == "nesting") == (depth > 32)


async def test_digits_without_end(client: AsyncClient, headers: Headers, database: Database) -> None:
    for name, number in (("beneficiaries", "9" * 1_000_000), ("staff_fte", "1" * 1_000_000), ("staff_fte", "1e999")):
        started = time.monotonic()
        response = await client.post("/v1/practices", content=f'{{"title": "x", "{name}": {number}}}', headers=headers)
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == f"/{name}"
        assert len(response.content) < 2_000
        assert time.monotonic() - started < 1
    assert await database.value("SELECT count(*) FROM practice") == 0


async def test_a_slow_but_steady_body_is_taken(client: AsyncClient, headers: Headers) -> None:
    body = json.dumps(practice_body()).encode()
    slow = parts(body, size=len(body) // 5 + 1, pause=0.1)
    assert (await client.post("/v1/practices", content=slow, headers=headers)).status_code == 201


async def test_a_body_that_stalls_is_cut(client: AsyncClient, headers: Headers, database: Database) -> None:
    started = time.monotonic()
    response = await client.post("/v1/practices", content=parts(b'{"title":', pause=30), headers=headers)
    assert time.monotonic() - started < 5
    assert (response.status_code, response.headers["connection"]) == (400, "close")
    assert await database.value("SELECT count(*) FROM practice") == 0


async def test_a_body_that_nobody_asked_for_does_no_harm(client: AsyncClient) -> None:
    response = await client.request("GET", "/v1/practices", content=b"x" * 1000)
    assert response.status_code == 200
    assert (await client.request("GET", "/v1/practices", content=b"x" * (MIB + 1))).status_code == 413


@pytest.mark.parametrize("path", ["/v1/practices.ndjson", "/v1/export", "/v1/changes"])
async def test_a_long_download_outlasts_the_patience_for_bodies(app: FastAPI, path: str) -> None:
    """Whoever takes a file, or the feed, sends nothing meanwhile, for as long as that lasts."""
    # A server takes the body, of which there is none, and then the client's leaving, which does not come.
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    taken: list[Message] = []

    async def take_slowly(message: Message) -> None:
        await asyncio.sleep(0.4 if len(taken) < 2 else 0)
        taken.append(message)

    headers = [(b"host", b"127.0.0.1:8000"), (b"accept", b"application/x-ndjson")]
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
    }  # fmt: skip
    await app(scope, incoming.get, take_slowly)
    assert taken[0]["status"] == 200
    assert taken[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
