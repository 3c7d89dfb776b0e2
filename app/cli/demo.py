"""A client to try things with, whose credentials are kept in the data folder."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from app.caller import Actor, Caller
from app.database import Connection
from app.resources.clients.commands import create_client

ORGANIZATION = "city:ca-montreal"
FILE = "demo-client.json"
OPERATOR = Actor(Caller(organization="operator", kind="operator", scopes=frozenset({"operator"})), request_id="serve")
LIVE = """
SELECT EXISTS (SELECT FROM client
               WHERE id = $1 AND secret_hash = $2 AND revoked_at IS NULL AND secret_expires_at > now())
"""


class Credentials(NamedTuple):
    """What a client proves itself with."""

    client_id: str
    client_secret: str


async def demo_client(connection: Connection, folder: Path) -> Credentials | None:
    """The kept client while it is live, else a new one; None where its city does not exist."""
    path = folder / FILE
    kept = _kept(path)
    if kept is not None:
        hashed = hashlib.sha256(kept.client_secret.encode()).digest()
        if await connection.fetchval(LIVE, kept.client_id, hashed):
            return kept
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM city WHERE id = $1)", ORGANIZATION.partition(":")[2]):
        return None
    async with connection.transaction():
        made = Credentials(*await create_client(connection, OPERATOR, ORGANIZATION, "To try things out", None))
    _keep(path, made)
    return made


def _kept(path: Path) -> Credentials | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        document = json.loads(path.read_text(encoding="utf-8"))
        return Credentials(str(document["client_id"]), str(document["client_secret"]))
    return None


def _keep(path: Path, credentials: Credentials) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(credentials._asdict(), file)
    unfinished.replace(path)
