"""An export is taken back whole by an empty exchange, and safely by one that is not."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from anyio import to_thread
from httpx import AsyncClient

from app.caller import ANONYMOUS, Caller
from app.loading import Report, UnreadableFileError, kind_of, load_file
from app.resources.export.lines import lines, snapshot
from app.resources.export.queries import OPERATOR
from tests.conftest import Token
from tests.exchange_of_everything import make_everything
from tests.factories import make_practice
from tests.postgres import cloned_database

STATE = """
SELECT (SELECT json_agg(to_json(f) ORDER BY f.type, f.id) FROM feed f)::text, (SELECT count(*) FROM audit),
       (SELECT json_agg(to_json(p) ORDER BY p.id) FROM practice p)::text"""


@pytest.fixture
async def empty_url(server: str) -> AsyncIterator[str]:
    """A migrated database without any record."""
    async with cloned_database(server) as url:
        await ask(url, "TRUNCATE city, network, tag, feed, search_term, search_word CASCADE")
        yield url


async def export(url: str, path: Path, caller: Caller = OPERATOR) -> list[str]:
    """Write an export to the file; gives its lines without the header."""
    connection = await asyncpg.connect(url, server_settings={"timezone": "UTC"})
    try:
        async with snapshot(connection):
            is_full = caller is OPERATOR
            whole = b"".join([piece async for _, piece in lines(connection, caller, None, with_messages=is_full)])
    finally:
        await connection.close()
    await to_thread.run_sync(path.write_bytes, whole)
    return whole.decode().splitlines()[1:]


async def ask(url: str, sql: str, *arguments: Any) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchrow(sql, *arguments)
    finally:
        await connection.close()


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.created, report.updated, report.unchanged, report.invalid


async def test_an_empty_exchange_gives_the_same_export(
    client: AsyncClient, token: Token, database_url: str, empty_url: str, tmp_path: Path
) -> None:
    await make_everything(client, token)
    first = await export(database_url, tmp_path / "first.ndjson")
    assert kind_of(tmp_path / "first.ndjson") == "export"
    assert json.loads(first[-1])["counts"]["message"] == 1
    report = await load_file(empty_url, tmp_path / "first.ndjson", kind="export")
    assert (counts(report), report.warnings, report.faults) == ((len(first) - 1, 0, 0, 0), {}, [])
    assert await export(empty_url, tmp_path / "second.ndjson") == first
    before = await ask(empty_url, STATE)
    again = await load_file(empty_url, tmp_path / "second.ndjson", kind="export")
    assert counts(again) == (0, 0, len(first) - 1, 0)
    assert await ask(empty_url, STATE) == before
    fed = (
        "SELECT json_agg(json_build_array(type, id, op, version) ORDER BY type, id)::text FROM feed WHERE op = 'upsert'"
    )
    records = "AND type IN ('practice', 'adoption', 'exchange_request')"
    assert await ask(empty_url, f"{fed} {records}") == await ask(database_url, f"{fed} {records}")


async def test_what_everybody_sees_makes_an_exchange_of_its_own(
    client: AsyncClient, token: Token, database_url: str, empty_url: str, tmp_path: Path
) -> None:
    await make_everything(client, token)
    first = await export(database_url, tmp_path / "public.ndjson", ANONYMOUS)
    report = await load_file(empty_url, tmp_path / "public.ndjson", kind="export")
    assert counts(report) == (len(first) - 1, 0, 0, 0)
    assert await export(empty_url, tmp_path / "again.ndjson", ANONYMOUS) == first


async def test_one_that_loaded_the_vocabularies_for_itself_becomes_equal_too(
    client: AsyncClient, token: Token, database_url: str, server: str, tmp_path: Path
) -> None:
    await make_practice(client, await token("city:ca-montreal"))
    first = await export(database_url, tmp_path / "first.ndjson")
    async with cloned_database(server) as other:
        await ask(other, "UPDATE tag SET created_at = now(), updated_at = now()")
        report = await load_file(other, tmp_path / "first.ndjson", kind="export")
        assert (report.updated, report.invalid) == (162, 0), "the tags take over when they were made"
        assert await export(other, tmp_path / "second.ndjson") == first


async def test_what_is_newer_here_stays_and_what_is_newer_there_is_taken(
    client: AsyncClient, token: Token, database_url: str, tmp_path: Path
) -> None:
    headers = await token("city:ca-montreal")
    older, newer = [await make_practice(client, headers, title=title) for title in ("Older", "Newer")]
    found = await export(database_url, tmp_path / "export.ndjson")
    records = [json.loads(line) for line in found]
    for line in records:
        if line.get("data", {}).get("id") == older["id"]:
            line["data"] |= {"title": "Changed there", "version": 9}
    write(tmp_path / "changed.ndjson", records)
    patched = {**headers, "If-Match": "*"}
    await client.patch(f"/v1/practices/{newer['id']}", json={"title": "Changed here"}, headers=patched)
    report = await load_file(database_url, tmp_path / "changed.ndjson", kind="export")
    assert (report.created, report.updated, report.invalid) == (0, 1, 0)
    assert report.warnings == {"practice: records that are newer or otherwise here were left as they are": 1}
    shown = [(await client.get(f"/v1/practices/{one['id']}")).json() for one in (older, newer)]
    assert [(one["title"], one["version"]) for one in shown] == [("Changed there", 9), ("Changed here", 3)]
    changes = (await client.get("/v1/changes?type=practice&limit=1000")).json()["items"]
    assert {change["data"]["title"] for change in changes} == {"Changed there", "Changed here"}


async def test_a_torn_file_is_refused_as_a_whole(
    client: AsyncClient, token: Token, database_url: str, empty_url: str, tmp_path: Path
) -> None:
    await make_practice(client, await token("city:ca-montreal"))
    await export(database_url, tmp_path / "export.ndjson")
    whole = (tmp_path / "export.ndjson").read_bytes()
    file = tmp_path / "torn.ndjson"
    for torn in (whole[: len(whole) // 2], whole.rsplit(b"\n", 2)[0] + b"\n", whole[:-3]):
        file.write_bytes(torn)
        with pytest.raises(UnreadableFileError, match="is torn"):
            await load_file(empty_url, file, kind=kind_of(file))
    file.write_bytes(whole.replace(b'"version":1', b'"version":2', 1))
    with pytest.raises(UnreadableFileError, match="export of format 2"):
        await load_file(empty_url, file, kind="export")
    assert (await ask(empty_url, "SELECT count(*) FROM tag"))[0] == 0


async def test_hostile_lines_are_told_and_the_others_are_loaded(
    client: AsyncClient, token: Token, database_url: str, tmp_path: Path
) -> None:
    made = await make_practice(client, await token("city:ca-montreal"), external_ids=[{"scheme": "x", "value": "1"}])
    found = await export(database_url, tmp_path / "export.ndjson")
    practice = next(json.loads(line)["data"] for line in found if json.loads(line)["type"] == "practice")
    fresh = {**practice, "id": "01a0c45f-1200-7c3d-ba41-18d8c17a6cf9", "external_ids": [], "timeline": []}
    bad: list[Any] = [
        {"type": "secret", "data": {}},
        {"type": "practice", "data": {**fresh, "title": "Line\u0007feed"}},
        {"type": "practice", "data": {**fresh, "beneficiaries": 10**30}},
        {"type": "practice", "data": {**fresh, "city_id": "ca-nowhere"}},
        {"type": "practice", "data": {**fresh, "tags": ["theme:unknown"]}},
        {"type": "practice", "data": {**fresh, "external_ids": practice["external_ids"]}},
        {
            "type": "practice",
            "data": {**fresh, "status": "merged", "successor": "01a0c45f-1200-7c3d-ba41-000000000099"},
        },
        {"type": "practice", "data": []},
        {"type": "practice"},
        [],
    ]
    for number, line in enumerate(bad):
        if isinstance(line, dict) and isinstance(line.get("data"), dict) and "id" in line["data"]:
            line["data"]["id"] = f"01a0c45f-1200-7c3d-ba41-{number:012}"
    trailer = {"type": "trailer", "records": len(bad) + 1}
    write(tmp_path / "bad.ndjson", [*bad, {"type": "practice", "data": fresh}, trailer])
    report = await load_file(database_url, tmp_path / "bad.ndjson", kind="export")
    assert (report.created, report.invalid) == (1, len(bad))
    assert {fault.line for fault in report.faults} == set(range(2, len(bad) + 2))
    assert (await client.get(f"/v1/practices/{fresh['id']}")).status_code == 200
    stands = (await client.get(f"/v1/practices/{made['id']}")).json()
    assert {**stands, "allowed_transitions": made["allowed_transitions"]} == made


def write(path: Path, records: list[Any]) -> None:
    header = {"type": "header", "format": "practice-exchange", "version": 1}
    path.write_text("".join(json.dumps(line) + "\n" for line in (header, *records)), encoding="utf-8")
