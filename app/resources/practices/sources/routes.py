"""HTTP for networks that bring records in by their own ids."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Query
from pydantic import Field
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.caller import Actor
from app.database import Connection, Database, problem_of
from app.errors import (
    Conflict,
    Forbidden,
    InternalError,
    InvalidInput,
    NotFound,
    PayloadTooLarge,
    Problem,
    UnsupportedMediaType,
)
from app.fields import Identifier, Slug
from app.resources.practices.queries import practice
from app.resources.practices.schemas import PracticePublic
from app.resources.practices.sources import commands, queries
from app.resources.practices.sources.lines import Line, checked, decoder_of, lines_of
from app.resources.practices.sources.schemas import (
    OUTCOME_EXAMPLE,
    SOURCE_EXAMPLE,
    SourceOutcome,
    SourcePractice,
    SourceQuery,
)
from app.resources.practices.sources.upsert import Record, upsert
from app.web.responses import document, not_modified
from app.web.routing import ApiRequest, ApiRouter, raises, requires, unneeded
from app.web.sessions import write

NDJSON = "application/x-ndjson"
AT_ONCE = 500
BYTES_AT_ONCE = 2 * 1024 * 1024
SLICE = 25
ATTEMPTS = 20
WAITED_TOO_LONG = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, asyncpg.QueryCanceledError)
MISSING = "The network has brought in no record under this id."
Network = Annotated[Slug, Field(examples=["mmc"])]
ExternalId = Annotated[Identifier, Field(examples=["4711"])]


router = ApiRouter("sync")


def _check_network(request: ApiRequest, network: str) -> None:
    """Only a network itself brings in under its name, and the operator for it."""
    if not request.caller.is_operator and request.caller.network_id != network:
        raise Forbidden("Only the network itself brings records in under its name.")


@router.post(
    "/sources/{network}/practices",
    response_class=Response,
    responses={
        200: {
            "description": "One result for each line, in order.",
            "content": {NDJSON: {"schema": {"type": "string"}, "example": json.dumps({"line": 1, **OUTCOME_EXAMPLE})}},
        }
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                NDJSON: {
                    "schema": {"type": "string"},
                    "example": json.dumps({"external_id": "4711", **SOURCE_EXAMPLE}, ensure_ascii=False),
                }
            },
        }
    },
)
@requires("sync:write")
@unneeded("Idempotency-Key")
@raises(UnsupportedMediaType, PayloadTooLarge)
async def bring_practices(request: ApiRequest, network: Network, query: Annotated[SourceQuery, Query()]) -> Response:
    """Bring in many records: a line for each, with `external_id`; a result line comes back for each, in order.

    A line is what PUT takes, and `external_id`; a result is what PUT answers, and `line`, its number from 1. Empty
    lines are counted and not answered.
    The results come while the lines are still read. A bad line spoils no other; what was broken off is sent again from
    its beginning without harm. With `dry_run=true` the results are those of the real run, and nothing is kept.
    """
    _check_network(request, network)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != NDJSON:
        raise UnsupportedMediaType(f"Send {NDJSON}.", headers={"Accept-Post": NDJSON})
    await _check_known(request, network)
    lines = lines_of(request.stream(), decoder_of(request.headers.get("content-encoding", "")))
    return Results(_results(request, network, lines, is_trial=query.dry_run))


@router.get("/sources/{network}/practices/{external_id:path}", response_model=PracticePublic)
@requires("sync:write")
async def get_source_practice(request: ApiRequest, network: Network, external_id: ExternalId) -> Response:
    """Read the practice that a network knows by its own id."""
    _check_network(request, network)
    found = await request.services.database.row(*queries.practice_of(network, external_id).flat)
    if found is None:
        raise NotFound(MISSING)
    row = await request.services.database.row(*practice(request.caller, found["id"], not_modified(request)).flat)
    if row is None or row["tombstone"] is not None:
        raise NotFound("The record was withdrawn.")
    return document(request, row)


@router.put(
    "/sources/{network}/practices/{external_id:path}",
    response_model=SourceOutcome,
    responses={201: {"model": SourceOutcome, "description": "Made."}},
)
@requires("sync:write")
@unneeded("If-Match")
@raises(Conflict)
async def put_source_practice(
    request: ApiRequest, network: Network, external_id: ExternalId, body: SourcePractice
) -> Response:
    """Make a record what it is with the network: 201 `created`; 200 `updated`, `unchanged` or `linked`.

    What is unchanged gets no new version, and does not move in the feed. No If-Match: the network's own state counts.
    """
    _check_network(request, network)
    await _check_known(request, network)
    record = Record(external_id, body)
    async with write(request) as session:
        await upsert(session.connection, session.actor, network, [record])
        if record.result == "conflict":
            raise Conflict(record.errors[0]["detail"], errors=record.errors)
        if record.result == "invalid":
            raise InvalidInput(record.errors[0]["detail"], errors=record.errors)
        headers = {"Location": f"/v1/practices/{record.id}"} if record.result == "created" else {}
        answer = _outcome(record.external_id, record)
        status = 201 if record.result == "created" else 200
        return session.respond_with(Response(_json(answer), status, headers, "application/json"))


@router.delete("/sources/{network}/practices/{external_id:path}", status_code=204)
@requires("sync:write")
@unneeded("If-Match")
async def delete_source_practice(request: ApiRequest, network: Network, external_id: ExternalId) -> Response:
    """Take a record back; one that nobody else brought in and no city claimed is withdrawn."""
    _check_network(request, network)
    async with write(request) as session:
        await commands.take_back(session.connection, session.actor, network, external_id)
        return session.respond_with(Response(status_code=204))


class Results(Response):
    """Lines that are sent while the request's body is still read, so that only one party reads it."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        super().__init__(media_type=NDJSON, headers={"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the chunks receive
        """Send them."""
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        is_started = False
        try:
            async for chunk in self._chunks:
                if not is_started:
                    await send(start)
                    is_started = True
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except ClientDisconnect:
            return
        if not is_started:
            await send(start)
        await send({"type": "http.response.body", "body": b""})


