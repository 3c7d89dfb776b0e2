"""The feed of changes: one row per record, without a position until a reader asks (stamp on read).

A write marks its record changed in its own transaction; writers never wait for each other, and no position is given to
what is not committed. A stamper, one at a time, gives the visible marks the next positions in the order in which they
were made. So a position, once read past, is never filled later: whoever follows the feed misses nothing.
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from app.database import Connection, Database

MARK = """
INSERT INTO feed (type, id, version, op, origin, dirty, seq, stamped_at)
SELECT {type}, {id}::text, {version}, {op}, {origin}, nextval('feed_dirty_seq'), NULL, NULL {source}
ON CONFLICT ON CONSTRAINT pk_feed DO UPDATE
SET version = greatest(feed.version, excluded.version), op = excluded.op, origin = excluded.origin,
    dirty = excluded.dirty, seq = NULL, stamped_at = NULL"""

# Rows that a writer holds are skipped: their marks come with that writer's commit. Positions come from a sequence, so
# that one is never given twice, even when the row with the last one has been marked anew. Times are taken under the
# stampers' lock and never go back, though the clock may: whoever asks by time, as harvesters do, misses nothing either.
STAMP = """
WITH due AS MATERIALIZED (
    SELECT type, id, dirty FROM feed WHERE seq IS NULL ORDER BY dirty LIMIT $1 FOR UPDATE SKIP LOCKED),
numbered AS (SELECT type, id, row_number() OVER (ORDER BY dirty) AS number FROM due),
block AS (SELECT setval('feed_position_seq', last_value + (SELECT count(*) FROM due)) AS last,
                 (SELECT count(*) FROM due) AS count
          FROM feed_position_seq WHERE EXISTS (SELECT FROM due))
UPDATE feed f SET seq = b.last - b.count + n.number, stamped_at = greatest(
    statement_timestamp(), (SELECT stamped_at FROM feed WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1))
FROM numbered n, block b WHERE f.type = n.type AND f.id = n.id
"""
LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('practice-exchange feed'))"
# What tells one history of the database from another: a restored or copied one must not honour old cursors. The
# rotation counts by hand what no system column shows.
EPOCH = """
SELECT s.system_identifier::text || '.' || k.timeline_id || '.' || d.oid || '.' || 'feed'::regclass::oid
       || '.' || coalesce((SELECT encode(value, 'hex') FROM secret WHERE name = 'feed epoch'), '0') AS epoch,
       (SELECT last_value FROM feed_position_seq) AS head,
       EXISTS (SELECT FROM feed WHERE seq IS NULL) AS is_marked,
       coalesce((SELECT floor FROM (SELECT convert_from(value, 'UTF8')::bigint AS floor FROM secret
                                    WHERE name = 'feed floor') x), 0) AS floor
FROM pg_control_system() s, pg_control_checkpoint() k, pg_database d WHERE d.datname = current_database()
"""
EPOCH_SECRET = "feed epoch"  # noqa: S105 - the name of the row
# The floor rises a minute or more before what lies below it is deleted, so that no reader whose cursor was good when
# it asked misses a deletion.
PRUNE = """
WITH pruned AS (
    DELETE FROM feed WHERE op = 'delete' AND seq <= (
        SELECT convert_from(value, 'UTF8')::bigint FROM secret
        WHERE name = 'feed floor' AND created_at < now() - interval '1 minute') RETURNING seq),
raised AS (
    INSERT INTO secret (name, value)
    SELECT 'feed floor', convert_to(max(seq)::text, 'UTF8') FROM feed
    WHERE op = 'delete' AND stamped_at < now() - make_interval(days => $1) HAVING max(seq) IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, created_at = now() WHERE secret.value <> excluded.value)
SELECT count(*) FROM pruned"""
BATCH = 10_000
WAITS = (0.005, 0.01, 0.015, 0.02)


@dataclass(frozen=True, slots=True)
class FeedType:
    """How the feed shows one kind of record: expressions over a row `f` of the feed.

    Attributes:
        name: the record type.
        source: a FROM clause with a WHERE that finds the record of `f` if anybody may see it.
        document: the public document, as text.
        filters: the condition that each filter of the feed puts on the record, with `{}` for the value.
        reason: why a record that nobody may see any more is gone, as an SQL expression over `f` alone; NULL: deleted.
        successor: the id of the record in its place, likewise.
        kept: a table with the finished documents, the condition that one shows the change of `f` after it; both with
            `{0}` for the table's alias. Its column is `body`.
    """

    name: str
    source: str
    document: str
    filters: Mapping[str, str]
    reason: str = "NULL"
    successor: str = "NULL"
    kept: str = ""


class Stamped(NamedTuple):
    """What a stamper did: `complete` says that nothing acknowledged is left without a position."""

    marks: int
    complete: bool


def mark(
    type_: str, source: str, *, id_: str = "id", version: str = "version", op: str = "'upsert'", origin: str = "NULL"
) -> str:
    """The statement that marks every row of `source` (`FROM …`) changed.

    Args:
        type_: the record type, such as `practice`.
        source: a FROM clause; its rows carry the record's id and version.
        id_: SQL expression of the id.
        version: SQL expression of the version.
        op: SQL expression: 'upsert' or 'delete'.
        origin: SQL expression of the organization that made the change.
    """
    return MARK.format(type=f"'{type_}'", id=id_, version=version, op=op, origin=origin, source=source)


async def stamp(database: Database) -> Stamped:
    """Give the marks that are visible now their positions; waits up to 50 ms for another stamper, then leaves it."""
    async with database.transaction() as connection:
        for wait in (*WAITS, None):
            if await connection.fetchval(LOCK):
                return await _stamp(connection)
            if wait is not None:
                await asyncio.sleep(wait)
    return Stamped(0, complete=False)


async def tick(connection: Connection) -> int:
    """The same by the clock, so that positions and their times do not wait for a reader; gives how many were given."""
    return (await _stamp(connection)).marks if await connection.fetchval(LOCK) else 0


async def rotate_epoch(database: Database) -> None:
    """Begin a new history of the feed: no cursor made before is honoured any more."""
    await database.execute(
        "INSERT INTO secret (name, value) VALUES ($1, $2)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value, created_at = now()",
        EPOCH_SECRET,
        secrets.token_bytes(8),
    )


async def prune(connection: Connection, days: int) -> int:
    """Delete the tombstones older than `days`, whose cursors get 410 from a minute before on; gives how many."""
    return int(await connection.fetchval(PRUNE, days))


async def _stamp(connection: Connection) -> Stamped:
    count = int((await connection.execute(STAMP, BATCH)).split()[-1])
    left = await connection.fetchval("SELECT EXISTS (SELECT FROM feed WHERE seq IS NULL)")
    return Stamped(count, complete=not left)
