"""Many records at once: a chunk of lines is one transaction, and a trial is one that is undone.

A chunk is read and checked while the database writes the one before it.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from uuid import UUID

import asyncpg

from app.caller import Actor
from app.database import Connection, Database, problem_of
from app.errors import InternalError, Problem
from app.resources.practices.sources.lines import Line, checked
from app.resources.practices.sources.outcomes import result_lines
from app.resources.practices.sources.records import Record
from app.resources.practices.sources.upsert import upsert

AT_ONCE = 500
BYTES_AT_ONCE = 2 * 1024 * 1024
SLICE = 25
ATTEMPTS = 20
WAITED_TOO_LONG = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, asyncpg.QueryCanceledError)


async def results(
    database: Database, actor: Actor, network: str, lines: AsyncIterator[tuple[int, bytes | None]]
) -> AsyncGenerator[bytes]:
    """Bring the lines in, for good; gives the result lines of each chunk once it is committed."""
    async with contextlib.aclosing(_ahead(_chunks(lines))) as chunks:
        async for chunk in chunks:
            await _keep(database, actor, network, chunk)
            yield result_lines(chunk)


async def trial_results(
    database: Database, actor: Actor, network: str, lines: AsyncIterator[tuple[int, bytes | None]]
) -> AsyncGenerator[bytes]:
    """Say what the real run would do with the lines, and do nothing; gives the result lines of each chunk."""
    # What the real run would do with a line depends on the lines before it: they are all there, and all undone.
    imagined = set[UUID]()
    async with database.connection() as connection, contextlib.aclosing(_ahead(_chunks(lines))) as chunks:
        transaction = connection.transaction()
        await transaction.start()
        try:
            async for chunk in chunks:
                await _bring_in(connection, actor, network, chunk, locked=False)
                imagined |= _created(chunk)
                yield result_lines(chunk, imagined)
        finally:
            await transaction.rollback()


def _created(chunk: list[Line]) -> set[UUID]:
    records = [line.record for line in chunk if line.record is not None]
    return {record.id for record in records if record.id and record.result == "created"}


async def _keep(database: Database, actor: Actor, network: str, chunk: list[Line]) -> None:
    """Bring a chunk in for good; who waits too long for others tries again, what takes too long is done in halves."""
    for attempt in range(ATTEMPTS):
        try:
            async with database.transaction() as connection:
                await _bring_in(connection, actor, network, chunk)
        except asyncpg.QueryCanceledError:
            if len(chunk) == 1:
                raise
            middle = len(chunk) // 2
            await _keep(database, actor, network, chunk[:middle])
            await _keep(database, actor, network, chunk[middle:])
            return
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if attempt + 1 == ATTEMPTS:
                raise
        else:
            return


async def _ahead(chunks: AsyncGenerator[list[Line]]) -> AsyncGenerator[list[Line]]:
    """The chunks, of which the next is made while one is used; what breaks them off is raised after those before it."""

    async def following() -> list[Line] | None:
        return await anext(chunks, None)

    coming = asyncio.create_task(following())
    try:
        while (chunk := await coming) is not None:
            coming = asyncio.create_task(following())
            yield chunk
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await chunks.aclose()


async def _chunks(lines: AsyncIterator[tuple[int, bytes | None]]) -> AsyncGenerator[list[Line]]:
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
    records = [_anew(line) for line in chunk if line.record is not None]
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


def _anew(line: Line) -> Record:
    """The record of a line, without what an earlier attempt found."""
    assert line.record is not None  # noqa: S101 - the caller has looked
    line.record = Record(line.record.external_id, line.record.body)
    return line.record


def _refusal(reason: asyncpg.PostgresError) -> Problem | None:
    """What the database has against a record; None where it was only busy, or broke down."""
    problem = problem_of(reason)
    is_fault = problem is not None and problem.status >= InternalError.status
    return None if is_fault or isinstance(reason, WAITED_TOO_LONG) else problem


async def _bring_in_one(connection: Connection, actor: Actor, network: str, line: Line, *, locked: bool) -> None:
    record = _anew(line)
    try:
        async with connection.transaction():
            await upsert(connection, actor, network, [record], locked=locked)
    except asyncpg.PostgresError as reason:
        problem = _refusal(reason)
        if problem is None:
            raise
        record.result, record.id = "invalid", None
        record.errors = problem.errors or [{"pointer": "", "code": problem.slug, "detail": problem.detail}]
