"""Many records at once: each line by itself, on trial, compressed, as if one by one, and at the same time."""

import asyncio
import contextlib
import gzip
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import zstandard
from httpx import AsyncClient

from app.database import Database
from app.resources.practices.sources.bulk import AT_ONCE
from app.resources.practices.sources.upsert import BUCKETS, LOCK
from tests.conftest import SqlCount
from tests.factories import Headers
from tests.resources.sources.bringing import MMC, MONTREAL, NDJSON, UCLG, body_of, bring, put, state

BAD: list[tuple[Any, str]] = [
    ("{", ""), ("[]", ""), ('{"external_id": "x", "external_id": "y"}', ""), ({"title": "No id"}, "/external_id"),
    ({"external_id": "b1", **body_of(tags=["theme:nothing"])}, "/tags/0"),
    ({"external_id": "b2", **body_of(city="xx-nowhere")}, "/city_id"),
    ({"external_id": "b3", **body_of(unknown=1)}, "/unknown"),
    ({"external_id": "b4", **body_of(title="a\0b")}, "/title"),
    ({"external_id": "b5", **body_of(summary=None)}, ""),
    ({"external_id": "b6", **body_of(visibility="network:nobody")}, "/visibility"),
    ('{"external_id": "b7", "staff_fte": 1e999}', "/title"),
    ({"external_id": "b8", **body_of(description="x" * 300_000)}, ""),
    ({"external_id": "\u202e\0", **body_of()}, "/external_id"),
]  # fmt: skip


async def test_a_bad_line_spoils_no_other(client: AsyncClient, callers: dict[str, Headers], database: Database) -> None:
    lines: list[Any] = []
    for number, (bad, _) in enumerate(BAD):
        lines += [bad, {"external_id": f"good-{number}", **body_of()}, ""]
    results = await bring(client, callers[MMC], lines)
    assert [result["line"] for result in results] == [n + 1 for n, line in enumerate(lines) if line != ""]
    for number, (_, pointer) in enumerate(BAD):
        bad, good = results[2 * number], results[2 * number + 1]
        assert (bad["result"], bad["id"]) == ("invalid", None), bad
        assert pointer in {fault["pointer"] for fault in bad["errors"]} or not pointer, bad
        assert (good["result"], good["external_id"]) == ("created", f"good-{number}")
    assert await database.value("SELECT count(*) FROM practice") == len(BAD)


def mixed(seed: int, count: int) -> list[dict[str, Any]]:
    """Lines with ids, identities and addresses that meet each other."""
    chance = random.Random(seed)
    lines = []
    for _ in range(count):
        changes: dict[str, Any] = {"title": chance.choice(["One", "Two", "Three"])}
        if chance.random() < 0.4:
            changes["external_ids"] = [{"scheme": "doi", "value": f"10.1/{chance.randrange(count // 5)}"}]
        if chance.random() < 0.3:
            changes["source_url"] = f"https://example.org/{chance.randrange(count // 8)}"
        if chance.random() < 0.1:
            changes["tags"] = ["theme:nothing"]
        lines.append({"external_id": f"x{chance.randrange(count // 2)}", **body_of(**changes)})
    return lines


@pytest.mark.parametrize(("seed", "count"), [(1, 80), (2, 80), (3, 80), (7, 300)])
async def test_a_trial_says_what_the_run_does_and_does_nothing(
    client: AsyncClient, callers: dict[str, Headers], database: Database, seed: int, count: int
) -> None:
    await bring(client, callers[UCLG], mixed(seed + 50, 16), "uclg")
    claimed = await client.get("/v1/practices", params={"limit": 2})
    for item in claimed.json()["items"]:
        await client.post(f"/v1/practices/{item['id']}/claim", headers=callers[MONTREAL])
    lines = mixed(seed, count)
    before = await state(database)
    told = await bring(client, callers[MMC], lines, dry_run=True)
    assert await state(database) == before
    done = await bring(client, callers[MMC], lines)
    assert [(r["line"], r["result"], r["errors"]) for r in told] == [
        (r["line"], r["result"], r["errors"]) for r in done
    ]
    assert {r["result"] for r in done} >= {"created", "updated", "linked", "invalid"}


