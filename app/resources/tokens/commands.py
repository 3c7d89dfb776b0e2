"""Logins, and what they lead to.

A failed login must be remembered although the request fails, so each statement here is a transaction of its own.

Guessing is slowed down by failures that all processes count in one table, per client and address together: an attacker
elsewhere cannot lock a client out. An address that fails with many clients is slowed down too, but only where it has
already failed as the client it says it is: a client with a clean record shares its proxy with an attacker unharmed.
"""

import hashlib
import hmac
import math
import time
import uuid
from dataclasses import dataclass

from app.audit import audited
from app.caller import Actor, Caller
from app.database import Arguments, Database
from app.keys import KeyRing
from app.resources.tokens.queries import login
from app.resources.tokens.schemas import Credentials, OAuthError, unauthenticated
from app.signing import Claims, sign

FREE_FAILURES = 5
FREE_ADDRESS_FAILURES = 50
LONGEST_WAIT = 300
NO_HASH = bytes(32)

COUNT_FAILURE = """
INSERT INTO login_failure AS f (key, failures, last_at) SELECT key, 1, now() FROM unnest($1::text[]) key ORDER BY key
ON CONFLICT (key) DO UPDATE
SET failures = CASE WHEN f.last_at > now() - interval '15 minutes' THEN least(f.failures, 1000000) + 1 ELSE 1 END,
    last_at = now()
"""
SUCCEED = """
WITH cleared AS (DELETE FROM login_failure WHERE key = $2)
UPDATE client SET last_used_at = now()
WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
"""


@dataclass(frozen=True, slots=True)
class Login:
    """A client that has proved who it is; the caller carries all of its scopes."""

    client_id: str
    caller: Caller


async def log_in(database: Database, credentials: Credentials, network: str) -> Login:
    """Check a client's credentials.

    Args:
        database: where clients and failures are.
        credentials: what the client says it is.
        network: the address that it comes from.

    Raises:
        OAuthError: they are wrong (401), or it failed too often and must wait (429).
    """
    pair, address = f"client {network} {credentials.client_id}", f"address {network}"
    row = await database.row(*login(credentials.client_id, pair, address).flat)
    assert row is not None  # noqa: S101 - the statement gives one row whatever the input
    wait = _wait(row["failures"] - FREE_FAILURES, row["since"])
    if row["failures"]:
        wait = max(wait, _wait(row["address_failures"] - FREE_ADDRESS_FAILURES, row["address_since"]))
    if wait > 0:
        raise OAuthError(
            "slow_down", "Too many logins failed; wait.", status=429, headers={"Retry-After": str(math.ceil(wait))}
        )
    given = hashlib.sha256(credentials.secret.encode("utf-8", "surrogatepass")).digest()
    # Both comparisons are made in any case: neither time nor answer tells an unknown client from a wrong secret.
    is_current = hmac.compare_digest(given, row["secret_hash"] or NO_HASH)
    is_previous = hmac.compare_digest(given, row["previous_secret_hash"] or NO_HASH)
    if not (is_current and row["is_valid"]) and not (is_previous and row["previous_is_valid"]):
        await database.execute(COUNT_FAILURE, [pair, address])
        raise unauthenticated()
    if row["failures"] or row["is_long_unused"]:
        await database.execute(SUCCEED, credentials.client_id, pair)
    kind, _, id_ = row["organization"].partition(":")
    caller = Caller(
        organization=row["organization"],
        kind=kind,
        id=id_ or None,
        client_id=credentials.client_id,
        scopes=frozenset(row["scopes"]),
    )
    return Login(credentials.client_id, caller)


async def issue(
    keys: KeyRing, login: Login, scope: str | None, *, issuer: str, audience: str, lifetime: int
) -> tuple[str, str]:
    """An access token (RFC 9068) and its scopes.

    Args:
        keys: the signing keys.
        login: whose token it is.
        scope: what it shall allow; None: all that the client may.
        issuer: this exchange.
        audience: its API.
        lifetime: seconds.

    Raises:
        OAuthError: the client has not all of these scopes.
    """
    wanted = login.caller.scopes if scope is None else frozenset(scope.split(" "))
    if not wanted <= login.caller.scopes:
        raise OAuthError("invalid_scope", "The client has not all of these scopes.")
    now = int(time.time())
    granted = " ".join(sorted(wanted))
    claims = {
        "iss": issuer,
        "sub": login.client_id,
        "aud": audience,
        "exp": now + lifetime,
        "iat": now,
        "nbf": now,
        "jti": str(uuid.uuid4()),
        "client_id": login.client_id,
        "scope": granted,
    }
    return sign(await keys.signing_key(), claims), granted


async def revoke(database: Database, actor: Actor, claims: Claims) -> None:
    """Let a token end before its time."""
    arg = Arguments(claims.jti, claims.expires_at)
    await database.execute(
        f"""
WITH made AS (INSERT INTO revoked_token (jti, expires_at) VALUES ($1, to_timestamp($2))
              ON CONFLICT DO NOTHING RETURNING jti)
{audited(arg, actor, "revoked", "token", "FROM made", id_="jti", version="NULL")}""",
        *arg.values,
    )


def _wait(beyond: int, since: float) -> float:
    """Seconds still to wait: 1, 2, 4 … after each failure from the last free one on, counted from the last failure."""
    if beyond < 0:
        return 0
    return float(min(LONGEST_WAIT, 2 ** min(beyond, 16))) - since
