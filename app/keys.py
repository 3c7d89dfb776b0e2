"""The keys that all processes share, kept in the database: signing keys that rotate, and the secret of the cursors.

A new key is published PUBLISH_AHEAD before it signs, so that everyone who caches the key set knows it by then; the old
one verifies until the last token it signed is over. The first key of a new database signs at once.
"""

import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from app.database import Connection, Database
from app.signing import InvalidTokenError, SigningKey, new_key

PUBLISH_AHEAD = timedelta(minutes=10)
VERIFY_AFTER = timedelta(hours=2)
ROTATE_AFTER = timedelta(days=90)
RELOAD_AFTER = 60.0
RELOAD_AT_MOST_EVERY = 1.0
CURSOR_SECRET = "cursor"  # noqa: S105 - the name of the secret


@dataclass(slots=True)
class KeyRing:
    """This process's copy of the signing keys; loads them again when they may have changed."""

    database: Database
    _keys: dict[str, tuple[SigningKey, datetime]] = field(default_factory=dict)
    _loaded: float = float("-inf")

    async def signing_key(self) -> SigningKey:
        """The key that signs now."""
        await self._load(RELOAD_AFTER)
        now = datetime.now(UTC)
        usable = [(signs_from, key) for key, signs_from in self._keys.values() if signs_from <= now]
        return max(usable, key=lambda entry: entry[0])[1]

    async def public_jwk(self, kid: str) -> Any:
        """The public key of a `kid`.

        Raises:
            InvalidTokenError: there is none.
        """
        await self._load(RELOAD_AFTER)
        if kid not in self._keys:
            await self._load(RELOAD_AT_MOST_EVERY)
        if kid not in self._keys:
            raise InvalidTokenError(kid)
        return self._keys[kid][0].public_jwk

    async def key_set(self) -> dict[str, Any]:
        """The JSON Web Key Set (RFC 7517) of all keys that verify, those not yet signing among them."""
        await self._load(RELOAD_AT_MOST_EVERY)
        return {"keys": [dict(key.public_jwk) for key, _ in self._keys.values()]}

    async def _load(self, older_than: float) -> None:
        if time.monotonic() - self._loaded < older_than:
            return
        rows = await self.database.rows(
            "SELECT kid, private_pem, public_jwk::text, signs_from FROM signing_key"
            " WHERE verifies_until IS NULL OR verifies_until > now() ORDER BY signs_from"
        )
        self._keys = {
            row["kid"]: (SigningKey(row["kid"], row["private_pem"], json.loads(row["public_jwk"])), row["signs_from"])
            for row in rows
        }
        self._loaded = time.monotonic()


async def ensure_keys(database: Database) -> None:
    """Make the first signing key and the cursor secret where they are missing, and rotate a key that is due."""
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('practice-exchange keys'))")
        newest = await connection.fetchval("SELECT max(signs_from) FROM signing_key WHERE verifies_until IS NULL")
        if newest is None:
            await _add_key(connection, ahead=timedelta(0))
        elif newest < datetime.now(UTC) - ROTATE_AFTER:
            await _add_key(connection, ahead=PUBLISH_AHEAD)
        await connection.execute(
            "INSERT INTO secret (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            CURSOR_SECRET,
            secrets.token_bytes(32),
        )


async def rotate_keys(database: Database) -> str:
    """Publish a new signing key that takes over after PUBLISH_AHEAD; gives its `kid`."""
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('practice-exchange keys'))")
        return await _add_key(connection, ahead=PUBLISH_AHEAD)


async def cursor_secret(database: Database) -> bytes:
    """The secret that signs cursors on every process."""
    return bytes(await database.value("SELECT value FROM secret WHERE name = $1", CURSOR_SECRET))


async def _add_key(connection: Connection, *, ahead: timedelta) -> str:
    key = new_key()
    signs_from = datetime.now(UTC) + ahead
    await connection.execute(
        "UPDATE signing_key SET verifies_until = $1 WHERE verifies_until IS NULL", signs_from + VERIFY_AFTER
    )
    await connection.execute("DELETE FROM signing_key WHERE verifies_until < now()")
    await connection.execute(
        "INSERT INTO signing_key (kid, private_pem, public_jwk, signs_from) VALUES ($1, $2, $3::jsonb, $4)",
        key.kid,
        key.private_pem,
        json.dumps(dict(key.public_jwk)),
        signs_from,
    )
    return key.kid
