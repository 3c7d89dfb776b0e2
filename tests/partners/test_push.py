"""`push` over another history of our feed, and both commands as they go on by themselves."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from anyio import to_thread
from httpx import AsyncClient

from app.feed import rotate_epoch
from tests.cli.processes import REPOSITORY, environment
from tests.factories import make_practice, make_token
from tests.partners.exchanges import Exchange, credentials, exchange

SHOWN = "SELECT title FROM practice WHERE status = 'published' ORDER BY title"


@pytest.fixture
async def pair(server: str) -> AsyncIterator[tuple[Exchange, Exchange]]:
    async with exchange(server) as here, exchange(server) as there:
        yield here, there


async def shows(at: Exchange, *titles: str) -> None:
    """Wait until these are the practices there."""
    async with asyncio.timeout(30):
        while await at.rows(SHOWN) != [(title,) for title in titles]:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.05)


async def test_what_another_history_does_not_tell_is_taken_back_once(pair: tuple[Exchange, Exchange]) -> None:
    here, there = pair
    partner = await credentials(there, "mmc")
    async with AsyncClient(base_url=here.url) as client:
        headers = await make_token(here.database, "city:ca-montreal")
        made = [await make_practice(client, headers, title=title) for title in ("A", "B", "C")]
        await here.push(there.url, "mmc", partner)
        await client.delete(f"/v1/practices/{made[1]['id']}", headers={**headers, "If-Match": "*"})
    await here.database.execute("DELETE FROM feed WHERE id = $1", made[1]["id"])
    await here.push(there.url, "mmc", partner)
    assert await there.rows(SHOWN) == [("A",), ("B",), ("C",)], "nothing tells of its end"
    await rotate_epoch(here.database)
    pushed = await here.push(there.url, "mmc", partner)
    assert (dict(+pushed.counts), pushed.faults) == ({"unchanged": 2, "taken back": 1}, [])
    assert await there.rows(SHOWN) == [("A",), ("C",)]
    assert not +(await here.push(there.url, "mmc", partner)).counts


@pytest.mark.parametrize("command", ["push", "pull"])
async def test_following_goes_on_until_it_is_stopped(
    pair: tuple[Exchange, Exchange], command: str, tmp_path: Path
) -> None:
    source, target = pair
    id_, secret = await credentials(target, "mmc")
    at, partner = (source, target) if command == "push" else (target, source)
    environ = environment(
        tmp_path,
        DATABASE_URL=at.database_url,
        PX_PUBLIC_URL=at.url,
        PX_PUSH_CLIENT_ID=id_,
        PX_PUSH_CLIENT_SECRET=secret,
    )
    with subprocess.Popen(  # noqa: ASYNC220 - a process that does not end by itself
        [sys.executable, "-m", "app", command, partner.url, "--network", "mmc", "--follow"],
        cwd=REPOSITORY, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            async with AsyncClient(base_url=source.url) as client:
                headers = await make_token(source.database, "city:ca-montreal")
                first = await make_practice(client, headers, title="First")
                await shows(target, "First")
                await make_practice(client, headers, title="Second")
                await shows(target, "First", "Second")
                await client.delete(f"/v1/practices/{first['id']}", headers={**headers, "If-Match": "*"})
                await shows(target, "Second")
                if command == "push":
                    await rotate_epoch(source.database)
                    await make_practice(client, headers, title="Third")
                    await shows(target, "Second", "Third")
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = await to_thread.run_sync(process.communicate)
    assert process.returncode in {0, 128 + signal.SIGTERM}, said
    assert "Traceback" not in said
