"""Finds the caller behind an access token; a verified one is cached, its client and key looked up every two seconds."""

import time
from collections import OrderedDict
from dataclasses import dataclass

from starlette.types import Scope

from app.caller import ANONYMOUS, Caller
from app.config import Settings
from app.database import Database
from app.errors import Unauthorized
from app.keys import KeyRing
from app.signing import Claims, InvalidTokenError, header_kid, verify
from app.web.addresses import base_url, is_issuer

AUDIENCE = "practice-exchange"
RECHECK_AFTER = 2.0
MOST_TOKENS = 10_000

LIVE_CLIENT = """
SELECT c.organization, c.scopes,
       CASE WHEN c.network_id IS NOT NULL THEN ARRAY[c.network_id]
            ELSE ARRAY(SELECT m.network_id FROM membership m
                       WHERE m.city_id = c.city_id AND (m.until IS NULL OR m.until >= current_date) ORDER BY 1)
       END AS networks
FROM client c
WHERE c.id = $1 AND c.revoked_at IS NULL AND NOT EXISTS (SELECT FROM revoked_token t WHERE t.jti = $2)
  AND EXISTS (SELECT FROM signing_key k WHERE k.kid = $3 AND (k.verifies_until IS NULL OR k.verifies_until > now()))
"""


@dataclass(slots=True)
class Verified:
    """A token whose signature and claims hold, and what its client was when it was last looked up."""

    claims: Claims
    caller: Caller
    checked: float


class TokenVerifier:
    """Turns a request's Authorization header into a Caller."""

    def __init__(self, database: Database, keys: KeyRing, settings: Settings) -> None:
        self._database = database
        self._keys = keys
        self._settings = settings
        self._known: OrderedDict[str, Verified] = OrderedDict()

    async def caller(self, scope: Scope) -> Caller:
        """The caller of a request; anonymous without an Authorization header.

        Raises:
            Unauthorized: there is such a header, but no valid token of ours in it.
        """
        token = _bearer(scope)
        if token is None:
            return ANONYMOUS
        try:
            return await self.verified(token)
        except InvalidTokenError as reason:
            raise unauthorized(scope, "The access token is not valid, or no longer.", "invalid_token") from reason

    async def verified(self, token: str) -> Caller:
        """The caller behind a token.

        Raises:
            InvalidTokenError: it is not one of ours, expired or revoked, or its client is.
        """
        return (await self.inspect(token)).caller

    async def inspect(self, token: str) -> Verified:
        """A token's claims with its caller; raises as `verified`."""
        known = self._known.get(token)
        if known is None:
            jwk = await self._keys.public_jwk(header_kid(token))
            claims = verify(token, jwk, audience=AUDIENCE, now=time.time())
            if not is_issuer(claims.issuer):
                raise InvalidTokenError(claims.issuer)
            known = await self._look_up(claims)
            self._known[token] = known
            if len(self._known) > MOST_TOKENS:
                self._known.popitem(last=False)
        elif time.time() >= known.claims.expires_at:
            self._known.pop(token, None)
            raise InvalidTokenError
        elif time.monotonic() - known.checked > RECHECK_AFTER:
            self._known.pop(token, None)
            self._known[token] = known = await self._look_up(known.claims)
        return known

    async def expiry(self, scope: Scope) -> int:
        """When the token of a request ends, in Unix seconds; raises as `verified`."""
        return (await self.inspect(_bearer(scope) or "")).claims.expires_at

    def forget(self, token: str) -> None:
        """Drop a token that this very process has just revoked."""
        self._known.pop(token, None)

    async def _look_up(self, claims: Claims) -> Verified:
        checked = time.monotonic()
        row = await self._database.row(LIVE_CLIENT, claims.client_id, claims.jti, claims.kid)
        if row is None:
            raise InvalidTokenError(claims.client_id)
        kind, _, id_ = row["organization"].partition(":")
        caller = Caller(
            organization=row["organization"],
            kind=kind,
            id=id_ or None,
            client_id=claims.client_id,
            # A scope taken from the client takes effect on tokens that are out already.
            scopes=claims.scopes & frozenset(row["scopes"]),
            networks=tuple(row["networks"]),
        )
        return Verified(claims, caller, checked)


def _bearer(scope: Scope) -> str | None:
    """The token of a request; None without an Authorization header."""
    headers: list[bytes] = [value for name, value in scope["headers"] if name == b"authorization"]
    if not headers:
        return None
    kind, _, token = headers[0].decode("latin-1").partition(" ")
    if len(headers) > 1 or kind.lower() != "bearer":
        raise unauthorized(
            scope, "There is not one Authorization header of the form `Bearer <token>`.", "invalid_request"
        )
    return token.strip(" ")


def unauthorized(scope: Scope, detail: str, error: str | None = None) -> Unauthorized:
    """A 401 with the challenge that RFC 6750 §3 and RFC 9728 §5.1 ask for."""
    challenge = 'Bearer realm="practice-exchange"'
    if error:
        challenge += f', error="{error}"'
    challenge += f', resource_metadata="{base_url(scope)}/.well-known/oauth-protected-resource"'
    return Unauthorized(detail, headers={"WWW-Authenticate": challenge})
