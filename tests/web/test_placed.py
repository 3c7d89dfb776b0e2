"""What depends on where and how the service is reached: a path in front of it, and too many connections."""

import pytest
from httpx import AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.cli import protocol
from app.config import Settings
from app.web import operation
from tests.partners.exchanges import served


async def test_the_document_says_the_path_that_it_is_served_under(
    bare: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operation, "settings", lambda: Settings(public_url="https://city.example/exchange"))
    document = (await bare.get("/openapi.json")).json()
    assert [server["url"] for server in document["servers"]] == ["/exchange"]
    flow = document["components"]["securitySchemes"]["client"]["flows"]["clientCredentials"]
    assert (flow["tokenUrl"], bool(flow["scopes"])) == ("/exchange/oauth/token", True)


async def _alive(_: Request) -> Response:
    return PlainTextResponse("alive")


async def test_too_many_connections_are_told_as_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Starlette(routes=[Route(path, _alive) for path in ("/livez", "/v1/practices")])
    with served(app, http=protocol.Protocol) as address:
        async with AsyncClient(base_url=address) as client:
            assert (await client.get("/v1/practices")).status_code == 200
            monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 0)
            assert (await client.get("/livez")).text == "alive"
            refused = await client.get("/v1/practices")
    assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
    assert (refused.headers["retry-after"], refused.headers["connection"]) == ("1", "close")
    assert refused.json()["instance"] == f"urn:request:{refused.headers['x-request-id']}"