@pytest.mark.parametrize(("seed", "count"), [(4, 60), (5, 60), (6, 240)])
async def test_many_at_once_are_as_if_one_by_one(
    client: AsyncClient, callers: dict[str, Headers], seed: int, count: int
) -> None:
    lines = mixed(seed, count)
    bulk = [r["result"] for r in await bring(client, callers[MMC], lines)]
    single = []
    for line in lines:
        body = {name: value for name, value in line.items() if name != "external_id"}
        for entry in body.get("external_ids", []):
            entry["value"] += "-s"
        if "source_url" in body:
            body["source_url"] += "-s"
        path = f"/v1/sources/uclg/practices/{line['external_id']}"
        answer = await client.put(path, json=body, headers=callers[UCLG])
        refusals = {409: "conflict", 422: "invalid"}
        single.append(refusals.get(answer.status_code) or answer.json()["result"])
    assert bulk == single


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_compressed_bodies(client: AsyncClient, callers: dict[str, Headers], encoding: str) -> None:
    lines = [{"external_id": f"z{number}", **body_of()} for number in range(700)]
    results = await bring(client, callers[MMC], lines, encoding=encoding)
    assert [result["result"] for result in results] == ["created"] * 700
    again = await bring(client, callers[MMC], lines)
    assert {result["result"] for result in again} == {"unchanged"}
    bomb = await bring(client, callers[MMC], ["x" * 20_000_000, lines[0]], encoding=encoding)
    assert [(r["line"], r["result"]) for r in bomb] == [(1, "invalid"), (2, "unchanged")]
    broken = await client.post(
        "/v1/sources/mmc/practices", content=b"not compressed at all",
        headers={**callers[MMC], "Content-Type": NDJSON, "Content-Encoding": encoding},
    )  # fmt: skip
    assert broken.status_code == 400
    unknown = await client.post(
        "/v1/sources/mmc/practices",
        content=b"",
        headers={**callers[MMC], "Content-Type": NDJSON, "Content-Encoding": "br"},
    )
    assert unknown.status_code == 415


async def test_few_statements_however_many_lines(
    client: AsyncClient, callers: dict[str, Headers], sql_count: SqlCount
) -> None:
    # Each connection that takes part asks for the types once.
    for turn, size in enumerate((60, 10) * 3):
        await bring(client, callers[MMC], [{"external_id": f"{turn}-{n}", **body_of()} for n in range(size)])
    counts = []
    for size in (10, 49, 60, 400):
        with sql_count() as statements:
            await bring(client, callers[MMC], [{"external_id": f"{size}-{n}", **body_of()} for n in range(size)])
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 8
    # From fifty on by halves, each of which looks and writes for itself.
    assert counts[2] == counts[3] <= 15


async def test_a_trial_gives_no_id_to_what_it_only_imagines(client: AsyncClient, callers: dict[str, Headers]) -> None:
    known = (await put(client, callers[MMC], "mmc", "1")).json()["id"]
    lines = [{"external_id": name, **body_of(title=title)} for name, title in (("1", "a"), ("2", "b"), ("2", "c"))]
    results = await bring(client, callers[MMC], lines, dry_run=True)
    assert [(line["result"], line["id"]) for line in results] == [
        ("updated", known),
        ("created", None),
        ("updated", None),
    ]


