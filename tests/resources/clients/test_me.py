"""GET /v1/me."""

from datetime import UTC, datetime, timedelta

import pytest
from httpx import ASGITransport, AsyncClient

from app.config import Settings
from app.database import Database
from app.main import create_app
from tests.conftest import Token


@pytest.mark.parametrize(
    ("organization", "kind", "name", "networks"),
    [
        ("city:ca-montreal", "city", "Montreal", ["icc", "mmc"]),
        ("network:mmc", "network", "Mayors Migration Council", ["mmc"]),
        ("operator", "operator", "The operator of this exchange", []),
    ],
)
async def test_who_am_i(
    client: AsyncClient, token: Token, organization: str, kind: str, name: str, networks: list[str]
) -> None:
    answer = await client.get("/v1/me", headers=await token(organization, "exchanges:read"))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-cache"
    me = answer.json()
    assert (me["organization"], me["kind"], me["name"]) == (organization, kind, name)
    assert me["scopes"] == ["exchanges:read"]
    assert me["networks"] == networks
    assert me["limits"] is None
    left = datetime.fromisoformat(me["token_expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)


async def test_limits_are_told_where_there_are_any(database: Database, settings: Settings, token: Token) -> None:
    limited = create_app(database, settings.model_copy(update={"rate_limit": "on", "rate_limit_client": 77}))
    async with (
        limited.router.lifespan_context(limited),
        AsyncClient(transport=ASGITransport(limited), base_url="http://127.0.0.1:8000") as asking,
    ):
        answer = await asking.get("/v1/me", headers=await token("city:ca-montreal"))
    assert answer.json()["limits"] == {"policy": "client", "quota": 77, "window_seconds": 60}
    assert answer.headers["ratelimit-policy"] == '"client";q=77;w=60'


async def test_it_needs_a_token(client: AsyncClient) -> None:
    answer = await client.get("/v1/me")
    assert answer.status_code == 401
    assert "resource_metadata=" in answer.headers["www-authenticate"]
