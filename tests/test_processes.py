"""Two server processes on one database behave as one, and one of them may die at any moment."""

import asyncio
import contextlib
import signal
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from anyio import to_thread
from httpx import AsyncClient, HTTPError, Response

from app.database import Database
from tests.cli.processes import Serving
from tests.factories import Headers, make_client, practice_body

MONTREAL = "city:ca-montreal"


class Pair(NamedTuple):
    """Two processes, and a client that can ask both."""

    one: Serving
    other: Serving
    client: AsyncClient

    async def login(self, serving: Serving, credentials: tuple[str, str]) -> Headers:
        answer = await self.client.post(
            f"{serving.url}/oauth/token", auth=credentials, data={"grant_type": "client_credentials"}
        )
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
async def pair(database_url: str, tmp_path: Path) -> AsyncIterator[Pair]:
    def start() -> Serving:
        return Serving(tmp_path, DATABASE_URL=database_url, PX_LOG_LEVEL="error")

    one, other = await asyncio.gather(to_thread.run_sync(start), to_thread.run_sync(start))
    async with AsyncClient(timeout=10) as client:
        yield Pair(one, other, client)
    for serving in (one, other):
        await to_thread.run_sync(serving.end)


async def test_a_token_holds_everywhere_and_its_revocation_too(pair: Pair, database: Database) -> None:
    credentials = await make_client(database, MONTREAL)
    headers = await pair.login(pair.one, credentials)
    for serving in (pair.one, pair.other):
        assert (await pair.client.get(f"{serving.url}/v1/me", headers=headers)).status_code == 200
    token = headers["Authorization"].removeprefix("Bearer ")
    await pair.client.post(f"{pair.one.url}/oauth/revoke", auth=credentials, data={"token": token})
    started = time.monotonic()
    while (await pair.client.get(f"{pair.other.url}/v1/me", headers=headers)).status_code != 401:
        assert time.monotonic() - started < 6
        await asyncio.sleep(0.2)


async def test_cursors_and_first_answers_are_shared(pair: Pair, database: Database) -> None:
    headers = await pair.login(pair.one, await make_client(database, MONTREAL))
    page = (await pair.client.get(f"{pair.one.url}/v1/cities?limit=3")).json()
    cursor = {"limit": 3, "cursor": page["next_cursor"]}
    following = await pair.client.get(f"{pair.other.url}/v1/cities", params=cursor)
    assert following.status_code == 200
    assert not {item["id"] for item in following.json()["items"]} & {item["id"] for item in page["items"]}
    keyed = {**headers, "Idempotency-Key": "the-same"}
    made = await pair.client.post(f"{pair.one.url}/v1/practices", json=practice_body(), headers=keyed)
    again = await pair.client.post(f"{pair.other.url}/v1/practices", json=practice_body(), headers=keyed)
    assert (made.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["id"] == made.json()["id"]


async def test_of_two_moves_one_wins(pair: Pair, database: Database) -> None:
    headers = await pair.login(pair.one, await make_client(database, MONTREAL))
    for _ in range(5):
        made = await pair.client.post(f"{pair.one.url}/v1/practices", json=practice_body(), headers=headers)
        path = f"{made.headers['location']}/transitions"
        path = path[path.index("/v1/") :]

        async def move(serving: Serving, path: str = path) -> Response:
            return await pair.client.post(serving.url + path, json={"to": "published"}, headers=headers)

        statuses = [answer.status_code for answer in await asyncio.gather(*map(move, [pair.one, pair.other] * 4))]
        assert sorted(statuses) == [200] + [409] * 7


async def test_a_process_that_dies_loses_and_doubles_nothing(pair: Pair, database: Database) -> None:
    """Writers that repeat with their key, on the other process, while the first is killed in the midst of its work."""
    headers = await pair.login(pair.one, await make_client(database, MONTREAL))
    acknowledged: dict[str, str] = {}

    async def write(number: int) -> None:
        key = uuid.uuid4().hex
        body: dict[str, Any] = practice_body(title=f"Practice {number} {key}")
        keyed = {**headers, "Idempotency-Key": key}
        for serving in (pair.one, *[pair.other] * 20):
            # The client's library meets a socket that died under it with an AttributeError at times.
            with contextlib.suppress(HTTPError, AttributeError):
                answer = await pair.client.post(f"{serving.url}/v1/practices", json=body, headers=keyed)
                if answer.status_code == 201:
                    acknowledged[key] = answer.json()["id"]
                    return
                # The dead process's transaction is being undone, or the living one has too much to do at once.
                assert answer.status_code in {409, 503}, answer.text
            await asyncio.sleep(0.2)

    async def kill() -> None:
        await asyncio.sleep(0.1)
        pair.one.process.send_signal(signal.SIGKILL)

    await asyncio.gather(kill(), *(write(number) for number in range(120)))
    assert len(acknowledged) == 120
    rows = await database.rows("SELECT id::text, title FROM practice")
    stored = {row["title"].split()[-1]: row["id"] for row in rows}
    assert len(rows) == 120
    assert stored == acknowledged
