"""Two processes deliver each event once, and one that is killed in the middle of a delivery loses none."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from anyio import to_thread
from httpx import AsyncClient

from app.database import Database
from tests.cli.processes import Serving
from tests.conftest import Token
from tests.factories import Headers, make_practice
from tests.receiver import Receiver, Reply
from tests.webhooks import deliveries, make_webhook, settled


@pytest.fixture
async def headers(token: Token) -> Headers:
    return await token("city:ca-montreal")


@pytest.fixture
async def pair(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Serving, Serving]]:
    def start() -> Serving:
        return Serving(tmp_path, DATABASE_URL=database_url, PX_LOG_LEVEL="error", PX_WEBHOOK_PRIVATE="allow")

    one, other = await asyncio.gather(to_thread.run_sync(start), to_thread.run_sync(start))
    yield one, other
    for serving in (one, other):
        await to_thread.run_sync(serving.end)


async def test_two_processes_deliver_once_and_a_killed_one_loses_nothing(
    pair: tuple[Serving, Serving], client: AsyncClient, headers: Headers, receiver: Receiver, database: Database
) -> None:
    one, other = pair
    webhook = await make_webhook(client, headers, receiver.url(), events=["practice.published"])
    made = {(await make_practice(client, headers))["id"] for _ in range(30)}
    got = await receiver.wait(len(made))
    await settled(database)
    assert sorted(one.event["data"]["id"] for one in got) == sorted(made), "each of them once"
    assert receiver.most_at_work["/hook"] <= 4, "so many at once, over both processes"
    assert {entry["status"] for entry in await deliveries(client, headers, webhook)} == {"delivered"}
    assert '"webhooks":"ok"' in one.get("/readyz")[1]

    receiver.reply = lambda _: Reply(delay=20)
    late = {(await make_practice(client, headers))["id"] for _ in range(8)}
    await receiver.wait(len(made) + 4)
    one.process.send_signal(signal.SIGKILL)
    receiver.reply = lambda _: Reply()
    # What the dead process held is due when its lease is over.
    await database.execute("UPDATE webhook_delivery SET due_at = now(), leased_until = now() WHERE status = 'pending'")
    await receiver.wait(len(made) + 4 + len(late))
    await settled(database)
    arrived = {entry["payload"]["data"]["id"]: entry for entry in await deliveries(client, headers, webhook)}
    assert arrived.keys() == made | late
    assert {entry["status"] for entry in arrived.values()} == {"delivered"}
    metrics = other.get("/metrics")[1]
    assert 'webhook_attempts_total{outcome="delivered"}' in metrics
    assert "webhook_backlog" in metrics
