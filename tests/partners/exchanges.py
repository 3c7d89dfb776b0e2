"""Exchanges on databases of their own, each with a real server, and what is asked of them in tests."""

import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import asyncpg
import uvicorn
from anyio import to_thread
from starlette.types import ASGIApp

from app.config import Settings
from app.database import Database, open_database
from app.main import create_app
from app.partners.batches import Tally
from app.partners.pull import Wish, open_pull
from app.partners.push import Order, open_push
from app.partners.remote import Remote
from tests.factories import make_client
from tests.postgres import cloned_database

# What an exchange shows of its practices, without what each has for itself.
SHOWN = """
SELECT p.title, p.summary, p.language, p.tags, p.city_id, p.partner_cities, p.license, p.indicators::text, p.status
FROM practice p WHERE p.status = 'published' ORDER BY p.title, p.id"""


@contextlib.contextmanager
def served(app: ASGIApp, **options: Any) -> Iterator[str]:
    """An application behind a real socket, in a thread of its own, with uvicorn's `options`; gives its address."""
    config = uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=5, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


class Exchange(NamedTuple):
    """An exchange: its address, its database."""

    url: str
    database_url: str
    database: Database

    async def rows(self, sql: str, *arguments: Any) -> list[Any]:
        return [tuple(row) for row in await self.database.rows(sql, *arguments)]

    async def marks(self) -> Any:
        """Moves with every change that the feed would tell."""
        return await self.database.value("SELECT last_value FROM feed_dirty_seq")

    async def pull(self, partner: str, network: str, *, wait: int = 0, attempts: int = 2, **wish: Any) -> Tally:
        """Follow a partner to the present."""
        connection = await asyncpg.connect(self.database_url, server_settings={"timezone": "UTC"})
        try:
            async with Remote(partner, attempts=attempts) as remote:
                opened = await open_pull(connection, remote, Wish(network, **wish), lambda _: None)
                await opened.catch_up(wait)
                return opened.tally
        finally:
            await connection.close()

    async def push(self, partner: str, network: str, credentials: tuple[str, str], **order: Any) -> Tally:
        """Send a partner what it has not got."""
        connection = await asyncpg.connect(self.database_url, server_settings={"timezone": "UTC"})
        try:
            async with Remote(partner, attempts=2) as remote:
                wish = Order(network, *credentials, order.pop("home", self.url), **order)
                opened = await open_push(connection, remote, wish, lambda _: None)
                await opened.send_refused()
                await opened.catch_up()
                return opened.tally
        finally:
            await connection.close()


@contextlib.asynccontextmanager
async def exchange(server: str) -> AsyncIterator[Exchange]:
    """An exchange without practices, on a clone of the template."""
    async with cloned_database(server) as url:
        settings = Settings(database_url=url, rate_limit="off", worker="off", pool_size=4)
        database = await open_database(settings)
        running = served(create_app(None, settings))
        address = await to_thread.run_sync(running.__enter__)
        try:
            yield Exchange(address, url, database)
        finally:
            await to_thread.run_sync(running.__exit__, None, None, None)
            await database.close()


async def credentials(at: Exchange, network: str) -> tuple[str, str]:
    """The id and the secret of a client of a network there."""
    return await make_client(at.database, f"network:{network}")
