"""The migrations: one line of them, and each can be undone and done again with records in the tables."""

from pathlib import Path

import asyncpg
from alembic import command
from alembic.script import ScriptDirectory
from anyio import to_thread

from app.database import plain_url
from app.migrating import configuration, heads, upgrade
from app.schema import head


def test_there_is_one_head() -> None:
    assert heads() == [head()]


def test_files_are_named_by_their_time() -> None:
    folder = Path(__file__).parents[1] / "migrations" / "versions"
    revisions = [path.name for path in sorted(folder.glob("*.py"))]
    in_order = [script.path for script in ScriptDirectory.from_config(configuration()).walk_revisions()]
    assert [Path(path).name for path in reversed(in_order)] == revisions


async def counts(url: str) -> dict[str, int]:
    connection = await asyncpg.connect(plain_url(url))
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name: await connection.fetchval(f'SELECT count(*) FROM "{name}"') for (name,) in tables}
    finally:
        await connection.close()


async def test_down_to_nothing_and_up_on_filled_tables(database_url: str) -> None:
    assert (await counts(database_url))["city"] > 100
    await to_thread.run_sync(lambda: command.downgrade(configuration(database_url), "base"))
    left = await counts(database_url)
    assert left.keys() <= {"alembic_version"}
    await to_thread.run_sync(lambda: upgrade(database_url))
    after = await counts(database_url)
    assert after["city"] == 0
