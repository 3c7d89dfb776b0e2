"""Our own feed of public practices, as what a network brings in at another exchange."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.database import Connection
from app.documents import text_of
from app.feed import tick
from app.partners.exchange import practice_of
from app.resources.changes.queries import history
from app.resources.practices.documents import PUBLIC_DOCUMENT
from app.visibility import PUBLIC_PRACTICE

AT_ONCE = 200
STAMPERS_PATIENCE = 40
PAGE = f"""
SELECT f.seq, f.id, {{document}} AS body
FROM feed f LEFT JOIN practice p ON p.id = f.id::uuid AND {PUBLIC_PRACTICE} LEFT JOIN city c ON c.id = p.city_id
WHERE f.type = 'practice' AND f.seq > $1 ORDER BY f.seq LIMIT {AT_ONCE}"""
CHOSEN = """
SELECT f.id, {document} AS body
FROM unnest($1::text[]) AS f (id) LEFT JOIN practice p ON p.id = f.id::uuid AND {public}
LEFT JOIN city c ON c.id = p.city_id"""
DOCUMENT = f"CASE WHEN p.id IS NOT NULL THEN {text_of(PUBLIC_DOCUMENT)} END"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A practice as it is now; `document` is null when it is not public any more."""

    id: str
    document: dict[str, Any] | None

    def line(self, home: str | None) -> dict[str, Any]:
        """The practice as a network sends it; `home` is the address of this exchange, if it is known."""
        assert self.document is not None  # noqa: S101 - what is gone is not sent
        record = practice_of(self.document, self.id, home or "")
        if home is None:
            del record["source_url"]
            for entry in record["external_ids"]:
                if not str(entry.get("url") or "").startswith("http"):
                    entry["url"] = None
        return {"external_id": self.id, **record}

    def comes_from(self, base: str, networks: Sequence[str]) -> bool:
        """Whether the practice came from the exchange at `base`, or from one of these networks."""
        document = self.document or {}
        below = f"{base}/v1/practices/"
        links = [entry.get("url") or "" for name in ("origins", "external_ids") for entry in document.get(name, [])]
        if any(link.startswith(below) for link in links):
            return True
        return any(origin.get("network") in networks for origin in document.get("origins", []))


@dataclass(frozen=True, slots=True)
class Page:
    """Some practices of our feed, and the position after them."""

    practices: list[Outgoing]
    position: str
    is_last: bool


async def page(connection: Connection, position: str | None) -> Page | None:
    """The next of what has changed; None: the position belongs to another history of our database."""
    await _stamped(connection)
    # Of one moment: what is read, and up to where.
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        facts = await connection.fetchrow(history().sql)
        assert facts is not None  # noqa: S101 - system functions give one row
        head = int(await connection.fetchval("SELECT coalesce(max(seq), 0) FROM feed"))
        return await _page(connection, position, facts, head)


async def _stamped(connection: Connection) -> None:
    """See to it that what was committed before has a position, whoever gives it."""
    for _ in range(STAMPERS_PATIENCE):
        async with connection.transaction():
            await tick(connection)
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM feed WHERE seq IS NULL)"):
            return
        await asyncio.sleep(0.05)


async def _page(connection: Connection, position: str | None, facts: Any, head: int) -> Page | None:
    after = 0
    if position is not None:
        found = json.loads(position)
        after = int(found["after"])
        # Who has had its full copy, however far, was told of nothing that went below the floor.
        if found["epoch"] != facts["epoch"] or after > facts["head"] or max(after, found["copied"]) < facts["floor"]:
            return None
        copied = int(found["copied"])
    else:
        copied = head
    rows = await connection.fetch(PAGE.format(document=DOCUMENT), after)
    practices = [_outgoing(row) for row in rows]
    last = rows[-1]["seq"] if len(rows) == AT_ONCE else max(after, head)
    following = json.dumps({"epoch": facts["epoch"], "after": last, "copied": copied})
    return Page(practices, following, is_last=len(rows) < AT_ONCE)


async def practices(connection: Connection, ids: Sequence[str]) -> list[Outgoing]:
    """These practices as they are now."""
    rows = await connection.fetch(CHOSEN.format(document=DOCUMENT, public=PUBLIC_PRACTICE), list(ids))
    return [_outgoing(row) for row in rows]


def _outgoing(row: Any) -> Outgoing:
    return Outgoing(row["id"], None if row["body"] is None else json.loads(row["body"]))
