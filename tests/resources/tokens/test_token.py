"""POST /oauth/token."""

import base64
import time
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from jose import jwt

from app.config import Settings
from app.database import Database
from app.main import create_app
from tests.factories import make_client

PATH = "/oauth/token"
CITY = "city:ca-montreal"
GRANT = {"grant_type": "client_credentials"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def check_error(response: Response, status: int, error: str) -> None:
    assert (response.status_code, response.json()["error"]) == (status, error), response.text
    assert set(response.json()) == {"error", "error_description"}
    assert response.json()["error_description"].isascii()
    assert '"' not in response.json()["error_description"]
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["pragma"] == "no-cache"
    assert response.headers.get("www-authenticate", "").startswith("Basic ") == (status == 401)


async def test_by_basic(client: AsyncClient, database: Database) -> None:
    client_id, secret = await make_client(database, CITY)
    answer = await client.post(PATH, data=GRANT, auth=(client_id, secret))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    me = await client.get("/v1/me", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert " ".join(me.json()["scopes"]) == body["scope"]


async def test_by_form(client: AsyncClient, database: Database) -> None:
    client_id, secret = await make_client(database, CITY)
    form = {**GRANT, "client_id": client_id, "client_secret": secret, "unknown": "ignored", "scope": ""}
    assert (await client.post(PATH, data=form)).status_code == 200


async def test_the_parts_of_basic_are_form_encoded(client: AsyncClient, database: Database) -> None:
    client_id, secret = await make_client(database, CITY)
    encoded = "".join(f"%{ord(character):02x}" for character in secret)
    for header in (basic(quote_plus(client_id), encoded), basic(client_id, secret).replace("Basic", "basic")):
        answer = await client.post(PATH, data=GRANT, headers={"Authorization": header})
        assert answer.status_code == 200


async def test_the_token_is_what_rfc_9068_says(client: AsyncClient, database: Database) -> None:
    client_id, secret = await make_client(database, CITY)
    token = (await client.post(PATH, data=GRANT, auth=(client_id, secret))).json()["access_token"]
    header = jwt.get_unverified_header(token)
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    keys = (await client.get("/.well-known/jwks.json")).json()["keys"]
    key = next(key for key in keys if key["kid"] == header["kid"])
    claims = jwt.decode(token, key, algorithms=["ES256"], audience="practice-exchange")
    assert set(claims) == {"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "scope"}
    assert claims["iss"] == "http://127.0.0.1:8000"
    assert claims["sub"] == claims["client_id"] == client_id
    assert claims["exp"] - claims["iat"] == 900
    assert abs(claims["iat"] - time.time()) < 5


async def test_each_token_is_another(client: AsyncClient, database: Database) -> None:
    auth = await make_client(database, CITY)
    tokens = {(await client.post(PATH, data=GRANT, auth=auth)).json()["access_token"] for _ in range(3)}
    assert len(tokens) == 3


async def test_fewer_scopes_on_request(client: AsyncClient, database: Database) -> None:
    auth = await make_client(database, CITY, ["audit:read", "exchanges:read", "practices:write"])
    answer = await client.post(PATH, data={**GRANT, "scope": "practices:write audit:read"}, auth=auth)
    assert answer.json()["scope"] == "audit:read practices:write"
    for scope in ("practices:write operator", "everything", "practices:write  audit:read", "practices:write\tx", "é"):
        answer = await client.post(PATH, data={**GRANT, "scope": scope}, auth=auth)
        check_error(answer, 400, "invalid_scope")


async def test_the_last_use_is_recorded(client: AsyncClient, database: Database) -> None:
    client_id, secret = await make_client(database, CITY)
    query = "SELECT last_used_at FROM client WHERE id = $1"
    await client.post(PATH, data=GRANT, auth=(client_id, "wrong"))
    assert await database.value(query, client_id) is None
    await client.post(PATH, data=GRANT, auth=(client_id, secret))
    first = await database.value(query, client_id)
    assert first is not None
    await database.execute("UPDATE client SET last_used_at = now() - interval '1 hour' WHERE id = $1", client_id)
    await client.post(PATH, data=GRANT, auth=(client_id, secret))
    assert await database.value(query, client_id) >= first


async def test_there_is_no_other_grant(client: AsyncClient, database: Database) -> None:
    auth = await make_client(database, CITY)
    for grant in ("password", "authorization_code", "refresh_token", "urn:x", "CLIENT_CREDENTIALS"):
        check_error(await client.post(PATH, data={"grant_type": grant}, auth=auth), 400, "unsupported_grant_type")


async def test_without_a_grant(client: AsyncClient, database: Database) -> None:
    check_error(
        await client.post(PATH, data={"a": "b"}, auth=await make_client(database, CITY)), 400, "invalid_request"
    )


async def test_wrong_credentials_are_told_apart_by_nothing(client: AsyncClient, database: Database) -> None:
    client_id, secret = await make_client(database, CITY)
    revoked = await make_client(database, CITY)
    await database.execute("UPDATE client SET revoked_at = now() WHERE id = $1", revoked[0])
    expired = await make_client(database, CITY)
    await database.execute("UPDATE client SET secret_expires_at = now() WHERE id = $1", expired[0])
    wrong = [(client_id, "wrong"), ("px_none", secret), revoked, expired, (client_id.upper(), secret), ("x" * 500, "y")]
    texts = set()
    for auth in wrong:
        answer = await client.post(PATH, data=GRANT, auth=auth)
        check_error(answer, 401, "invalid_client")
        texts.add(answer.text)
    assert len(texts) == 1


UNREADABLE = [
    "", "Basic", "Basic ", "Basic !!!", "Basic YWJj", "Basic /w==", "Basic Ojo=", "Basic OnB3", "Basic cHhfOg==",
    "Bearer abc", "Digest x", basic("a\0b", "c"), basic("%00", "c"), basic("%ff", "%ff"),
]  # fmt: skip


async def test_credentials_that_cannot_be_read(client: AsyncClient, subtests: pytest.Subtests) -> None:
    for header in UNREADABLE:
        with subtests.test(header):
            answer = await client.post(PATH, data=GRANT, headers={"Authorization": header})
            check_error(answer, 401, "invalid_client")


async def test_no_credentials(client: AsyncClient) -> None:
    check_error(await client.post(PATH, data=GRANT), 401, "invalid_client")
    check_error(await client.post(PATH, data={**GRANT, "client_id": "px_a"}), 401, "invalid_client")


async def test_one_way_to_authenticate(client: AsyncClient, database: Database) -> None:
    client_id, secret = await make_client(database, CITY)
    auth = (client_id, secret)
    both = {**GRANT, "client_id": client_id, "client_secret": secret}
    check_error(await client.post(PATH, data=both, auth=auth), 400, "invalid_request")
    check_error(await client.post(PATH, data={**GRANT, "client_id": "px_other"}, auth=auth), 400, "invalid_request")
    assert (await client.post(PATH, data={**GRANT, "client_id": client_id}, auth=auth)).status_code == 200
    twice = httpx.Headers([("Authorization", basic(*auth)), ("Authorization", basic(*auth))])
    check_error(await client.post(PATH, data=GRANT, headers=twice), 400, "invalid_request")


MALFORMED = [
    (b'{"grant_type": "client_credentials"}', "application/json"),
    (b"grant_type=client_credentials", "text/plain"),
    (b"grant_type=client_credentials", "application/x-www-form-urlencoded; charset=latin-1"),
    (b"grant_type=client_credentials&grant_type=client_credentials", FORM["Content-Type"]),
    (b"grant_type=client_credentials&scope=a&scope=b", FORM["Content-Type"]),
    (b"grant_type=client_credentials&x=&x=", FORM["Content-Type"]),
    (b"grant_type=%ff", FORM["Content-Type"]),
    (b"grant_type=\xff", FORM["Content-Type"]),
    (b"", FORM["Content-Type"]),
    (b"a=b&" * 100, FORM["Content-Type"]),
]


async def test_malformed(client: AsyncClient, database: Database, subtests: pytest.Subtests) -> None:
    auth = await make_client(database, CITY)
    for body, media_type in MALFORMED:
        with subtests.test(f"{media_type} {body[:40]!r}"):
            answer = await client.post(PATH, content=body, headers={"Content-Type": media_type}, auth=auth)
            check_error(answer, 400, "invalid_request")


async def test_no_media_type(client: AsyncClient, database: Database) -> None:
    answer = await client.post(PATH, content=b"grant_type=client_credentials", auth=await make_client(database, CITY))
    check_error(answer, 400, "invalid_request")


async def test_nothing_stands_in_the_address(client: AsyncClient, database: Database) -> None:
    client_id, secret = await make_client(database, CITY)
    params = {**GRANT, "client_id": client_id, "client_secret": secret}
    check_error(await client.post(PATH, params=params, data=GRANT), 400, "invalid_request")


async def test_only_post(client: AsyncClient) -> None:
    answer = await client.get(PATH)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_a_body_without_end(client: AsyncClient) -> None:
    async def endless() -> Any:
        while True:
            yield b"x" * 65536

    answer = await client.post(PATH, content=endless(), headers=FORM)
    check_error(answer, 413, "invalid_request")


async def test_a_fault_of_ours_has_this_shape_too(client: AsyncClient, app: FastAPI, database: Database) -> None:
    auth = await make_client(database, CITY)
    assert (await client.post(PATH, data=GRANT, auth=auth)).status_code == 200
    app.state.services.keys._keys.clear()  # noqa: SLF001 - nothing less breaks signing
    answer = await client.post(PATH, data=GRANT, auth=auth)
    check_error(answer, 500, "server_error")


async def test_the_rate_limit_has_this_shape_too(database: Database, settings: Settings) -> None:
    limited = create_app(database, settings.model_copy(update={"rate_limit": "on", "rate_limit_anonymous": 2}))
    auth = await make_client(database, CITY)
    async with (
        limited.router.lifespan_context(limited),
        AsyncClient(transport=httpx.ASGITransport(limited), base_url="http://127.0.0.1:8000") as asking,
    ):
        answers = [await asking.post(PATH, data=GRANT, auth=auth) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    check_error(answers[2], 429, "slow_down")
    assert int(answers[2].headers["retry-after"]) > 0
