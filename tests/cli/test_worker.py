"""`worker`: periodic tasks without serving, until it is told to stop."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg

from tests.cli.processes import PATIENCE, REPOSITORY, environment


def begin(folder: Path, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "app", "worker"]
    return subprocess.Popen(command, cwd=REPOSITORY, env=environment(folder, **more), stderr=subprocess.PIPE, text=True)


async def test_it_does_the_tasks_and_ends_cleanly(database_url: str, tmp_path: Path) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO exchange_request (id, kind, title, need, language, city_id, created_at, expires_at)"
        " VALUES (gen_random_uuid(), 'seek', 'How?', 'This.', 'en', 'ca-montreal', now() - interval '9 days', now())"
    )
    with begin(tmp_path, DATABASE_URL=database_url) as worker:
        try:
            assert await is_expired(connection)
            worker.send_signal(signal.SIGTERM)
            assert "Traceback" not in worker.communicate(timeout=PATIENCE)[1]
            assert worker.returncode == 0
        finally:
            worker.kill()
            await connection.close()


async def is_expired(connection: asyncpg.Connection) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if await connection.fetchval("SELECT status FROM exchange_request") == "expired":
            return True
        await asyncio.sleep(0.1)
    return False
