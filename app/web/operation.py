"""What keeps the service running and findable: health, metrics, documentation pages, well-known files.

These are plain routes: they take no token, count against no limit, and `/livez` never asks the database.
"""

import asyncio
import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.caller import SCOPES
from app.config import settings
from app.database import UNREACHABLE
from app.errors import CATALOGUE, NotFound, Problem
from app.schema import is_current
from app.web import pages
from app.web.addresses import base_url
from app.web.etags import candidates, of_body
from app.web.services import Services

SHORT = "public, max-age=300"
LONG = "public, max-age=86400"
READY_WITHIN = 2.0


async def livez(_: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(request: Request) -> Response:
    """Whether requests should be sent here: the database answers, its schema fits, worker and webhooks are alive."""
    services: Services = request.app.state.services
    database, migrations = await _database_checks(services)
    tasks = {"worker": _alive(services.worker), "webhooks": _alive(services.sender)}
    checks = {"database": database, "migrations": migrations, **tasks}
    if services.draining:
        checks["process"] = "draining"
    ready = all(check in {"ok", "off"} for check in checks.values())
    status = 200 if ready else 503
    document = {"status": "ok" if ready else "unavailable", "checks": checks}
    return JSONResponse(document, status, headers={"Cache-Control": "no-store"})


def _alive(task: asyncio.Task[None] | None) -> str:
    return "off" if task is None else "failed" if task.done() else "ok"


async def _database_checks(services: Services) -> tuple[str, str]:
    try:
        async with asyncio.timeout(READY_WITHIN), services.database.connection() as connection:
            return "ok", "ok" if await is_current(connection) else "pending"
    except (*UNREACHABLE, asyncpg.PostgresError, Problem):
        return "unreachable", "unknown"


async def metrics(_: Request) -> Response:
    """Prometheus metrics; of all workers where there are several."""
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the package is untyped here
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def openapi(request: Request) -> Response:
    """The contract."""
    if not hasattr(request.app.state, "openapi"):
        # It takes a second to make; whoever asks meanwhile is served, and gets the same one.
        making = asyncio.to_thread(_openapi_bytes, request.app)
        request.app.state.openapi = asyncio.create_task(making)
    body: bytes = await asyncio.shield(request.app.state.openapi)
    headers = {"ETag": of_body(body), "Cache-Control": SHORT}
    if headers["ETag"] in candidates(request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def _openapi_bytes(app: FastAPI) -> bytes:
    return json.dumps(_placed(app.openapi()), ensure_ascii=False, separators=(",", ":")).encode()


def _placed(document: dict[str, Any]) -> dict[str, Any]:
    """The document for where the service is seen: under PX_PUBLIC_URL's path, if that has one."""
    if not (root := urlsplit(settings().public_url or "").path):
        return document
    flow = {"tokenUrl": f"{root}/oauth/token", "scopes": SCOPES}
    schemes = {**document["components"]["securitySchemes"]}
    schemes["client"] = {**schemes["client"], "flows": {"clientCredentials": flow}}
    components = {**document["components"], "securitySchemes": schemes}
    return {**document, "servers": [{**document["servers"][0], "url": root}], "components": components}


async def docs(request: Request) -> Response:
    """Swagger UI, from our own files."""
    return _html(pages.docs_page(base_url(request.scope)))


async def redoc(request: Request) -> Response:
    """ReDoc, from our own files."""
    return _html(pages.redoc_page(base_url(request.scope)), pages.REDOC_CONTENT_SECURITY_POLICY)


async def asset(request: Request) -> Response:
    """A file that the pages need."""
    name = request.path_params["name"]
    if name not in pages.ASSETS:
        raise NotFound("There is no such file.")
    body, tag = _asset(name)
    headers = {"ETag": tag, "Cache-Control": LONG}
    if tag in candidates(request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=pages.ASSETS[name])


@cache
def _asset(name: str) -> tuple[bytes, str]:
    body = (files("app.web") / "assets" / name).read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:24]}"'


async def problem_index(request: Request) -> Response:
    """All kinds of problems."""
    rows = [pages.ProblemRow(kind.slug, kind.title, kind.status) for kind in CATALOGUE.values()]
    return _html(pages.problem_index_page(base_url(request.scope), sorted(rows, key=lambda row: row.status)))


async def problem(request: Request) -> Response:
    """What a problem's `type` leads to."""
    kind = CATALOGUE.get(request.path_params["slug"])
    if kind is None:
        raise NotFound("There is no such kind of problem.")
    root = base_url(request.scope)
    example = {
        "type": f"{root}/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": "…",
        "instance": "urn:request:0f8fad5bd9cb469fa16570867728950e",
    }
    text = json.dumps(example, indent=2, ensure_ascii=False)
    return _html(pages.problem_page(root, kind.slug, kind.title, kind.status, kind.explanation, text))


async def security_txt(request: Request) -> Response:
    """Where to report a security problem (RFC 9116)."""
    contact = request.app.state.services.settings.contact
    expires = (datetime.now(UTC) + timedelta(days=180)).strftime("%Y-%m-%dT00:00:00Z")
    root = base_url(request.scope)
    text = f"Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en\n"
    return PlainTextResponse(f"{text}Canonical: {root}/.well-known/security.txt\n", headers={"Cache-Control": SHORT})


async def api_catalog(request: Request) -> Response:
    """The API and its descriptions as a linkset (RFC 9727, RFC 9264)."""
    root = base_url(request.scope)
    linkset = [
        {
            "anchor": f"{root}/v1",
            "service-desc": [{"href": f"{root}/openapi.json", "type": "application/json"}],
            "service-doc": [{"href": f"{root}/docs", "type": "text/html"}],
            "status": [{"href": f"{root}/readyz", "type": "application/json"}],
        }
    ]
    headers = {"Content-Type": "application/linkset+json", "Cache-Control": SHORT}
    return Response(json.dumps({"linkset": linkset}), headers=headers)


async def robots(_: Request) -> Response:
    """Pages for people may be indexed; the API need not be crawled."""
    return PlainTextResponse("User-agent: *\nDisallow: /v1/\nDisallow: /oauth/\n", headers={"Cache-Control": LONG})


async def favicon(_: Request) -> Response:
    """The sign in the browser's tab, where browsers ask for it unasked."""
    body, tag = _asset("favicon.svg")
    return Response(body, headers={"ETag": tag, "Cache-Control": LONG}, media_type="image/svg+xml")


def _html(text: str, policy: str = pages.CONTENT_SECURITY_POLICY) -> Response:
    return HTMLResponse(text, headers={"Content-Security-Policy": policy, "Cache-Control": SHORT})


ROUTES = [
    Route("/livez", livez),
    Route("/readyz", readyz),
    Route("/metrics", metrics),
    Route("/openapi.json", openapi),
    Route("/docs", docs),
    Route("/redoc", redoc),
    Route("/assets/{name}", asset),
    Route("/problems", problem_index),
    Route("/problems/{slug}", problem),
    Route("/.well-known/security.txt", security_txt),
    Route("/.well-known/api-catalog", api_catalog),
    Route("/robots.txt", robots),
    Route("/favicon.ico", favicon),
]
