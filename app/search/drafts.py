"""Drafts are indexed when they are searched, or by the clock: most are changed a few times before anybody looks."""

from app.database import Connection, Database

BATCH = 500
# Two seconds' worth: who searches drafts right after bringing in thousands finds the rest a moment later.
MOST_BATCHES = 4


async def index_drafts(connection: Connection) -> int:
    """Make the search vectors of the drafts that have waited longest; gives how many changes were worked off."""
    return int(await connection.fetchval("SELECT px_index_due($1)", BATCH))


async def index_drafts_first(database: Database) -> None:
    """Make the search vectors of the drafts that wait, before a search for drafts."""
    for _ in range(MOST_BATCHES):
        async with database.connection() as connection:
            if await index_drafts(connection) < BATCH:
                return
