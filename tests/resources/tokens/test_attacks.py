"""Tokens that are not what they should be: 401 each time, with the way to a good one."""

import base64
import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from fastapi import FastAPI
from httpx import AsyncClient, Response
from jose import jws

from app.config import settings as environment
from app.database import Database
from app.keys import KeyRing
from app.signing import SigningKey, new_key, sign
from tests.factories import claims_of, make_client

CITY = "city:ca-montreal"
NOW = int(time.time())


@pytest.fixture
async def key(app: FastAPI, database: Database) -> SigningKey:
    """The key that signs, which an attacker has not; `app` has made it."""
    assert app.state.services
    return await KeyRing(database).signing_key()


@pytest.fixture
async def client_id(database: Database) -> str:
    return (await make_client(database, CITY))[0]


async def ask(client: AsyncClient, token: str | bytes) -> Response:
    raw = token.encode() if isinstance(token, str) else token
    return await client.get("/v1/me", headers=httpx.Headers([(b"Authorization", b"Bearer " + raw)]))


def check_refused(response: Response) -> None:
    assert response.status_code == 401, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"].startswith('Bearer realm="practice-exchange", error="invalid_token"')
    assert response.headers["cache-control"] == "no-store"
    assert "Traceback" not in response.text


def b64(value: bytes | dict[str, Any]) -> str:
    raw = json.dumps(value).encode() if isinstance(value, dict) else value
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(key: SigningKey, header: bytes | dict[str, Any], payload: bytes | dict[str, Any]) -> str:
    """A token with a right signature over whatever header and payload."""
    text = f"{b64(header)}.{b64(payload)}"
    pair = load_pem_private_key(key.private_pem.encode(), None)
    assert isinstance(pair, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(pair.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{b64(r.to_bytes(32) + s.to_bytes(32))}"


def header_of(key: SigningKey, **changes: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in {"alg": "ES256", "typ": "at+jwt", "kid": key.kid, **changes}.items()
        if value is not ...
    }


async def test_the_good_one(client: AsyncClient, key: SigningKey, client_id: str) -> None:
    assert (await ask(client, sign(key, claims_of(client_id, [])))).status_code == 200
    assert (await ask(client, signed(key, header_of(key), claims_of(client_id, [])))).status_code == 200


CLAIMS: list[dict[str, Any]] = [
    {"aud": ...}, {"aud": None}, {"aud": ""}, {"aud": "another"}, {"aud": ["practice-exchange"]},
    {"aud": ["practice-exchange", "another"]}, {"aud": {"practice-exchange": 1}}, {"aud": "Practice-Exchange"},
    {"iss": ...}, {"iss": None}, {"iss": ""}, {"iss": "https://evil.example"}, {"iss": ["http://127.0.0.1:8000"]},
    {"iss": "http://127.0.0.1:8000@evil.example"}, {"iss": "http://127.0.0.1.evil.example"},
    {"iss": "http://127.0.0.1:8000\n"},
    {"exp": ...}, {"exp": None}, {"exp": True}, {"exp": NOW + 600.0}, {"exp": str(NOW + 600)}, {"exp": []},
    {"exp": NOW - 1}, {"exp": 0}, {"exp": -1}, {"exp": NOW + 100_000}, {"exp": 10**400}, {"exp": float("inf")},
    {"exp": float("nan")},
    {"nbf": ...}, {"nbf": None}, {"nbf": NOW + 100_000}, {"nbf": float("-inf")}, {"nbf": False}, {"nbf": 10**400},
    {"iat": ...}, {"iat": None}, {"iat": NOW + 100_000}, {"iat": 0}, {"iat": True}, {"iat": 1.5},
    {"iat": -(10**400)},
    {"sub": ...}, {"sub": None}, {"sub": "px_other"}, {"sub": 1}, {"sub": ""},
    {"client_id": ...}, {"client_id": "px_other"}, {"client_id": None},
    {"sub": "px_none", "client_id": "px_none"}, {"sub": "px_\0", "client_id": "px_\0"},
    {"sub": "\ud800", "client_id": "\ud800"}, {"sub": ["a"], "client_id": ["a"]},
    {"scope": ...}, {"scope": None}, {"scope": ["operator"]}, {"scope": {"operator": True}},
    {"jti": ...}, {"jti": None}, {"jti": 1}, {"jti": "not-a-uuid"}, {"jti": ""},
]  # fmt: skip


async def test_claims(client: AsyncClient, key: SigningKey, client_id: str, subtests: pytest.Subtests) -> None:
    for changes in CLAIMS:
        with subtests.test(str(changes)):
            changed = {**claims_of(client_id, []), **changes}
            claims = {name: value for name, value in changed.items() if value is not ...}
            check_refused(await ask(client, sign(key, claims)))


HEADERS: list[dict[str, Any]] = [
    {"typ": ...}, {"typ": "JWT"}, {"typ": "at+JWT"}, {"typ": None}, {"typ": ["at+jwt"]},
    {"alg": ...}, {"alg": "none"}, {"alg": "None"}, {"alg": ""}, {"alg": "HS256"}, {"alg": "ES384"},
    {"alg": ["ES256"]}, {"alg": None},
    {"kid": ...}, {"kid": None}, {"kid": 1}, {"kid": "unknown"}, {"kid": ""}, {"kid": ["a"]}, {"kid": {"a": 1}},
    {"kid": "../../etc/passwd"}, {"kid": "' OR 1=1 --"}, {"kid": "\0"}, {"kid": "k" * 3000},
    {"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"cty": "JWT"},
    {"jku": "https://evil.example/jwks.json"}, {"x5u": "https://evil.example/cert"}, {"x5c": ["MII"]},
    {"zip": "DEF"}, {"enc": "A256GCM"},
]  # fmt: skip


async def test_headers(client: AsyncClient, key: SigningKey, client_id: str, subtests: pytest.Subtests) -> None:
    for changes in HEADERS:
        with subtests.test(str(changes)):
            check_refused(await ask(client, signed(key, header_of(key, **changes), claims_of(client_id, []))))


async def test_a_foreign_key(client: AsyncClient, key: SigningKey, client_id: str) -> None:
    foreign, claims = new_key(), claims_of(client_id, [])
    check_refused(await ask(client, sign(foreign, claims)))
    check_refused(await ask(client, signed(foreign, header_of(key), claims)))
    brought = header_of(key, jwk=dict(foreign.public_jwk))
    check_refused(await ask(client, signed(foreign, brought, claims)))
    check_refused(await ask(client, signed(foreign, header_of(foreign, jwk=dict(foreign.public_jwk)), claims)))


async def test_no_signature(client: AsyncClient, key: SigningKey, client_id: str) -> None:
    for alg in ("none", "None", "NONE", "nOnE", "ES256"):
        text = f"{b64(header_of(key, alg=alg))}.{b64(claims_of(client_id, []))}"
        for token in (text, f"{text}.", f"{text}.AA", f"{text}.{'A' * 86}"):
            check_refused(await ask(client, token))


PUBLIC_FORMS: list[Callable[[ec.EllipticCurvePublicKey], bytes]] = [
    lambda key: key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    lambda key: key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).strip(),
    lambda key: key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    lambda key: key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
]


async def test_the_public_key_is_no_shared_secret(client: AsyncClient, key: SigningKey, client_id: str) -> None:
    pair = load_pem_private_key(key.private_pem.encode(), None)
    assert isinstance(pair, ec.EllipticCurvePrivateKey)
    secrets = [form(pair.public_key()) for form in PUBLIC_FORMS]
    for alg, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512"), ("ES256", "sha256")):
        text = f"{b64(header_of(key, alg=alg))}.{b64(claims_of(client_id, []))}"
        for secret in [*secrets, json.dumps(dict(key.public_jwk)).encode(), key.kid.encode(), b""]:
            mac = hmac.new(secret, text.encode(), digest).digest()
            check_refused(await ask(client, f"{text}.{b64(mac)}"))


async def test_another_algorithm(client: AsyncClient, key: SigningKey, client_id: str) -> None:
    pem = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    headers = {"typ": "at+jwt", "kid": key.kid}
    check_refused(await ask(client, jws.sign(claims_of(client_id, []), pem.decode(), headers, "RS256")))
    check_refused(await ask(client, jws.sign(claims_of(client_id, []), "secret", headers, "HS256")))


async def test_an_altered_token(client: AsyncClient, key: SigningKey, client_id: str) -> None:
    token = sign(key, claims_of(client_id, ["exchanges:read"]))
    header, payload, signature = token.split(".")
    better = b64(claims_of(client_id, ["operator"]))
    other = sign(key, claims_of(client_id, [])).split(".")[2]
    zeros, order = "A" * 86, b64(bytes.fromhex("ff" * 64))
    for altered in (
        f"{header}.{better}.{signature}", f"{header}.{payload}.{other}", f"{header}.{payload}.{zeros}",
        f"{header}.{payload}.{order}", f"{header}.{payload}.{signature[:-4]}", f"{header}.{payload}.{signature}A",
        f"{payload}.{header}.{signature}", f"{header}.{payload}", f"{header}..{signature}", f".{payload}.{signature}",
        f"{token}.{signature}", f"{header}.{payload}.{payload}.{signature}", token.swapcase(),
    ):  # fmt: skip
        check_refused(await ask(client, altered))


async def test_a_token_has_one_spelling(client: AsyncClient, key: SigningKey, client_id: str) -> None:
    token = sign(key, claims_of(client_id, []))
    header, payload, signature = token.split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    idle = last[last.index(signature[-1]) + 1]
    for spelt in (
        f"{header}.{payload}.{signature[:40]} {signature[40:]}",
        f"{header}.{payload}.{signature[:40]}\t{signature[40:]}",
        f"{header}. {payload}.{signature}", f"{token}==", f"{token}=", f"{token}.", f".{token}", f"{token} x",
        f"{token},{token}", f'"{token}"', f"{token}!", f"{header}.{payload}.{signature[:40]}*{signature[40:]}",
        f"{header}.{payload}.{signature[:-1]}{idle}", f"{header}=.{payload}.{signature}",
    ):  # fmt: skip
        check_refused(await ask(client, spelt))
    for raw in (b"\xa0" + token.encode(), token.encode() + b"\x85", token.encode() + b"\xc2\xa0"):
        check_refused(await ask(client, raw))


JUNK: list[str | bytes] = [
    "", ".", "..", "...", "a.b.c", "null", "e30.e30.e30", "undefined", "[]", "{}", b"\xff\xfe", b"\xf0\x9f\x92\xa9",
    "A" * 8000, "A" * 20_000, "." * 8000, b64(b"[]") + ".e30." + "A" * 86, b64(b"null") + ".e30." + "A" * 86,
    b64(b"[" * 5000) + ".e30." + "A" * 86, b64(b'{"alg":' * 800) + ".e30." + "A" * 86,
    b64(b'{"alg":"ES256","typ":"at+jwt","kid":"\xff"}') + ".e30." + "A" * 86,
    b64(b'{"alg":"ES256","typ":"at+jwt","kid":"\\ud800"}') + ".e30." + "A" * 86,
]  # fmt: skip


async def test_junk(client: AsyncClient, subtests: pytest.Subtests) -> None:
    for token in JUNK:
        with subtests.test(repr(token[:40])):
            check_refused(await ask(client, token))


PAYLOADS = [b"", b"null", b"[]", b"1", b'"x"', b"{", b"{}", b"\xff", b"[" * 4000, b'{"exp": 1e999}', b'{"a":' * 900]


async def test_a_payload_of_ours_that_is_no_set_of_claims(
    client: AsyncClient, key: SigningKey, subtests: pytest.Subtests
) -> None:
    for payload in PAYLOADS:
        with subtests.test(repr(payload[:40])):
            check_refused(await ask(client, signed(key, header_of(key), payload)))


async def test_a_token_that_is_too_long(client: AsyncClient, key: SigningKey, client_id: str) -> None:
    check_refused(await ask(client, sign(key, claims_of(client_id, [], padding="x" * 8000))))


async def test_the_scopes_of_a_token_are_never_more_than_the_clients(
    client: AsyncClient, key: SigningKey, database: Database
) -> None:
    client_id, _ = await make_client(database, CITY, ["exchanges:read"])
    answer = await ask(client, sign(key, claims_of(client_id, ["exchanges:read", "operator", "practices:write"])))
    assert answer.json()["scopes"] == ["exchanges:read"]


async def test_a_token_that_was_used_already_still_ends(client: AsyncClient, key: SigningKey, client_id: str) -> None:
    now = int(time.time())
    token = sign(key, claims_of(client_id, [], iat=now - 600, nbf=now - 600, exp=now + 2))
    assert (await ask(client, token)).status_code == 200
    await anyio.sleep(now + 2 - time.time())
    check_refused(await ask(client, token))


async def gone(client: AsyncClient, token: str) -> bool:
    """Whether a token that was good is refused within 5 seconds."""
    start = time.monotonic()
    while time.monotonic() - start < 5:
        if (await ask(client, token)).status_code == 401:
            return True
        await anyio.sleep(0.1)
    return False


async def test_a_revoked_client(client: AsyncClient, key: SigningKey, client_id: str, database: Database) -> None:
    token = sign(key, claims_of(client_id, []))
    assert (await ask(client, token)).status_code == 200
    await database.execute("UPDATE client SET revoked_at = now() WHERE id = $1", client_id)
    check_refused(await ask(client, sign(key, claims_of(client_id, []))))
    assert await gone(client, token)


async def test_a_revoked_token(client: AsyncClient, key: SigningKey, client_id: str, database: Database) -> None:
    jti = uuid.uuid4()
    token = sign(key, claims_of(client_id, [], jti=str(jti)))
    await database.execute("INSERT INTO revoked_token VALUES ($1, now() + interval '1 hour')", jti)
    check_refused(await ask(client, token))
    # However its id is written, it is the same one.
    for spelling in (str(jti).upper(), jti.hex, jti.urn, f"{{{jti}}}"):
        check_refused(await ask(client, sign(key, claims_of(client_id, [], jti=spelling))))


@pytest.mark.parametrize("change", ["DELETE FROM signing_key", "UPDATE signing_key SET verifies_until = now()"])
async def test_a_token_of_a_key_that_is_gone(
    client: AsyncClient, key: SigningKey, client_id: str, database: Database, change: str
) -> None:
    token = sign(key, claims_of(client_id, []))
    assert (await ask(client, token)).status_code == 200
    await database.execute(change)
    # This process still knows the key, and takes no new token of it all the same.
    check_refused(await ask(client, sign(key, claims_of(client_id, []))))
    assert await gone(client, token)


async def test_a_token_of_another_exchange(
    client: AsyncClient, key: SigningKey, client_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PX_PUBLIC_URL", "https://exchange.example")
    environment.cache_clear()
    try:
        good = await ask(client, sign(key, claims_of(client_id, [], iss="https://exchange.example")))
        assert good.status_code == 200
        for issuer in ("http://127.0.0.1:8000", "https://exchange.example/", "https://exchange.example.evil.example"):
            check_refused(await ask(client, sign(key, claims_of(client_id, [], iss=issuer))))
    finally:
        monkeypatch.undo()
        environment.cache_clear()


async def test_what_is_no_bearer_token(client: AsyncClient) -> None:
    for header in ("", "Bearer", "Basic YTpi", "Token x", "bearer", "Negotiate"):
        # Nor is it taken for no token at all where none is needed.
        for path in ("/v1/me", "/v1/practices"):
            answer = await client.get(path, headers={"Authorization": header})
            assert answer.status_code == 401
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["www-authenticate"].startswith("Bearer ")


async def test_two_tokens(client: AsyncClient, key: SigningKey, client_id: str) -> None:
    good = f"Bearer {sign(key, claims_of(client_id, []))}"
    for pair in ((good, good), (good, "Bearer x"), ("Bearer x", good)):
        headers = httpx.Headers([("Authorization", value) for value in pair])
        assert (await client.get("/v1/me", headers=headers)).status_code == 401


async def test_a_token_in_the_address_or_a_cookie_is_none(client: AsyncClient, key: SigningKey, client_id: str) -> None:
    token = sign(key, claims_of(client_id, []))
    assert (await client.get("/v1/me", params={"access_token": token})).status_code == 401
    assert (await client.get("/v1/me", headers={"Cookie": f"access_token={token}"})).status_code == 401
