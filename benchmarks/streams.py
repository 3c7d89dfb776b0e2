"""Many records at once: the feed beside COPY of the same rows, bulk beside COPY and INSERT … ON CONFLICT.

Each is done in turn with its rival, a few times; what counts are the medians.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import islice

import asyncpg

from app.identifiers import uuid7
from benchmarks.data import Practices
from benchmarks.processes import Server

NETWORK = "mmc"
NESTED = ("resources", "implementers", "indicators")
PUBLIC = "status = 'published' AND visibility = 'public'"
SENT = (
    "title", "summary", "challenge", "description", "results", "lessons", "language", "tags", "keywords", "resources",
    "city_id", "implementers", "year_start", "stage", "budget_band", "beneficiaries", "indicators", "evidence_level",
)  # fmt: skip
FORGET = """
WITH gone AS (
    DELETE FROM practice_origin WHERE network_id = 'mmc' AND external_id LIKE 'bench-%' RETURNING practice_id),
told AS (DELETE FROM feed WHERE type = 'practice' AND id IN (SELECT practice_id::text FROM gone)),
kept AS (DELETE FROM practice_document WHERE practice_id IN (SELECT practice_id FROM gone))
DELETE FROM practice WHERE id IN (SELECT practice_id FROM gone) OR title LIKE 'copied %'"""


@dataclass(frozen=True, slots=True)
class Stream:
    """Records a second of ours and of its rival."""

    name: str
    records: int
    ours: float
    rival: float

    @property
    def share(self) -> float:
        """How much of the rival's speed it has."""
        return self.ours / self.rival


async def measure_streams(
    server: Server, url: str, token: str, *, records: int, bulk: int, rounds: int, progress: Callable[[str], None]
) -> list[Stream]:
    """The feed as NDJSON from its beginning beside COPY, and bulk upserts beside COPY and INSERT.

    Args:
        server: the project's.
        url: its database.
        token: of the network for which records are brought in.
        records: how many the feed holds.
        bulk: how many are brought in.
        rounds: how often.
        progress: told what is done now.
    """
    connection = await asyncpg.connect(url, server_settings={"timezone": "UTC"})
    try:
        many = min(records, 50_000)
        progress("the feed beside COPY")
        feed = await _compare("feed", many, rounds, lambda _: _follow(server, many), lambda _: _copy(connection, many))
        progress("bulk beside COPY and INSERT")
        lines = [await _lines(connection, bulk, number) for number in range(rounds)]
        brought = await _compare(
            "bulk", bulk, rounds, lambda n: _bring(server, token, lines[n]), lambda n: _insert(connection, lines[n])
        )
        await connection.execute(FORGET)
    finally:
        await connection.close()
    return [feed, brought]


async def _compare(
    name: str, records: int, rounds: int, ours: Callable[[int], Awaitable[int]], rival: Callable[[int], Awaitable[int]]
) -> Stream:
    speeds: dict[str, list[float]] = {"ours": [], "rival": []}
    for number in range(rounds):
        turns = [("ours", ours), ("rival", rival)]
        for who, work in turns if number % 2 else reversed(turns):
            begun = time.perf_counter()
            done = await work(number)
            speeds[who].append(done / (time.perf_counter() - begun))
    return Stream(name, records, statistics.median(speeds["ours"]), statistics.median(speeds["rival"]))


async def _follow(server: Server, records: int) -> int:
    """Read so many changes of the stream."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 22)
    writer.write(
        b"GET /v1/changes?type=practice HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/x-ndjson\r\n"
        b"Connection: close\r\n\r\n"
    )
    seen = 0
    while seen < records and (data := await reader.read(1 << 20)):
        seen += data.count(b'{"type":"practice"')
    writer.close()
    return seen


async def _copy(connection: asyncpg.Connection, records: int) -> int:
    """Read so many rows by COPY."""

    async def nowhere(_: bytes) -> None:
        """Only read."""

    query = f"SELECT * FROM practice WHERE {PUBLIC} LIMIT {records}"
    return int((await connection.copy_from_query(query, output=nowhere)).split()[1])


async def _lines(connection: asyncpg.Connection, count: int, number: int) -> list[dict[str, object]]:
    """Records as a network sends them, others in each round."""
    cities = [row["id"] for row in await connection.fetch("SELECT id FROM city ORDER BY id")]
    tags: dict[str, list[str]] = {}
    for row in await connection.fetch("SELECT scheme, id FROM tag ORDER BY id"):
        tags.setdefault(row["scheme"], []).append(row["id"])
    made = []
    for place, practice in enumerate(islice(Practices(cities, tags, count), count)):
        record = {name: practice[name] for name in SENT}
        record |= {name: json.loads(str(record[name])) for name in NESTED}
        record["title"] = f"round {number} {record['title']}"[:150]
        made.append({"external_id": f"bench-{number}-{place}", **record, "status": "published"})
    return made


async def _bring(server: Server, token: str, lines: list[dict[str, object]]) -> int:
    """Send the lines to the service; every result must be `created`."""
    body = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 22)
    writer.write(
        f"POST /v1/sources/{NETWORK}/practices HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        + body
    )
    answer = await reader.read()
    writer.close()
    created = answer.count(b'"created"')
    assert created == len(lines), answer[:2000]  # noqa: S101 - else it is no measurement
    return created


async def _insert(connection: asyncpg.Connection, lines: list[dict[str, object]]) -> int:
    """COPY into a temporary table and one INSERT … ON CONFLICT, as one would by hand."""
    columns = ", ".join(SENT)
    rows = []
    for line in lines:
        record = {**line, "title": f"copied {line['title']}"[:150]}
        rows.append((uuid7(), *(json.dumps(record[n]) if n in NESTED else record[n] for n in SENT), "published"))
    async with connection.transaction():
        await connection.execute(
            f"CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT id, {columns}, status FROM practice WITH NO DATA"
        )
        await connection.copy_records_to_table("incoming", records=rows, columns=["id", *SENT, "status"])
        done = await connection.execute(
            f"INSERT INTO practice (id, {columns}, status, published_at)"
            f" SELECT id, {columns}, status, now() FROM incoming"
            f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in SENT)}"
        )
    return int(done.split()[-1])
