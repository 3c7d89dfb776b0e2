"""`practice-exchange worker`: the periodic tasks and the webhooks, without serving."""

import asyncio

from app import periodic
from app.cli.migrate import prepare
from app.cli.signals import run, stopped_by_signals
from app.cli.target import configuration, target
from app.database import open_database
from app.logs import configure_logs


def worker() -> None:
    """Do the periodic tasks and send webhooks, beside servers with PX_WORKER=off, or with others of its kind."""
    with stopped_by_signals(), target() as database:
        prepare(database)
        configure_logs(configuration().log_level)
        run(_work(database.url))


async def _work(url: str) -> None:
    from app.delivery.sender import run as send_webhooks  # noqa: PLC0415 - takes its time, and few commands need it
    from app.main import periodic_tasks  # noqa: PLC0415 - likewise

    pools = await open_database(configuration(), database_url=url)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(periodic.run(pools, periodic_tasks(configuration())))
            tasks.create_task(send_webhooks(pools, configuration(), url))
    finally:
        await pools.close()
