"""The well-known documents: RFC 8414, RFC 9728, RFC 7517."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.caller import SCOPES
from app.config import settings as environment
from app.database import Database
from app.keys import KeyRing, rotate_keys
from app.signing import sign
from tests.factories import claims_of, make_client

SERVER = "/.well-known/oauth-authorization-server"
RESOURCE = "/.well-known/oauth-protected-resource"
KEYS = "/.well-known/jwks.json"


async def test_where_the_token_endpoints_are(client: AsyncClient, database: Database) -> None:
    metadata = (await client.get(SERVER)).json()
    assert metadata["issuer"] == "http://127.0.0.1:8000"
    assert metadata["response_types_supported"] == []
    assert metadata["grant_types_supported"] == ["client_credentials"]
    assert metadata["scopes_supported"] == list(SCOPES)
    auth = await make_client(database, "city:ca-montreal")
    form = {"grant_type": "client_credentials"}
    token = (await client.post(metadata["token_endpoint"], data=form, auth=auth)).json()["access_token"]
    for endpoint in ("introspection_endpoint", "revocation_endpoint"):
        assert (await client.post(metadata[endpoint], data={"token": token}, auth=auth)).status_code == 200
    assert (await client.get(metadata["jwks_uri"])).status_code == 200


async def test_a_refused_caller_finds_its_way_to_the_token_endpoint(client: AsyncClient) -> None:
    challenge = (await client.get("/v1/me")).headers["www-authenticate"]
    address = challenge.partition('resource_metadata="')[2].rstrip('"')
    resource = (await client.get(address)).json()
    assert address == resource["resource"] + RESOURCE
    assert resource["bearer_methods_supported"] == ["header"]
    server = await client.get(resource["authorization_servers"][0] + SERVER)
    assert server.json()["issuer"] == resource["authorization_servers"][0]


async def test_the_public_address_is_the_issuer(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PX_PUBLIC_URL", "https://exchange.example/api")
    environment.cache_clear()
    try:
        metadata = (await client.get(SERVER)).json()
    finally:
        monkeypatch.undo()
        environment.cache_clear()
    assert metadata["issuer"] == "https://exchange.example/api"
    assert metadata["token_endpoint"] == "https://exchange.example/api/oauth/token"


@pytest.mark.parametrize("path", [SERVER, RESOURCE, KEYS])
async def test_they_are_public_and_cached(client: AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert (await client.get(path, params={"a": "b"})).status_code == 400
    assert (await client.post(path)).status_code == 405


async def test_the_keys(client: AsyncClient, database: Database) -> None:
    answer = await client.get(KEYS)
    assert answer.headers["content-type"] == "application/jwk-set+json"
    (key,) = answer.json()["keys"]
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert key["kid"] == (await KeyRing(database).signing_key()).kid


async def test_keys_rotate_without_an_outage(client: AsyncClient, app: FastAPI, database: Database) -> None:
    client_id, _ = await make_client(database, "city:ca-montreal")
    old = await KeyRing(database).signing_key()
    new = await rotate_keys(database)
    app.state.services.keys._loaded -= 2  # noqa: SLF001 - the clock is not ours to turn
    shown = (await client.get(KEYS)).json()["keys"]
    assert [key["kid"] for key in shown] == [old.kid, new]
    assert (await KeyRing(database).signing_key()).kid == old.kid
    await database.execute("UPDATE signing_key SET signs_from = now() WHERE kid = $1", new)
    signing = await KeyRing(database).signing_key()
    assert signing.kid == new
    for key in (old, signing):
        token = sign(key, claims_of(client_id, ["exchanges:read"]))
        assert (await client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code == 200


async def test_a_process_takes_a_key_that_it_has_not_heard_of(
    client: AsyncClient, app: FastAPI, database: Database
) -> None:
    client_id, _ = await make_client(database, "city:ca-montreal")
    await client.get(KEYS)
    new = await rotate_keys(database)
    await database.execute("UPDATE signing_key SET signs_from = now() WHERE kid = $1", new)
    token = sign(await KeyRing(database).signing_key(), claims_of(client_id, ["exchanges:read"]))
    app.state.services.keys._loaded -= 2  # noqa: SLF001 - the clock is not ours to turn
    assert (await client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code == 200
