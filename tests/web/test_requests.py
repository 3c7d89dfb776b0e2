"""What holds for every request: ids, HEAD, compression, CORS, headers of every answer."""

import gzip
import re
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from zstandard import ZstdDecompressor

from app.config import Settings
from app.config import settings as environment
from app.database import Database
from app.main import create_app
from tests.conftest import Token
from tests.factories import make_practice, practice_body

MONTREAL = "city:ca-montreal"


@pytest.mark.parametrize("given", ["a", "req_1.2-3", "x" * 64])
@pytest.mark.parametrize("path", ["/v1/practices", "/livez", "/nothing", "/v1/practices?x=1", "/"])
async def test_a_request_id_is_taken(client: AsyncClient, path: str, given: str) -> None:
    response = await client.get(path, headers={"X-Request-Id": given})
    assert response.headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "ä".encode(), "<script>", "a,b", '"a"', None])
async def test_a_request_id_is_made(client: AsyncClient, given: Any) -> None:
    headers = {"X-Request-Id": given} if given is not None else {}
    made = {(await client.get("/v1/practices", headers=headers)).headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", id_) for id_ in made)


@pytest.mark.parametrize(
    "path", ["/v1/practices", "/v1/practices/{id}", "/livez", "/", "/openapi.json", "/v1/practices/1"]
)
async def test_head_is_get_without_the_body(client: AsyncClient, token: Token, path: str) -> None:
    made = await make_practice(client, await token(MONTREAL))
    path = path.replace("{id}", made["id"])
    get, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    own = {"x-request-id", "date"}
    assert {k: v for k, v in head.headers.items() if k not in own} == {
        k: v for k, v in get.headers.items() if k not in own
    }
    if "etag" in get.headers:
        known = {"If-None-Match": get.headers["etag"]}
        assert (await client.head(path, headers=known)).status_code == 304


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, identity;q=0.5", "gzip"),
        ("identity", None),
        ("br", None),
        ("", None),
    ],
)
async def test_compression(
    client: AsyncClient, bare: AsyncClient, token: Token, accepted: str, coding: str | None
) -> None:
    await make_practice(client, await token(MONTREAL), summary="long " * 150)
    plain = (await client.get("/v1/practices", headers={"Accept-Encoding": "identity"})).content
    async with bare.stream("GET", "/v1/practices", headers={"Accept-Encoding": accepted}) as response:
        raw = b"".join([part async for part in response.aiter_raw()])
    assert response.headers.get("content-encoding") == coding
    assert "Accept-Encoding" in response.headers["vary"]
    unpacked = {"gzip": gzip.decompress, "zstd": unzstd, None: bytes}[coding](raw)
    assert unpacked == plain
    assert coding is None or len(raw) < len(plain)


def unzstd(raw: bytes) -> bytes:
    return ZstdDecompressor().decompressobj().decompress(raw)


@pytest.mark.parametrize("path", ["/v1/practices", "/v1/practices/1", "/openapi.json", "/v1/practices?x=1"])
async def test_cors_lets_anybody_read(client: AsyncClient, path: str) -> None:
    response = await client.get(path, headers={"Origin": "https://map.example"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers
    exposed = {name.strip() for name in response.headers["access-control-expose-headers"].split(",")}
    assert exposed == {"ETag", "Link", "Location", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-Id"}


@pytest.mark.parametrize(
    ("method", "header", "status"),
    [("GET", "Authorization", 200), ("GET", "If-None-Match", 200), ("HEAD", "Accept", 200), ("POST", "Accept", 400),
     ("DELETE", "Accept", 400), ("GET", "X-Secret", 400)],
)  # fmt: skip
async def test_cors_preflight(client: AsyncClient, method: str, header: str, status: int) -> None:
    headers = {
        "Origin": "https://map.example",
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": header,
    }
    response = await client.options("/v1/practices", headers=headers)
    assert response.status_code == status
    assert response.headers["x-request-id"]
    if status == 200:
        assert response.headers["access-control-allow-origin"] == "*"
    else:
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/", "/v1/practices", "/nothing", "/docs", "/livez"])
async def test_safe_headers(client: AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "server" not in response.headers


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("exchange.example", "http://exchange.example"),
        ("exchange.example:8443", "http://exchange.example:8443"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("evil.example/path", "http://127.0.0.1:8000"),
        ("evil<script>", "http://127.0.0.1:8000"),
        ("a b", "http://127.0.0.1:8000"),
        ("", "http://127.0.0.1:8000"),
    ],
)
async def test_links_name_the_server_as_it_was_addressed(client: AsyncClient, host: str, expected: str) -> None:
    response = await client.get("/nothing", headers={"Host": host})
    assert response.json()["type"] == f"{expected}/problems/not-found"


async def test_links_name_the_public_url(client: AsyncClient, token: Token, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        await make_practice(client, await token(MONTREAL))
    headers = await token(MONTREAL)
    monkeypatch.setenv("PX_PUBLIC_URL", "https://exchange.example/api")
    environment.cache_clear()
    try:
        response = await client.get("/v1/practices?limit=1", headers={"Host": "internal"})
        assert response.links["next"]["url"].startswith("https://exchange.example/api/v1/practices?limit=1&cursor=")
        refused = await client.get("/v1/practices", headers=headers)
        assert refused.status_code == 401, "its issuer was another"
        assert refused.json()["type"] == "https://exchange.example/api/problems/unauthorized"
    finally:
        monkeypatch.undo()
        environment.cache_clear()


async def test_addresses_of_what_was_made_lie_under_the_public_url(
    database: Database, settings: Settings, token: Token
) -> None:
    public = create_app(database, settings.model_copy(update={"public_url": "https://exchange.example/api"}))
    transport = ASGITransport(public)
    async with (
        public.router.lifespan_context(public),
        AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client,
    ):
        made = await client.post("/v1/practices", json=practice_body(), headers=await token(MONTREAL))
    assert made.headers["location"] == f"/api/v1/practices/{made.json()['id']}"


@pytest.mark.parametrize("path", ["/v1/practices", "/v1/cities/ca-montreal", "/v1/stats", "/v1/practices/facets"])
@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("application/*;q=0.1", 200),
        ("text/html, application/json;q=0.5", 200),
        ("application/xml", 406),
        ("application/json;q=0", 406),
    ],
)
async def test_json_is_given_to_whoever_takes_it(client: AsyncClient, path: str, accept: str, status: int) -> None:
    response = await client.get(path, headers={"Accept": accept})
    assert response.status_code == status
    if status == 406:
        assert response.headers["content-type"] == "application/problem+json"
        assert "Accept" in response.headers["vary"]
