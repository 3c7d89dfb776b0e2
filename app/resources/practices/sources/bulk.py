"""Many records at once, a chunk of lines after the other; a trial is a transaction that is undone.

A chunk is read and checked while the database writes the one before it. It is written by halves at the same time, each
a transaction of its own: nearly all of the work is PostgreSQL's, which takes a processor for each.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from uuid import UUID

import asyncpg

from app.caller import Actor
from app.database import Connection, Database, problem_of
from app.errors import InternalError, Problem, ServiceUnavailable
from app.resources.practices.sources.lines import Line, checked
from app.resources.practices.sources.outcomes import result_lines
from app.resources.practices.sources.records import Record
from app.resources.practices.sources.upsert import independent, lock, upsert

AT_ONCE = 500
BYTES_AT_ONCE = 2 * 1024 * 1024
SLICE = 25
# Fewer are not worth two more transactions.
LEAST_APART = 50
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
                await _bring_in(connection, actor, network, chunk)
                imagined |= _created(chunk)
                yield result_lines(chunk, imagined)
        finally:
            await transaction.rollback()


def _created(chunk: list[Line]) -> set[UUID]:
    return {record.id for record in _records(chunk) if record.id and record.result == "created"}


async def _keep(database: Database, actor: Actor, network: str, chunk: list[Line]) -> None:
    """Bring a chunk in for good; who waits too long for others tries again, what takes too long is done in halves."""
    left = [line for line in chunk if line.record is not None]
    for attempt in range(ATTEMPTS):
        try:
            async with database.transaction() as connection:
                # What is written beside this transaction is under its locks.
                await lock(connection, network, _records(left))
                left = await _keep_beside(database, connection, actor, network, left)
                await _bring_in(connection, actor, network, left)
        except asyncpg.QueryCanceledError:
            if len(left) == 1:
                raise
            middle = len(left) // 2
            await _keep(database, actor, network, left[:middle])
            await _keep(database, actor, network, left[middle:])
            return
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if attempt + 1 == ATTEMPTS:
                raise
        else:
            return


async def _keep_beside(
    database: Database, connection: Connection, actor: Actor, network: str, lines: list[Line]
) -> list[Line]:
    """Bring in, by halves at once, those that cannot meet each other; gives the lines that are left, in their order."""
    if len(lines) < LEAST_APART:
        return lines
    batches = await independent(connection, network, _records(lines))
    first = {id(record) for record in batches[0]}
    apart = [line for line in lines if id(line.record) in first]
    if len(apart) < LEAST_APART:
        return lines
    middle = len(apart) // 2
    halves = (apart[:middle], apart[middle:])
    both = (_keep_half(database, actor, network, half) for half in halves)
    # Neither is left alone when the other fails: the locks hold until both have ended.
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    kept = set[int]()
    for half, outcome in zip(halves, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            raise outcome
        kept.update(line.number for line in half if outcome)
    return [line for line in lines if line.number not in kept]


async def _keep_half(database: Database, actor: Actor, network: str, half: list[Line]) -> bool:
    """Bring lines in for good, unless that would mean to wait; gives whether it was done."""
    if not database.has_spare:
        return False
    try:
        async with database.transaction() as connection:
            await _bring_in(connection, actor, network, half)
    except (*WAITED_TOO_LONG, ServiceUnavailable):
        return False
    return True


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


async def _bring_in(connection: Connection, actor: Actor, network: str, chunk: list[Line]) -> None:
    records = [_anew(line) for line in chunk if line.record is not None]
    if not records:
        return
    try:
        async with connection.transaction():
            await upsert(connection, actor, network, records, locked=False)
    except asyncpg.PostgresError as reason:
        if _refusal(reason) is None:
            raise
        # The database refuses one of them by a rule of its own: each by itself then, so that it spoils no other.
        for line in chunk:
            if line.record is not None:
                await _bring_in_one(connection, actor, network, line)


def _records(lines: list[Line]) -> list[Record]:
    return [line.record for line in lines if line.record is not None]


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


async def _bring_in_one(connection: Connection, actor: Actor, network: str, line: Line) -> None:
    record = _anew(line)
    try:
        async with connection.transaction():
            await upsert(connection, actor, network, [record], locked=False)
    except asyncpg.PostgresError as reason:
        problem = _refusal(reason)
        if problem is None:
            raise
        record.result, record.id = "invalid", None
        record.errors = problem.errors or [{"pointer": "", "code": problem.slug, "detail": problem.detail}]
