"""Upserts of what a network brings in: a batch is looked up and written by a few statements, however large it is."""

from collections.abc import Sequence

from app.caller import Actor
from app.database import Connection
from app.resources.practices.sources.decisions import Todo, moves, todo
from app.resources.practices.sources.known import held_by, look_up
from app.resources.practices.sources.records import Key, Record
from app.resources.practices.sources.writes import create, link, update

BUCKETS = 64
# Whoever brings in a record holds the buckets of its identities until it is committed, so that two networks that bring
# the same one at once make one record of it. In one order, so that nobody waits for each other.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('practice-exchange sources'), b) FROM unnest($1::int[]) AS b ORDER BY b"


async def upsert(
    connection: Connection, actor: Actor, network: str, records: Sequence[Record], *, locked: bool = True
) -> None:
    """Bring the records in, inside the caller's transaction, as if one by one; each says then what became of it.

    Args:
        connection: with its transaction.
        actor: who brings them in.
        network: for which network.
        records: checked in themselves; what they refer to is checked here.
        locked: False for a trial, which nobody has to wait for, and where the caller has them locked.
    """
    policy = await connection.fetchval("SELECT review_policy FROM network WHERE id = $1", network)
    if locked:
        await lock(connection, network, records)
    for batch in await independent(connection, network, records):
        await _upsert(connection, actor, network, batch, is_reviewed=policy == "review")


async def lock(connection: Connection, network: str, records: Sequence[Record]) -> None:
    """Keep everybody else from what the records may be, until the connection's transaction ends."""
    await connection.execute(LOCK, sorted({_bucket(network, key) for record in records for key in record.keys}))


async def independent(connection: Connection, network: str, records: Sequence[Record]) -> list[list[Record]]:
    """The records in batches of which none has two that may meet; those that may keep their order."""
    held = await held_by(connection, network, records)
    batches: list[list[Record]] = []
    last: dict[Key, int] = {}
    for record in records:
        keys = held[record.external_id] = record.keys | held.get(record.external_id, set())
        number = max((last.get(key, -1) for key in keys), default=-1) + 1
        if number == len(batches):
            batches.append([])
        batches[number].append(record)
        last.update(dict.fromkeys(keys, number))
    return batches


def _bucket(network: str, key: Key) -> int:
    named = (network, *key) if key[0] == "own id" else key
    return sum("\0".join(named).encode()) % BUCKETS


async def _upsert(
    connection: Connection, actor: Actor, network: str, batch: list[Record], *, is_reviewed: bool
) -> None:
    known = await look_up(connection, network, batch)
    sorted_out: dict[Todo, list[Record]] = {"create": [], "update": [], "link": []}
    for record in batch:
        if what := todo(record, known):
            sorted_out[what].append(record)
    if created := sorted_out["create"]:
        await create(connection, actor, network, created, is_reviewed=is_reviewed)
    if changed := sorted_out["update"]:
        moved = {record.id for record in changed if record.id and moves(record, known)}
        await update(connection, actor, network, changed, moved, is_reviewed=is_reviewed)
    if linked := sorted_out["link"]:
        await link(connection, actor, network, linked)