def compressed(encoding: str, *parts: bytes) -> bytes:
    return b"".join(gzip.compress(part) if encoding == "gzip" else zstandard.compress(part) for part in parts)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_compressed_body_in_parts_and_one_that_breaks_off(
    client: AsyncClient, callers: dict[str, Headers], encoding: str
) -> None:
    lines = [json.dumps({"external_id": name, **body_of()}).encode() + b"\n" for name in "12"]
    headers = {**callers[MMC], "Content-Type": NDJSON, "Content-Encoding": encoding}
    path = "/v1/sources/mmc/practices"
    whole = await client.post(path, content=compressed(encoding, *lines), headers=headers)
    assert [json.loads(line)["external_id"] for line in whole.text.splitlines()] == ["1", "2"]
    for cut in (1, 12):
        broken = await client.post(path, content=compressed(encoding, *lines)[:-cut], headers=headers)
        assert (broken.status_code, broken.json()["type"].rsplit("/")[-1]) == (400, "malformed-json")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_what_inflates_hugely_holds_up_nobody(
    client: AsyncClient, callers: dict[str, Headers], encoding: str
) -> None:
    content = compressed(encoding, b"0" * 30_000_000, b"\n" * 30_000_000)
    headers = {**callers[MMC], "Content-Type": NDJSON, "Content-Encoding": encoding}
    huge = asyncio.create_task(client.post("/v1/sources/mmc/practices", content=content, headers=headers))
    while not huge.done():
        await client.get("/livez")
        if not huge.done():
            break
    assert not huge.done(), "everybody else had to wait"
    assert [json.loads(line)["result"] for line in (await huge).text.splitlines()] == ["invalid"]


async def test_the_next_lines_are_read_while_these_are_written(
    client: AsyncClient, callers: dict[str, Headers], database: Database
) -> None:
    read = 0

    async def lines() -> AsyncIterator[bytes]:
        nonlocal read
        for number in range(3 * AT_ONCE):
            read += 1
            yield json.dumps({"external_id": f"n{number}", **body_of()}).encode() + b"\n"

    headers = {**callers[MMC], "Content-Type": NDJSON}
    async with asyncio.TaskGroup() as tasks, database.transaction() as other:
        await other.execute(LOCK, list(range(BUCKETS)))
        bringing = tasks.create_task(client.post("/v1/sources/mmc/practices", content=lines(), headers=headers))
        # While nothing can be written, one more chunk is made ready, and then nothing is read any more.
        before = 0
        while read <= AT_ONCE or read > before:
            before = read
            await asyncio.sleep(0.2)
        assert read == 2 * AT_ONCE
        assert await database.value("SELECT count(*) FROM practice_origin") == 0
    results = [json.loads(line) for line in (await bringing).text.splitlines()]
    assert [(result["line"], result["result"]) for result in results] == [
        (number + 1, "created") for number in range(3 * AT_ONCE)
    ]


async def test_without_a_spare_connection_all_is_written_by_one(
    client: AsyncClient, callers: dict[str, Headers], database: Database
) -> None:
    async with contextlib.AsyncExitStack() as others:
        while database.primary.get_size() - database.primary.get_idle_size() < database.primary.get_max_size() - 1:
            await others.enter_async_context(database.connection())
        results = await bring(client, callers[MMC], [{"external_id": f"n{n}", **body_of()} for n in range(100)])
    assert [result["result"] for result in results] == ["created"] * 100


async def test_a_record_that_another_holds_is_waited_for_and_the_rest_is_written_once(
    client: AsyncClient, callers: dict[str, Headers], database: Database
) -> None:
    lines = [{"external_id": f"n{n}", **body_of()} for n in range(100)]
    await bring(client, callers[MMC], lines)
    changed = [{**line, "title": "Changed"} for line in lines]
    versions = "SELECT version, count(*) FROM practice GROUP BY version"
    async with database.transaction() as other:
        of_the_second_half = "(SELECT practice_id FROM practice_origin WHERE external_id = 'n80')"
        await other.execute(f"SELECT FROM practice WHERE id = {of_the_second_half} FOR UPDATE")
        bringing = asyncio.create_task(bring(client, callers[MMC], changed))
        seen: list[Any] = []
        while seen != [(1, 50), (2, 50)]:
            await asyncio.sleep(0.05)
            seen = [tuple(row) for row in await database.rows(f"{versions} ORDER BY version")]
        # Longer than a lock is waited for.
        await asyncio.sleep(2.5)
        assert not bringing.done()
    assert [result["result"] for result in await bringing] == ["updated"] * 100
    assert [tuple(row) for row in await database.rows(versions)] == [(2, 100)]
