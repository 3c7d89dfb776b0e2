"""Exchanges that sync both ways, with edits on both sides and processes that are killed, end equal and come to rest."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread
from httpx import AsyncClient

from app.loading import load_file
from tests.cli.processes import REPOSITORY, environment
from tests.factories import Headers, make_practice, make_token
from tests.partners.exchanges import SHOWN, Exchange, credentials, exchange

MONTREAL = "city:ca-montreal"

MANY = 450
OWN = """SELECT id::text FROM practice WHERE networks = '{}' AND status = 'published'
    ORDER BY title LIMIT 1 OFFSET $1"""


@pytest.fixture
async def pair(server: str) -> AsyncIterator[tuple[Exchange, Exchange]]:
    async with exchange(server) as here, exchange(server) as there:
        yield here, there


async def fill(at: Exchange, name: str, count: int, folder: Path) -> None:
    """Practices of the exchange's own, many at once."""
    record: dict[str, Any] = {"summary": "A desk.", "city_id": "ca-montreal", "tags": ["theme:housing"]}
    records = [{**record, "external_id": f"{name}-{number}", "title": f"{name} {number:03}"} for number in range(count)]
    file = folder / f"practices.{name}.ndjson"
    await to_thread.run_sync(file.write_text, "\n".join(map(json.dumps, records)))
    assert (await load_file(at.database_url, file, scheme=name)).created == count


class Editor:
    """A city that changes its own practices at one exchange, all the while."""

    def __init__(self, at: Exchange, client: AsyncClient, headers: Headers) -> None:
        self._at, self._client, self._headers = at, client, headers

    async def edit(self, number: int) -> None:
        """One new practice, one changed, one withdrawn, one archived."""
        path = f"{self._at.url}/v1/practices"
        body = {"title": f"New {number} at {self._at.url}", "summary": "New.", "tags": ["gcm:4"]}
        made = (await self._client.post(path, json=body, headers=self._headers)).json()["id"]
        await self._move(f"{path}/{made}", "published")
        ids = [await self._at.database.value(OWN, number * 7 + place) for place in (1, 2, 3)]
        patched = {**self._headers, "If-Match": "*"}
        answer = await self._client.patch(f"{path}/{ids[0]}", json={"summary": f"Changed {number}"}, headers=patched)
        assert answer.status_code == 200, answer.text
        await self._move(f"{path}/{ids[1]}", "withdrawn")
        await self._move(f"{path}/{ids[2]}", "archived")

    async def _move(self, path: str, to: str) -> None:
        answer = await self._client.post(f"{path}/transitions", json={"to": to}, headers=self._headers)
        assert answer.status_code == 200, answer.text


