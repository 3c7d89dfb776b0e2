"""Tasks by the clock: every process may run them, and one at a time does."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg
import structlog

from app.database import UNREACHABLE, Connection, Database

log = structlog.get_logger("periodic")
TICK = 1.0


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """What is done every `every` seconds, in a transaction of its own; `name` is what processes agree on."""

    name: str
    every: float
    work: Callable[[Connection], Awaitable[int]]


async def run(database: Database, tasks: Sequence[PeriodicTask]) -> None:
    """Run the tasks for ever; a failure is logged and tried again at its next turn."""
    due = {task.name: time.monotonic() for task in tasks}
    while True:
        for task in tasks:
            if time.monotonic() >= due[task.name]:
                due[task.name] = time.monotonic() + task.every
                await run_once(database, task)
        await asyncio.sleep(TICK)


async def run_once(database: Database, task: PeriodicTask) -> int:
    """Do one task now unless another process is doing it; gives how many records it changed."""
    try:
        async with database.transaction() as connection:
            lock = "SELECT pg_try_advisory_xact_lock(hashtext('practice-exchange periodic'), hashtext($1))"
            if not await connection.fetchval(lock, task.name):
                return 0
            changed = await task.work(connection)
    except (*UNREACHABLE, asyncpg.PostgresError) as reason:
        log.warning("periodic task failed", task=task.name, reason=repr(reason))
        return 0
    if changed:
        log.info("periodic task", task=task.name, changed=changed)
    return changed
