"""Drafts are indexed when they are searched, or by the clock: most are changed or published before anybody looks."""

from app.database import Connection, Database

BATCH = 500
# Two seconds' worth: who searches drafts right after bringing in thousands finds the rest a moment later.
MOST_BATCHES = 4
# The clock takes what has waited for long, and keeps the rest within what a search makes good.
IS_TIME = f"""
SELECT coalesce((SELECT noted_at < now() - interval '10 minutes' FROM search_due ORDER BY id LIMIT 1), FALSE)
    OR EXISTS (SELECT FROM search_due OFFSET {MOST_BATCHES * BATCH})"""


async def index_drafts(connection: Connection) -> int:
    """Make the search vectors of the drafts that have waited longest; gives how many changes were worked off."""
    return int(await connection.fetchval("SELECT px_index_due($1)", BATCH))


async def index_waiting_drafts(connection: Connection) -> int:
    """The same by the clock: if the first of them has waited ten minutes, or too many wait."""
    return await index_drafts(connection) if await connection.fetchval(IS_TIME) else 0


async def index_drafts_first(database: Database) -> None:
    """Make the search vectors of the drafts that wait, before a search for drafts."""
    for _ in range(MOST_BATCHES):
        async with database.connection() as connection:
            if await index_drafts(connection) < BATCH:
                return
