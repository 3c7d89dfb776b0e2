"""The deliveries as a queue: who takes which, and what becomes of a try. One function, one statement."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.audit import audited
from app.caller import ANONYMOUS, Actor
from app.database import Arguments, Connection, Database
from app.delivery.schedule import TRIED_FOR

LEASE = timedelta(seconds=30)
# How many deliveries to one webhook are under way at once, over all processes; while it fails, one: a trial.
AT_ONCE = 4
SYSTEM = Actor(ANONYMOUS, "webhooks")

# A webhook's row is locked while deliveries to it are chosen, so that of two processes one chooses; the choice is
# asked again of each delivery (`due_at`), because the other may have chosen after our picture of it was taken.
CLAIM = f"""
WITH ready AS MATERIALIZED (
    SELECT w.id, w.url, w.secret, w.failures,
           CASE WHEN w.previous_secret_until > now() THEN w.previous_secret END AS previous_secret,
           CASE WHEN w.failures > 0 THEN 1 ELSE {AT_ONCE} END - (
               SELECT count(*) FROM webhook_delivery d
               WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.leased_until > now()) AS room
    FROM webhook w
    WHERE w.status = 'active' AND (w.resting_until IS NULL OR w.resting_until <= now())
      AND EXISTS (SELECT FROM webhook_delivery d
                  WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.due_at <= now())
    ORDER BY random() LIMIT $1 FOR NO KEY UPDATE OF w SKIP LOCKED),
due AS MATERIALIZED (
    SELECT d.id, w.id AS webhook_id FROM ready w CROSS JOIN LATERAL (
        SELECT d.id FROM webhook_delivery d
        WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.due_at <= now() AND NOT EXISTS (
            SELECT FROM webhook_delivery e WHERE e.webhook_id = d.webhook_id AND e.record_id = d.record_id
            AND e.status = 'pending' AND e.number < d.number)
        ORDER BY d.due_at, d.number LIMIT greatest(w.room, 0)) d
    LIMIT $1)