async def killed_in_the_midst(at: Exchange, into: Exchange, folder: Path, *command: str, **more: str) -> None:
    """Run a command in a process of its own, and kill it when the first of its records have come, not the last."""
    before = await into.database.value("SELECT count(*) FROM practice")
    environ = environment(folder, DATABASE_URL=at.database_url, **more)
    with subprocess.Popen(  # noqa: ASYNC220 - a process to be killed
        [sys.executable, "-m", "app", *command],
        cwd=REPOSITORY,
        env=environ,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        async with asyncio.timeout(60):
            while await into.database.value("SELECT count(*) FROM practice") == before:  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        await to_thread.run_sync(process.communicate)
        assert process.returncode == -signal.SIGKILL


async def test_pull_and_push_killed_amid_edits_end_equal_and_come_to_rest(
    pair: tuple[Exchange, Exchange], tmp_path: Path
) -> None:
    here, there = pair
    await fill(here, "here", MANY, tmp_path)
    await fill(there, "there", MANY, tmp_path)
    client_of_there = await credentials(there, "mmc")
    secrets = {"PX_PUSH_CLIENT_ID": client_of_there[0], "PX_PUSH_CLIENT_SECRET": client_of_there[1]}
    async with AsyncClient(timeout=30) as client:
        editors = [Editor(at, client, await make_token(at.database, MONTREAL)) for at in pair]
        await killed_in_the_midst(here, here, tmp_path, "pull", there.url, "--network", "uclg")
        await asyncio.gather(*(editor.edit(1) for editor in editors))
        push = ("push", there.url, "--network", "mmc")
        await killed_in_the_midst(here, there, tmp_path, *push, PX_PUBLIC_URL=here.url, **secrets)
        # What was sent before the kill, and ended after it, has to end there too.
        await asyncio.gather(*(editor.edit(2) for editor in editors))
        await asyncio.gather(
            *(editor.edit(3) for editor in editors),
            here.pull(there.url, "uclg"),
            here.push(there.url, "mmc", client_of_there),
        )
    # In this order each side has what the other had, and neither brings back what it got.
    pulled = await here.pull(there.url, "uclg")
    pushed = await here.push(there.url, "mmc", client_of_there)
    assert (pulled.faults, pushed.faults) == ([], [])
    mine, theirs = [await at.rows(SHOWN) for at in pair]
    assert len(mine) == 2 * (MANY + 3 - 6)
    assert mine == theirs
    assert len({row[0] for row in mine}) == len(mine), "no record is there twice"
    before = [await at.marks() for at in pair]
    for _ in range(2):
        pulled = await here.pull(there.url, "uclg")
        pushed = await here.push(there.url, "mmc", client_of_there)
        assert not {"created", "updated", "linked", "taken back"} & {*pulled.counts, *pushed.counts}
    assert [await at.marks() for at in pair] == before


async def test_three_in_a_ring_have_each_record_once(pair: tuple[Exchange, Exchange], server: str) -> None:
    """A record that comes home by way of two others is known, and one that comes by two ways is one record."""
    async with exchange(server) as third, AsyncClient(timeout=30) as client:
        ring = [*pair, third]
        made = []
        for number, at in enumerate(ring):
            client.base_url = at.url
            headers = await make_token(at.database, MONTREAL)
            made.append((headers, await make_practice(client, headers, title=f"Made at {number}")))

        async def round_() -> None:
            # Each pulls from its neighbour under one network; the first from both, under two.
            for at, partner, network in (
                (ring[1], ring[0], "uclg"), (ring[2], ring[1], "uclg"), (ring[0], ring[2], "uclg"),
                (ring[0], ring[1], "mmc"),
            ):  # fmt: skip
                await at.pull(partner.url, network)

        for _ in range(3):
            await round_()
        shown = [[row[0] for row in await at.rows(SHOWN)] for at in ring]
        assert shown == [["Made at 0", "Made at 1", "Made at 2"]] * 3
        client.base_url = ring[0].url
        headers, practice = made[0]
        await client.patch(
            f"/v1/practices/{practice['id']}", json={"title": "Made at 0, better"}, headers={**headers, "If-Match": "*"}
        )
        await round_()
        assert [(await at.rows(SHOWN))[0][0] for at in ring] == ["Made at 0, better"] * 3
        await round_()
        before = [await at.marks() for at in ring]
        await round_()
        assert [await at.marks() for at in ring] == before
        await client.delete(f"/v1/practices/{practice['id']}", headers={**headers, "If-Match": "*"})
        await round_()
        assert [len(await at.rows(SHOWN)) for at in ring] == [2, 2, 2]


async def test_what_is_sent_home_by_who_does_not_know_is_refused_there(
    pair: tuple[Exchange, Exchange],
) -> None:
    """Without addresses in the records the sender cannot know whose they are; the one at home does."""
    here, there = pair
    async with AsyncClient(timeout=30, base_url=there.url) as client:
        await make_practice(client, await make_token(there.database, MONTREAL), title="Made there")
    await there.push(here.url, "uclg", await credentials(here, "uclg"), home=None)
    before = await there.marks()
    pushed = await here.push(there.url, "mmc", await credentials(there, "mmc"), home=None)
    assert (dict(pushed.counts), pushed.faults) == ({"theirs": 1}, [])
    assert await there.marks() == before
    assert len(await there.rows(SHOWN)) == len(await here.rows(SHOWN)) == 1
