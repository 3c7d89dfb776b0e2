"""The one place where a request's changes are committed: one request, one transaction, done before the answer is sent.

With an Idempotency-Key the first answer is stored in that same transaction, so that it exists exactly if the effect
does. A second request with the key meets the stored answer, or the lock of the first one while that is running.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg
from starlette.responses import Response

from app.caller import Actor
from app.database import Connection, Row, Statement
from app.errors import BadRequest, IdempotencyKeyInUse, IdempotencyKeyReused, NotFound
from app.web.bodies import parse_json
from app.web.responses import document
from app.web.routing import ApiRequest

KEY = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})')
KEPT_HEADERS = ("location", "etag", "content-type", "content-language", "cache-control", "vary")


class Replay(Exception):  # noqa: N818 - no error: the way out of a block whose work was done before
    """The first answer, given again."""

    def __init__(self, response: Response) -> None:
        super().__init__("replayed")
        self.response = response


@dataclass(slots=True)
class WriteSession:
    """A transaction under way for one request."""

    request: ApiRequest
    connection: Connection
    actor: Actor
    answer: Response | None = field(default=None)

    async def one(self, statement: Statement, missing: str = "There is no such record.") -> Row:
        """The row of a statement; raises NotFound with `missing` when there is none."""
        row = await self.connection.fetchrow(*statement.flat)
        if row is None:
            raise NotFound(missing)
        return row

    async def respond(self, statement: Statement, *, status: int = 200, location: str | None = None) -> Response:
        """Answer with the record as GET shows it, from inside the transaction."""
        headers = {"Location": location} if location else None
        self.answer = document(self.request, await self.one(statement), status=status, headers=headers)
        return self.answer

    def respond_with(self, response: Response) -> Response:
        """Answer with something else."""
        self.answer = response
        return response


@contextlib.asynccontextmanager
async def write(request: ApiRequest) -> AsyncIterator[WriteSession]:
    """A transaction for the block: committed at its end, rolled back by any exception.

    Raises:
        Replay: the request was answered before; caught where answers are rendered.
        IdempotencyKeyInUse: it is being answered just now.
        IdempotencyKeyReused: its key belongs to another body.
    """
    actor = Actor(request.caller, request.request_id)
    key = _idempotency_key(request)
    async with request.services.database.transaction() as connection:
        session = WriteSession(request, connection, actor)
        body_hash = await _replay_or_lock(session, key) if key else b""
        yield session
        if key and session.answer is not None:
            await _store(session, key, body_hash, session.answer)


def _idempotency_key(request: ApiRequest) -> str | None:
    value = request.headers.get("idempotency-key")
    if value is None or request.method != "POST":
        return None
    match = KEY.fullmatch(value.strip())
    if match is None:
        raise BadRequest("Idempotency-Key takes 1 to 255 visible ASCII characters, quoted or bare.")
    return match[1] or match[2]


async def _replay_or_lock(session: WriteSession, key: str) -> bytes:
    request = session.request
    body = await request.body()
    # The same JSON, however it was written, is the same request.
    canonical = json.dumps(parse_json(body), sort_keys=True).encode() if body else b""
    body_hash = hashlib.sha256(canonical + request.scope["query_string"]).digest()
    owner = (request.caller.client_id, _operation(request), key)
    lock = int.from_bytes(hashlib.sha256(repr(owner).encode()).digest()[:8], signed=True)
    if not await session.connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", lock):
        raise IdempotencyKeyInUse("The first request with this key is still running.", headers={"Retry-After": "1"})
    row = await session.connection.fetchrow(
        "SELECT body_hash, status, headers::text, body FROM idempotency_key"
        " WHERE client_id = $1 AND operation = $2 AND key = $3 AND created_at > now() - interval '24 hours'",
        *owner,
    )
    if row is None:
        return body_hash
    if row["body_hash"] != body_hash:
        raise IdempotencyKeyReused("This key was sent with another body before.")
    headers = {**json.loads(row["headers"]), "Idempotency-Replayed": "true"}
    raise Replay(Response(row["body"], row["status"], headers))


async def _store(session: WriteSession, key: str, body_hash: bytes, answer: Response) -> None:
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    try:
        await session.connection.execute(
            "INSERT INTO idempotency_key (client_id, operation, key, body_hash, status, headers, body)"
            " VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7)"
            " ON CONFLICT ON CONSTRAINT pk_idempotency_key DO UPDATE SET body_hash = excluded.body_hash,"
            " status = excluded.status, headers = excluded.headers, body = excluded.body, created_at = now()"
            " WHERE idempotency_key.created_at <= now() - interval '24 hours'",
            session.request.caller.client_id,
            _operation(session.request),
            key,
            body_hash,
            answer.status_code,
            json.dumps(headers),
            bytes(answer.body),
        )
    except asyncpg.UniqueViolationError as reason:
        raise IdempotencyKeyInUse("The first request with this key is still running.") from reason


def _operation(request: ApiRequest) -> str:
    return f"{request.method} {request.scope['path']}"