async def _check_known(request: ApiRequest, network: str) -> None:
    if not await request.services.database.value("SELECT EXISTS (SELECT FROM network WHERE id = $1)", network):
        raise NotFound("There is no such network.")


async def _results(
    request: ApiRequest, network: str, lines: AsyncIterator[tuple[int, bytes | None]], *, is_trial: bool
) -> AsyncIterator[bytes]:
    actor = Actor(request.caller, request.request_id)
    database = request.services.database
    if not is_trial:
        async for chunk in _chunks(lines):
            await _keep(database, actor, network, chunk)
            yield _answer(chunk)
        return
    # What the real run would do with a line depends on the lines before it: they are all there, and all undone.
    imagined: set[UUID] = set()
    async with database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            async for chunk in _chunks(lines):
                await _bring_in(connection, actor, network, chunk, locked=False)
                records = [line.record for line in chunk if line.record is not None]
                imagined |= {record.id for record in records if record.id and record.result == "created"}
                yield _answer(chunk, imagined)
        finally:
            await transaction.rollback()


async def _keep(database: Database, actor: Actor, network: str, chunk: list[Line]) -> None:
    """Bring a chunk in for good; who waits too long for others tries again."""
    for attempt in range(ATTEMPTS):
        try:
            async with database.transaction() as connection:
                await _bring_in(connection, actor, network, chunk)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if attempt + 1 == ATTEMPTS:
                raise
        else:
            return


async def _chunks(lines: AsyncIterator[tuple[int, bytes | None]]) -> AsyncIterator[list[Line]]:
    """Lines checked in themselves, a bounded number at a time; others get their turn between the slices."""
    chunk: list[Line] = []
    size = 0
    async for number, raw in lines:
        chunk.append(checked(number, raw))
        size += len(raw or b"")
        if len(chunk) % SLICE == 0:
            await asyncio.sleep(0)
        if len(chunk) >= AT_ONCE or size >= BYTES_AT_ONCE:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


async def _bring_in(
    connection: Connection, actor: Actor, network: str, chunk: list[Line], *, locked: bool = True
) -> None:
    records = [line.record for line in chunk if line.record is not None]
    try:
        async with connection.transaction():
            await upsert(connection, actor, network, records, locked=locked)
    except asyncpg.PostgresError as reason:
        if _refusal(reason) is None:
            raise
        # The database refuses one of them by a rule of its own: each by itself then, so that it spoils no other.
        for line in chunk:
            if line.record is not None:
                await _bring_in_one(connection, actor, network, line, locked=locked)


def _refusal(reason: asyncpg.PostgresError) -> Problem | None:
    """What the database has against a record; None where it was only busy, or broke down."""
    problem = problem_of(reason)
    is_fault = problem is not None and problem.status >= InternalError.status
    return None if is_fault or isinstance(reason, WAITED_TOO_LONG) else problem


async def _bring_in_one(connection: Connection, actor: Actor, network: str, line: Line, *, locked: bool) -> None:
    assert line.record is not None  # noqa: S101 - the caller has looked
    record = line.record = Record(line.record.external_id, line.record.body)
    try:
        async with connection.transaction():
            await upsert(connection, actor, network, [record], locked=locked)
    except asyncpg.PostgresError as reason:
        problem = _refusal(reason)
        if problem is None:
            raise
        record.result, record.id = "invalid", None
        record.errors = problem.errors or [{"pointer": "", "code": problem.slug, "detail": problem.detail}]


def _outcome(
    external_id: str | None, record: Record | None, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    if record is None:
        return {"external_id": external_id, "id": None, "result": "invalid", "errors": errors}
    id_ = None if record.result == "invalid" else str(record.id)
    return {"external_id": external_id, "id": id_, "result": record.result, "errors": record.errors}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _answer(chunk: list[Line], imagined: Collection[UUID] = ()) -> bytes:
    """The result lines; a record that only a trial has made has no id."""
    outcomes = [{"line": line.number, **_outcome(line.external_id, line.record, line.errors)} for line in chunk]
    for line, outcome in zip(chunk, outcomes, strict=True):
        if line.record is not None and line.record.id in imagined:
            outcome["id"] = None
    return b"".join(_json(outcome) + b"\n" for outcome in outcomes)
