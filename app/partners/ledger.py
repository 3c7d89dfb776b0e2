"""How far we are with a partner, and what it has brought: read and written in the transactions of the records."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.database import Connection
from app.fields import Direction
from app.partners.batches import Kind

OPEN = """
INSERT INTO partner (direction, url, network_id, selection) VALUES ($1, $2, $3, $4)
ON CONFLICT (direction, url, network_id, selection) DO UPDATE SET url = excluded.url
RETURNING id, position, generation, is_copying"""
LOCK = "SELECT pg_try_advisory_lock(hashtextextended('practice-exchange partner ' || $1, 0))"
SEEN = """
INSERT INTO partner_record (partner_id, type, external_id, generation, refused, waiting)
SELECT $1, s.type, s.external_id, $2, s.refused, s.waiting::jsonb
FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS s (type, external_id, refused, waiting)
ON CONFLICT (partner_id, type, external_id) DO UPDATE
SET generation = excluded.generation, refused = excluded.refused, waiting = excluded.waiting
WHERE (partner_record.generation, partner_record.refused, partner_record.waiting)
      IS DISTINCT FROM (excluded.generation, excluded.refused, excluded.waiting)"""


PLACES_FIRST = "array_position('{city,tag,practice}', type)::text"


class BusyError(Exception):
    """Another process is at work with this partner just now."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A record that was met: `refused` if it was not taken; `waiting`, as it came, if it may be once more is there."""

    kind: Kind
    external_id: str
    refused: str | None = None
    waiting: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Ledger:
    """One direction of one partner. A trial's changes are remembered here alone."""

    id: int
    position: str | None
    generation: int
    is_copying: bool
    is_trial: bool = False

    async def advance(self, connection: Connection, position: str) -> None:
        """Go on from here next time."""
        if not self.is_trial:
            await connection.execute(
                "UPDATE partner SET position = $2, updated_at = now() WHERE id = $1", self.id, position
            )
        self.position = position

    async def restart(self, connection: Connection) -> None:
        """Begin a new full copy; what it does not meet is gone."""
        if not self.is_trial:
            await connection.execute(
                "UPDATE partner SET position = NULL, generation = generation + 1, is_copying = true, updated_at = now()"
                " WHERE id = $1",
                self.id,
            )
        self.position, self.generation, self.is_copying = None, self.generation + 1, True

    async def complete(self, connection: Connection) -> None:
        """The full copy is whole."""
        if not self.is_trial:
            await connection.execute("UPDATE partner SET is_copying = false WHERE id = $1", self.id)
        self.is_copying = False

    async def seen(self, connection: Connection, records: Sequence[Seen]) -> None:
        """Remember records that were met."""
        newest = {(record.kind, record.external_id): record for record in records}.values()
        if newest and not self.is_trial:
            await connection.execute(
                SEEN,
                self.id,
                self.generation,
                [record.kind for record in newest],
                [record.external_id for record in newest],
                [record.refused for record in newest],
                [None if record.waiting is None else json.dumps(record.waiting) for record in newest],
            )

    async def forget(self, connection: Connection, external_ids: Sequence[str]) -> None:
        """Forget practices that are gone."""
        if not self.is_trial:
            await connection.execute(
                "DELETE FROM partner_record WHERE partner_id = $1 AND type = 'practice' AND external_id = ANY ($2)",
                self.id,
                list(external_ids),
            )

    async def not_met(self, connection: Connection, limit: int) -> list[str]:
        """Practices that an earlier copy brought and this one has not met."""
        rows = await connection.fetch(
            "SELECT external_id FROM partner_record WHERE partner_id = $1 AND type = 'practice' AND generation < $2"
            f" ORDER BY external_id LIMIT {limit}",
            self.id,
            self.generation,
        )
        return [row["external_id"] for row in rows]

    async def known(self, connection: Connection, external_ids: Sequence[str]) -> set[str]:
        """Which of these practices were met before."""
        rows = await connection.fetch(
            "SELECT external_id FROM partner_record"
            " WHERE partner_id = $1 AND type = 'practice' AND external_id = ANY ($2)",
            self.id,
            list(external_ids),
        )
        return {row["external_id"] for row in rows}

    async def waiting(self, connection: Connection, after: tuple[str, str], limit: int) -> list[Any]:
        """Records that wait, cities and tags before practices: `type`, `external_id`, `waiting` as text."""
        return list(
            await connection.fetch(
                f"SELECT type, external_id, waiting::text FROM partner_record WHERE partner_id = $1"
                f" AND waiting IS NOT NULL AND ({PLACES_FIRST}, external_id) > ($2, $3)"
                f" ORDER BY {PLACES_FIRST}, external_id LIMIT {limit}",
                self.id,
                *after,
            )
        )


async def open_ledger(
    connection: Connection, direction: Direction, url: str, network: str, selection: str, *, is_trial: bool = False
) -> Ledger:
    """The ledger of a partner, for this connection alone until it closes; that of a trial is not written.

    Raises:
        BusyError: another process has it.
    """
    name = json.dumps([direction, url, network, selection])
    if not await connection.fetchval(LOCK, name):
        message = f"Another {direction} of {url} for {network} is running."
        raise BusyError(message)
    transaction = connection.transaction()
    await transaction.start()
    row = await connection.fetchrow(OPEN, direction, url, network, selection)
    assert row is not None  # noqa: S101 - an upsert gives its row
    await (transaction.rollback() if is_trial else transaction.commit())
    return Ledger(row["id"], row["position"], row["generation"], row["is_copying"], is_trial)
