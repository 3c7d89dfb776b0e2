"""The pages for people and the well-known files."""

import json
import re
from datetime import UTC, datetime

import pytest
from httpx import AsyncClient

from app.errors import CATALOGUE
from tests.conftest import SqlCount, Token
from tests.factories import make_practice

MONTREAL = "city:ca-montreal"


async def test_the_front_page(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    headers = await token(MONTREAL)
    await make_practice(client, headers, title="<b>Cards & “more”</b>")
    await make_practice(client, headers, title="Hidden", visibility="members")
    with sql_count() as statements:
        page = await client.get("/")
    assert len(statements) == 1
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "&lt;b&gt;Cards &amp; “more”&lt;/b&gt;" in page.text
    assert "<b>Cards" not in page.text
    assert "Hidden" not in page.text
    with sql_count() as statements:
        await client.get("/")
    assert statements == [], "counted anew every ten seconds at most"


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/problems", *[f"/problems/{slug}" for slug in CATALOGUE]])
async def test_pages_ask_nothing_from_elsewhere(client: AsyncClient, path: str) -> None:
    page = await client.get(path)
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.replace("style-src 'self' 'unsafe-inline'", "" if path == "/redoc" else "!")
    loaded = re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"([^\"]+)\"", page.text)
    assert loaded
    for address in loaded:
        assert address.startswith(("/", "data:")), address
        if address.startswith("/assets/"):
            assert (await client.get(address)).status_code == 200
    assert not re.search(r"<script(?![^>]+src=)|\son[a-z]+=|javascript:", page.text)


@pytest.mark.parametrize("slug", CATALOGUE)
async def test_every_problem_is_explained(client: AsyncClient, slug: str) -> None:
    page = await client.get(f"/problems/{slug}")
    assert CATALOGUE[slug].title in page.text
    assert str(CATALOGUE[slug].status) in page.text
    assert f'href="/problems/{slug}"' in (await client.get("/problems")).text


async def test_assets(client: AsyncClient) -> None:
    first = await client.get("/assets/site.css")
    assert first.headers["content-type"] == "text/css; charset=utf-8"
    again = await client.get("/assets/site.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.get("/favicon.ico")).headers["content-type"] == "image/svg+xml"


async def test_openapi(client: AsyncClient) -> None:
    first = await client.get("/openapi.json")
    assert first.json()["openapi"].startswith("3.1")
    again = await client.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_security_txt(client: AsyncClient) -> None:
    text = (await client.get("/.well-known/security.txt")).text
    fields = dict(line.split(": ", 1) for line in text.splitlines())
    assert fields["Contact"].startswith("https://")
    assert fields["Canonical"] == "http://127.0.0.1:8000/.well-known/security.txt"
    assert 0 < (datetime.fromisoformat(fields["Expires"]) - datetime.now(UTC)).days < 366


async def test_api_catalog(client: AsyncClient) -> None:
    response = await client.get("/.well-known/api-catalog")
    assert response.headers["content-type"].startswith("application/linkset+json")
    (entry,) = response.json()["linkset"]
    assert entry["anchor"] == "http://127.0.0.1:8000/v1"
    for relation in ("service-desc", "service-doc", "status"):
        target = await client.get(entry[relation][0]["href"])
        assert target.status_code == 200
        assert target.headers["content-type"].startswith(entry[relation][0]["type"])


async def test_robots_and_metrics(client: AsyncClient) -> None:
    assert "Disallow: /v1/" in (await client.get("/robots.txt")).text
    await client.get("/v1/practices/1")
    metrics = (await client.get("/metrics")).text
    assert 'http_request_duration_seconds_count{method="GET",route="/v1/practices/{id}",status="404"}' in metrics
    assert "/v1/practices/1" not in metrics


async def test_health(client: AsyncClient) -> None:
    live, ready = await client.get("/livez"), await client.get("/readyz")
    assert (live.json(), ready.status_code) == ({"status": "ok"}, 200)
    assert ready.json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "worker": "off", "webhooks": "off"},
    }
    assert live.headers["cache-control"] == ready.headers["cache-control"] == "no-store"


async def test_problem_examples_are_json(client: AsyncClient) -> None:
    page = (await client.get("/problems/not-found")).text
    (example,) = re.findall(r"<pre[^>]*>(?:<code[^>]*>)?(\{.*?\})", page, re.DOTALL)
    assert json.loads(example.replace("&quot;", '"'))["status"] == 404
