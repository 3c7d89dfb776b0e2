"""The lines of an export: a header, the records, and a trailer with their numbers, by which a torn file is known."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from app.caller import Caller
from app.database import Connection
from app.resources.export.format import FORMAT, FORMAT_VERSION, HEADER, TRAILER
from app.resources.export.queries import reads

AT_ONCE = 100
PATIENCE = 60.0
# A reader may be slow, and the first rows of a long table need not come at once; both end some time.
SETTINGS = "SET LOCAL idle_in_transaction_session_timeout = '5min'; SET LOCAL statement_timeout = '60s'"


@asynccontextmanager
async def snapshot(connection: Connection) -> AsyncIterator[None]:
    """A transaction whose reads all see the database as it was at the first of them; it changes nothing."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(SETTINGS)
        yield


async def lines(
    connection: Connection, caller: Caller, source: str | None, *, with_messages: bool = False
) -> AsyncIterator[tuple[int, bytes]]:
    """An export in pieces of some lines, each with the number of its records; memory does not grow with its length.

    Args:
        connection: inside a snapshot.
        caller: who wants it; what they do not see is not in it.
        source: the address of this exchange, if it is known.
        with_messages: also the messages that the caller is on neither side of.
    """
    counts: Counter[str] = Counter()
    exported_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    seen_by = caller.organization or "everybody"
    yield (
        0,
        _line(HEADER, format=FORMAT, version=FORMAT_VERSION, exported_at=exported_at, source=source, seen_by=seen_by),
    )
    for name, statement in reads(caller, with_messages=with_messages):
        cursor = await connection.cursor(*statement.flat, timeout=PATIENCE)
        start = f'{{"type":"{name}","data":'
        while rows := await cursor.fetch(AT_ONCE, timeout=PATIENCE):
            counts[name] += len(rows)
            yield len(rows), "".join(f"{start}{row['data']}}}\n" for row in rows).encode()
    yield 0, _line(TRAILER, counts=dict(counts), records=counts.total())


def _line(kind: str, **members: Any) -> bytes:
    return json.dumps({"type": kind, **members}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
