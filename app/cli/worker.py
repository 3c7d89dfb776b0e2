"""`practice-exchange worker`: the periodic tasks, without serving."""

import asyncio

from app import periodic
from app.cli.migrate import prepare
from app.cli.signals import stopped_by_signals
from app.cli.target import configuration, target
from app.database import open_database
from app.logs import configure_logs


def worker() -> None:
    """Do the periodic tasks only: beside servers that run with PX_WORKER=off, or with others of its kind."""
    with stopped_by_signals(), target() as database:
        prepare(database)
        configure_logs(configuration().log_level)
        asyncio.run(_work(database.url))


async def _work(url: str) -> None:
    # The application takes its time to import, and few commands need it.
    from app.main import periodic_tasks  # noqa: PLC0415

    pools = await open_database(configuration(), database_url=url)
    try:
        await periodic.run(pools, periodic_tasks(configuration()))
    finally:
        await pools.close()
