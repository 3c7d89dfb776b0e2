"""What tests of webhooks share: registering one, and waiting until nothing is left to be sent."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

from httpx import AsyncClient

from app.config import Settings
from app.database import Database
from app.delivery.sender import run
from tests.factories import Headers
from tests.receiver import PATIENCE


async def make_webhook(client: AsyncClient, headers: Headers, url: str, **changes: Any) -> dict[str, Any]:
    """A webhook registered over HTTP; gives its document, with the secret."""
    response = await client.post("/v1/webhooks", json={"url": url, **changes}, headers=headers)
    assert response.status_code == 201, response.text
    document: dict[str, Any] = response.json()
    return document


@contextlib.asynccontextmanager
async def sender_at_work(database: Database, settings: Settings) -> AsyncIterator[None]:
    """The sender of one process, for the block."""
    task = asyncio.create_task(run(database, settings))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def settled(database: Database) -> None:
    """Wait until every event is handed out, and every delivery has come to its end or waits for its time."""
    deadline = time.monotonic() + PATIENCE
    busy = """SELECT EXISTS (SELECT FROM webhook_event) OR EXISTS (
        SELECT FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id
        WHERE d.status = 'pending' AND (d.leased_until IS NOT NULL OR (
            d.due_at <= now() AND w.status = 'active' AND coalesce(w.resting_until <= now(), true))))"""
    while await database.value(busy):
        assert time.monotonic() < deadline, "deliveries are left"
        await asyncio.sleep(0.02)


async def deliveries(client: AsyncClient, headers: Headers, webhook: dict[str, Any], query: str = "") -> list[Any]:
    """The deliveries of a webhook, as the API shows them, newest first."""
    response = await client.get(f"/v1/webhooks/{webhook['id']}/deliveries?limit=100{query}", headers=headers)
    assert response.status_code == 200, response.text
    items: list[Any] = response.json()["items"]
    return items
