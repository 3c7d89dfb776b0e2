"""The only module that knows python-jose: makes keys, signs access tokens, checks them (RFC 9068, RFC 7515).

python-jose 3.5 accepts a token without `aud` or `exp`, with any `typ`, and under a foreign `kid`; and some claims make
it raise what is no JWTError. So the key is chosen here by `kid`, the algorithm is fixed, every claim is checked here
after decoding, and any exception is an invalid token.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jws

ALGORITHM = "ES256"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the type that RFC 9068 gives access tokens
TOKEN_LENGTH = 8 * 1024
LONGEST_LIFETIME = 3600
LEEWAY = 5
HEADER_MEMBERS = {"alg", "typ", "kid"}
# Only the one spelling that we make: the library's decoder skips foreign characters, and the last of the signature's
# characters has idle bits, so that one signature would have many texts.
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]")


class InvalidTokenError(Exception):
    """The token is not one of ours, or no longer."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair: `kid` is the RFC 7638 thumbprint, `public_jwk` what `/.well-known/jwks.json` shows."""

    kid: str
    private_pem: str
    public_jwk: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Claims:
    """The checked claims of an access token, and the `kid` of its key; times in Unix seconds."""

    issuer: str
    client_id: str
    scopes: frozenset[str]
    jti: UUID
    issued_at: int
    expires_at: int
    kid: str


def new_key() -> SigningKey:
    """A fresh P-256 key pair."""
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = jwk.construct(pem, ALGORITHM).public_key().to_dict()
    members = {name: _text(public[name]) for name in ("crv", "kty", "x", "y")}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    kid = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
    return SigningKey(kid, pem, {**members, "kid": kid, "use": "sig", "alg": ALGORITHM})


def sign(key: SigningKey, claims: Mapping[str, Any]) -> str:
    """An access token with these claims."""
    return str(
        jws.sign(dict(claims), key.private_pem, headers={"typ": TOKEN_TYPE, "kid": key.kid}, algorithm=ALGORITHM)
    )


def header_kid(token: str) -> str:
    """The `kid` that the token says it was signed with.

    Raises:
        InvalidTokenError: the header is not exactly one of ours.
    """
    if len(token) > TOKEN_LENGTH or not COMPACT.fullmatch(token):
        message = "form"
        raise InvalidTokenError(message)
    try:
        header = jws.get_unverified_header(token)
    except Exception as reason:
        raise InvalidTokenError from reason
    if (
        set(header) != HEADER_MEMBERS
        or header["alg"] != ALGORITHM
        or header["typ"] != TOKEN_TYPE
        or not isinstance(header["kid"], str)
    ):
        message = "header"
        raise InvalidTokenError(message)
    return str(header["kid"])


def verify(token: str, public_jwk: Mapping[str, Any], *, audience: str, now: float) -> Claims:
    """The claims of a token, after every check that needs no database.

    Args:
        token: the compact serialization.
        public_jwk: the key that the token's `kid` names.
        audience: what `aud` must equal.
        now: Unix seconds.

    Raises:
        InvalidTokenError: for whatever reason.
    """
    try:
        payload = json.loads(jws.verify(token, dict(public_jwk), algorithms=[ALGORITHM]))
        return _claims(payload, str(public_jwk["kid"]), audience, now)
    except InvalidTokenError:
        raise
    except Exception as reason:
        raise InvalidTokenError from reason


def _claims(payload: Any, kid: str, audience: str, now: float) -> Claims:
    if not isinstance(payload, dict):
        message = "payload"
        raise InvalidTokenError(message)
    times: list[Any] = [payload.get(name) for name in ("iat", "nbf", "exp")]
    issued, not_before, expires = times
    client_id = payload.get("client_id")
    faults = (
        payload.get("aud") != audience,
        not isinstance(payload.get("iss"), str),
        any(type(moment) is not int for moment in times),
        not isinstance(client_id, str) or not client_id.isprintable() or payload.get("sub") != client_id,
        not isinstance(payload.get("scope"), str),
        not isinstance(payload.get("jti"), str),
    )
    if any(faults):
        message = "claims"
        raise InvalidTokenError(message)
    if not issued - LEEWAY <= now or not not_before - LEEWAY <= now < expires or expires - issued > LONGEST_LIFETIME:
        message = "times"
        raise InvalidTokenError(message)
    scopes = frozenset(payload["scope"].split())
    return Claims(payload["iss"], payload["client_id"], scopes, UUID(payload["jti"]), issued, expires, kid)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
