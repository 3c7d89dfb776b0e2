"""Turns what was noted into deliveries: one row for each event and each webhook that is told of it, in their order."""

import json
from typing import Any

import asyncpg
import structlog

from app.database import Connection, Database
from app.delivery.queue import disable
from app.delivery.recipients import HOOKS, Hook, payload, told
from app.errors import InvalidInput
from app.events import CHANNEL
from app.identifiers import uuid7

log = structlog.get_logger("webhooks")
BATCH = 1_000
# One at a time, so that a later event about a record never overtakes an earlier one on its way into the table.
LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('practice-exchange webhooks'), hashtext('fan out'))"
EVENTS = """
SELECT id, type, record_id, version, status, at FROM webhook_event ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED"""
DELIVER = """
INSERT INTO webhook_delivery (id, webhook_id, event_id, event, record_id, payload)
SELECT d.id, d.webhook_id, d.event_id, d.event, d.record_id, d.payload
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::uuid[], $6::text[])
    WITH ORDINALITY AS d (id, webhook_id, event_id, event, record_id, payload, number) ORDER BY number"""


async def fan_out(database: Database, batch: int = BATCH) -> int:
    """Hand out the oldest events, unless another process is doing it; gives how many there were."""
    async with database.transaction() as connection:
        if not await connection.fetchval(LOCK):
            return 0
        events = await connection.fetch(EVENTS, batch)
        if not events:
            return 0
        rows: list[tuple[Any, ...]] = []
        for hook in [Hook.of(row) for row in await connection.fetch(HOOKS)]:
            rows += await _deliveries(connection, hook, events, alone=batch == 1)
        if rows:
            rows.sort(key=lambda row: row[2])
            await connection.execute(DELIVER, *map(list, zip(*rows, strict=True)))
            await connection.execute("SELECT pg_notify($1, '')", CHANNEL)
        await connection.execute("DELETE FROM webhook_event WHERE id = ANY ($1)", [event["id"] for event in events])
    return len(events)


async def _deliveries(
    connection: Connection, hook: Hook, events: list[asyncpg.Record], *, alone: bool
) -> list[tuple[Any, ...]]:
    """The rows of one webhook; `alone`: a single event is handed out, because more at a time could not be."""
    by_id = {event["id"]: event for event in events}
    try:
        async with connection.transaction():
            found = await told(connection, hook, events)
    except InvalidInput as reason:
        # A newer version of the service no longer knows what the filter asks for: better to say so than to guess.
        log.warning("webhook disabled", webhook=str(hook.id), reason=reason.detail)
        await disable(connection, hook.id, "filter")
        return []
    except asyncpg.PostgresError:
        if not alone:
            raise
        # One webhook must not hold up all others for ever.
        log.exception(
            "an event is lost to a webhook",
            webhook=str(hook.id),
            type=events[0]["type"],
            record=str(events[0]["record_id"]),
        )
        return []
    return [
        (
            uuid7(),
            hook.id,
            shown["id"],
            shown["type"],
            by_id[shown["id"]]["record_id"],
            json.dumps(payload(hook, by_id[shown["id"]], shown), separators=(",", ":")),
        )
        for shown in found
    ]
