"""Keys and tokens, without a server. What a token must not be stands in tests/resources/tokens/test_attacks.py."""

import base64
import hashlib
import json
import time

import pytest
from jose import jwk, jws

from app.signing import InvalidTokenError, header_kid, new_key, sign, verify
from app.web.tokens import AUDIENCE
from tests.factories import claims_of


def test_a_key_shows_its_public_half_only() -> None:
    key = new_key()
    assert set(key.public_jwk) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (key.public_jwk["use"], key.public_jwk["alg"]) == ("sig", "ES256")
    assert "PRIVATE" in key.private_pem
    assert new_key().kid != key.kid


def test_a_kid_is_the_thumbprint_of_rfc_7638() -> None:
    key = new_key()
    members = {name: key.public_jwk[name] for name in ("crv", "kty", "x", "y")}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    assert digest == key.kid == key.public_jwk["kid"]


def test_coordinates_have_their_full_length() -> None:
    # RFC 7518 §6.2.1.2: 32 bytes each, leading zeros kept; one key in 128 has one.
    for _ in range(300):
        public = new_key().public_jwk
        assert (len(public["x"]), len(public["y"])) == (43, 43)


def test_what_was_signed_is_read_again() -> None:
    key, claims = new_key(), claims_of("px_a", ["b", "a"])
    token = sign(key, claims)
    assert header_kid(token) == key.kid
    read = verify(token, key.public_jwk, audience=AUDIENCE, now=time.time())
    assert (read.issuer, read.client_id, read.kid) == (claims["iss"], "px_a", key.kid)
    assert read.scopes == {"a", "b"}
    assert (read.issued_at, read.expires_at, str(read.jti)) == (claims["iat"], claims["exp"], claims["jti"])


def test_a_library_that_is_not_ours_reads_it_too() -> None:
    key, claims = new_key(), claims_of("px_a", [])
    public = jwk.construct(dict(key.public_jwk), "ES256")
    assert json.loads(jws.verify(sign(key, claims), public, ["ES256"])) == claims


@pytest.mark.parametrize(
    ("at", "good"), [(-6, False), (-5, True), (0, True), (599, True), (599.9, True), (600, False), (700, False)]
)
def test_its_time(at: float, *, good: bool) -> None:
    key, now = new_key(), int(time.time())
    token = sign(key, claims_of("px_a", [], iat=now, nbf=now, exp=now + 600))
    if good:
        assert verify(token, key.public_jwk, audience=AUDIENCE, now=now + at).expires_at == now + 600
    else:
        with pytest.raises(InvalidTokenError):
            verify(token, key.public_jwk, audience=AUDIENCE, now=now + at)


def test_another_key_or_audience() -> None:
    key = new_key()
    token = sign(key, claims_of("px_a", []))
    with pytest.raises(InvalidTokenError):
        verify(token, new_key().public_jwk, audience=AUDIENCE, now=time.time())
    with pytest.raises(InvalidTokenError):
        verify(token, key.public_jwk, audience="another", now=time.time())


def test_every_signature_has_the_form_that_is_asked_for() -> None:
    key, claims = new_key(), claims_of("px_a", [])
    for _ in range(200):
        assert header_kid(sign(key, claims)) == key.kid