UPDATE webhook_delivery d
SET due_at = now() + $2::interval, leased_until = now() + $2::interval, tries = tries + 1,
    first_tried_at = coalesce(first_tried_at, now()),
    attempts = CASE WHEN leased_until IS NULL THEN attempts ELSE attempts || jsonb_build_object(
        'at', to_char((leased_until - $2::interval) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'status_code', NULL, 'duration_ms', NULL, 'error', 'interrupted') END
FROM due JOIN ready w ON w.id = due.webhook_id
WHERE d.id = due.id AND d.status = 'pending' AND d.due_at <= now()
RETURNING d.id, d.webhook_id, d.event, d.payload, d.tries, d.first_tried_at, d.leased_until, w.url, w.failures,
          w.secret, w.previous_secret"""

DELIVERED = """
WITH done AS (
    UPDATE webhook_delivery SET status = 'delivered', delivered_at = now(), due_at = NULL, leased_until = NULL,
        attempts = attempts || $3::jsonb
    WHERE id = $1 AND leased_until = $2 RETURNING webhook_id)
UPDATE webhook w SET failures = 0, failing_since = NULL, resting_until = NULL
FROM done WHERE w.id = done.webhook_id AND w.failures > 0"""

# Until a day has passed since the first try it is tried again, the last time when the day is over. Tries that were
# under way together and fail count as one failure of the webhook: it rests from the first of them already.
FAILED = """
WITH failed AS (
    UPDATE webhook_delivery SET leased_until = NULL, attempts = attempts || $3::jsonb,
        status = CASE WHEN now() >= first_tried_at + $5::interval THEN 'failed' ELSE 'pending' END,
        due_at = CASE WHEN now() < first_tried_at + $5::interval
                 THEN least(now() + make_interval(secs => $4), first_tried_at + $5::interval) END
    WHERE id = $1 AND leased_until = $2 RETURNING webhook_id, $2::timestamptz - $7::interval AS begun_at)
UPDATE webhook w SET failing_since = coalesce(w.failing_since, begun_at),
    failures = w.failures + CASE WHEN w.resting_until > begun_at THEN 0 ELSE 1 END,
    resting_until = greatest(w.resting_until, now() + make_interval(secs => $6))
FROM failed WHERE w.id = failed.webhook_id AND w.status = 'active'
RETURNING w.failing_since <= now() - $5::interval AS is_over"""

BACKLOG = """
SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float AS oldest
FROM webhook_delivery WHERE status = 'pending'"""


@dataclass(frozen=True, slots=True)
class Try:
    """A delivery that this process holds, until `leased_until`."""

    id: UUID
    webhook_id: UUID
    event: str
    payload: bytes
    tries: int
    failures: int
    leased_until: datetime
    url: str
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a try."""

    at: datetime
    duration_ms: int
    status_code: int | None = None
    error: str | None = None

    @property
    def text(self) -> str:
        """As it is kept: an array of one, to be put behind the others."""
        at = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {
            "at": at, "status_code": self.status_code, "duration_ms": self.duration_ms, "error": self.error,
        }  # fmt: skip
        return json.dumps([entry])


async def claim(database: Database, most: int) -> list[Try]:
    """Take at most so many of the deliveries that are due, and that nobody else has."""
    rows = await database.write(CLAIM, most, LEASE)
    return [
        Try(
            id=row["id"],
            webhook_id=row["webhook_id"],
            event=row["event"],
            payload=row["payload"].encode(),
            tries=row["tries"],
            failures=row["failures"],
            leased_until=row["leased_until"],
            url=row["url"],
            secrets=tuple(filter(None, (row["secret"], row["previous_secret"]))),
        )
        for row in rows
    ]


async def delivered(database: Database, held: Try, attempt: Attempt) -> None:
    """Note that it arrived; nothing, where the lease has run out and another process has it."""
    await database.execute(DELIVERED, held.id, held.leased_until, attempt.text)


async def failed(database: Database, held: Try, attempt: Attempt, pause: float, rest: float) -> None:
    """Note that it did not arrive: tried again after `pause` seconds, and nothing is sent there for `rest` seconds.

    A webhook at which nothing has arrived for a day is disabled.
    """
    arguments = (held.id, held.leased_until, attempt.text, pause, TRIED_FOR, rest, LEASE)
    async with database.transaction() as connection:
        if await connection.fetchval(FAILED, *arguments):
            await disable(connection, held.webhook_id, "failing")


async def gone(database: Database, held: Try, attempt: Attempt) -> None:
    """Note that the receiver is gone for good (410): nothing more is sent there."""
    async with database.transaction() as connection:
        status = await connection.execute(
            "UPDATE webhook_delivery SET status = 'failed', due_at = NULL, leased_until = NULL,"
            " attempts = attempts || $3::jsonb WHERE id = $1 AND leased_until = $2",
            held.id,
            held.leased_until,
            attempt.text,
        )
        if status != "UPDATE 0":
            await disable(connection, held.webhook_id, "gone")


async def disable(connection: Connection, webhook_id: UUID, reason: str) -> None:
    """Disable a webhook, and give up what waits for it."""
    arg = Arguments(webhook_id, reason)
    changed = ["status", "disabled_reason", "disabled_at"]
    await connection.execute(
        f"""
WITH made AS (
    UPDATE webhook SET status = 'disabled', disabled_reason = $2, disabled_at = now(), resting_until = NULL,
        version = version + 1, updated_at = now()
    WHERE id = $1 AND status = 'active' RETURNING id, version),
ended AS (UPDATE webhook_delivery d SET status = 'failed', due_at = NULL, leased_until = NULL
          FROM made WHERE d.webhook_id = made.id AND d.status = 'pending')
{audited(arg, SYSTEM, "disabled", "webhook", "FROM made", changed=changed)}""",
        *arg.values,
    )


async def backlog(database: Database) -> tuple[int, float]:
    """How many deliveries wait, and for how many seconds the oldest has."""
    row: Any = await database.row(BACKLOG)
    return row["waiting"], row["oldest"]


async def prune(connection: Connection, days: int = 30) -> int:
    """Delete deliveries older than `days`, those that a paused webhook left waiting too; gives how many."""
    status = await connection.execute(
        "DELETE FROM webhook_delivery WHERE id IN (SELECT id FROM webhook_delivery"
        " WHERE created_at < now() - make_interval(days => $1) LIMIT 10000)",
        days,
    )
    return int(status.split()[-1])
