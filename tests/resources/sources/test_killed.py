"""The process that brings in a bulk is killed in the midst of it: sent again, every record is there once."""

import contextlib
import json
import signal
from pathlib import Path

import httpx
from anyio import to_thread

from app.database import Database
from tests.cli.processes import Serving
from tests.factories import Headers, make_client

LINES = 1_200
BODY = "".join(
    json.dumps(
        {
            "external_id": f"k{number}",
            "title": f"Practice {number}",
            "summary": "A city card for all.",
            "tags": ["theme:municipal-id"],
            "city": "ca-montreal",
            "external_ids": [{"scheme": "doi", "value": f"10.1/{number}"}],
        }
    )
    + "\n"
    for number in range(LINES)
).encode()


async def login(client: httpx.AsyncClient, serving: Serving, credentials: tuple[str, str]) -> Headers:
    form = {"grant_type": "client_credentials"}
    answer = await client.post(f"{serving.url}/oauth/token", auth=credentials, data=form)
    return {"Authorization": f"Bearer {answer.json()['access_token']}", "Content-Type": "application/x-ndjson"}


async def test_killed_in_a_bulk_and_sent_again(database_url: str, database: Database, tmp_path: Path) -> None:
    credentials = await make_client(database, "network:mmc")

    def start() -> Serving:
        return Serving(tmp_path, DATABASE_URL=database_url, PX_LOG_LEVEL="error")

    told = b""
    async with httpx.AsyncClient(timeout=30) as client:
        first = await to_thread.run_sync(start)
        url = f"{first.url}/v1/sources/mmc/practices"
        headers = await login(client, first, credentials)
        # The client's library meets a socket that died under it with an AttributeError at times.
        with contextlib.suppress(httpx.HTTPError, AttributeError):
            async with client.stream("POST", url, content=BODY, headers=headers) as answer:
                async for part in answer.aiter_bytes():
                    told += part
                    first.process.send_signal(signal.SIGKILL)
        await to_thread.run_sync(first.end)
        acknowledged = [json.loads(line) for line in told.splitlines(keepends=True) if line.endswith(b"\n")]
        assert 0 < len(acknowledged) < LINES
        second = await to_thread.run_sync(start)
        try:
            headers = await login(client, second, credentials)
            again = await client.post(f"{second.url}/v1/sources/mmc/practices", content=BODY, headers=headers)
        finally:
            await to_thread.run_sync(second.end)
    results = [json.loads(line) for line in again.text.splitlines()]
    assert {result["result"] for result in results} == {"created", "unchanged"}
    # What was acknowledged is kept, under the same ids.
    assert all(
        (one["id"], "unchanged") == (more["id"], more["result"])
        for one, more in zip(acknowledged, results, strict=False)
    )
    rows = await database.rows(
        "SELECT o.external_id, p.version FROM practice p JOIN practice_origin o ON o.practice_id = p.id"
    )
    assert sorted((row["external_id"], row["version"]) for row in rows) == sorted((f"k{n}", 1) for n in range(LINES))
    for table in ("practice", "practice_external_id", "feed WHERE type = 'practice'"):
        assert await database.value(f"SELECT count(*) FROM {table}") == LINES
