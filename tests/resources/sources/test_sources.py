"""What networks bring in: one by one and in bulk, linked, claimed, taken back, on trial, broken off."""

import asyncio
import contextlib
import gzip
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import zstandard
from httpx import AsyncClient, Response

from app.database import Database
from app.resources.practices.sources.bulk import AT_ONCE
from app.resources.practices.sources.upsert import BUCKETS, LOCK
from tests.conftest import SqlCount, Token
from tests.factories import Headers, make_adoption, make_practice

MMC, UCLG, MONTREAL = "network:mmc", "network:uclg", "city:ca-montreal"
NDJSON = "application/x-ndjson"


@pytest.fixture
async def callers(token: Token) -> dict[str, Headers]:
    return {name: await token(name) for name in (MMC, UCLG, MONTREAL, "operator")}


def body_of(**changes: Any) -> dict[str, Any]:
    return {
        "title": "Municipal identity card", "summary": "A city card for all.", "language": "en",
        "tags": ["theme:municipal-id"], "city": "ca-montreal", **changes,
    }  # fmt: skip


async def put(client: AsyncClient, headers: Headers, network: str, external_id: str, **changes: Any) -> Response:
    path = f"/v1/sources/{network}/practices/{external_id}"
    return await client.put(path, json=body_of(**changes), headers=headers)


async def bring(
    client: AsyncClient, headers: Headers, lines: list[Any], network: str = "mmc", *, dry_run: bool = False, **more: str
) -> list[dict[str, Any]]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines).encode()
    encoding = more.get("encoding", "")
    if encoding == "gzip":
        text = gzip.compress(text)
    elif encoding == "zstd":
        text = zstandard.compress(text)
    extra = {"Content-Encoding": encoding} if encoding else {}
    response = await client.post(
        f"/v1/sources/{network}/practices", params={"dry_run": dry_run}, content=text,
        headers={**headers, "Content-Type": NDJSON, **extra},
    )  # fmt: skip
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


async def state(database: Database) -> list[Any]:
    """Everything that bringing in may touch."""
    return [
        [tuple(row.values()) for row in await database.rows(sql)]
        for sql in (
            "SELECT id::text, title, status, version, networks FROM practice ORDER BY id",
            "SELECT network_id, external_id, practice_id, url, linked, last_synced_at FROM practice_origin ORDER BY 2",
            "SELECT scheme, value, practice_id FROM practice_external_id ORDER BY 1, 2",
            "SELECT type, id, version, op, dirty FROM feed ORDER BY 1, 2",
            "SELECT count(*) FROM audit",
            "SELECT count(*) FROM transition",
        )
    ]


async def test_created_unchanged_updated(client: AsyncClient, callers: dict[str, Headers], database: Database) -> None:
    made = await put(client, callers[MMC], "mmc", "a/1", external_ids=[{"scheme": "doi", "value": "10.1/x"}])
    assert (made.status_code, made.json()["result"]) == (201, "created"), made.text
    path = f"/v1/practices/{made.json()['id']}"
    practice = (await client.get(path)).json()
    assert (practice["status"], practice["networks"], practice["version"]) == ("published", ["mmc"], 1)
    assert [(o["network"], o["external_id"]) for o in practice["origins"]] == [("mmc", "a/1")]
    before = await state(database)
    same = await put(client, callers[MMC], "mmc", "a/1", external_ids=[{"scheme": "doi", "value": "10.1/x"}])
    assert (same.status_code, same.json()["result"]) == (200, "unchanged")
    assert await state(database) == before
    changed = await put(client, callers[MMC], "mmc", "a/1", title="City card")
    assert (changed.status_code, changed.json()["result"]) == (200, "updated")
    practice = (await client.get(path)).json()
    assert (practice["title"], practice["version"], practice["external_ids"]) == ("City card", 2, [])
    read = await client.get("/v1/sources/mmc/practices/a%2F1", headers=callers[MMC])
    assert (read.json()["id"], read.headers["etag"] != "") == (practice["id"], True)


async def test_linked_to_what_another_network_brought(client: AsyncClient, callers: dict[str, Headers]) -> None:
    identity = [{"scheme": "doi", "value": "10.1/x"}]
    first = (await put(client, callers[MMC], "mmc", "1", external_ids=identity)).json()
    second = await put(client, callers[UCLG], "uclg", "u-7", title="Another title", external_ids=identity)
    assert (second.status_code, second.json()["result"], second.json()["id"]) == (200, "linked", first["id"])
    practice = (await client.get(f"/v1/practices/{first['id']}")).json()
    assert (practice["title"], practice["networks"]) == ("Municipal identity card", ["mmc", "uclg"])
    again = await put(client, callers[UCLG], "uclg", "u-7", title="Another title", external_ids=identity)
    assert again.json()["result"] == "linked"
    assert (await client.get(f"/v1/practices/{first['id']}")).json()["version"] == practice["version"]
    # The same address means the same record, too.
    url = "https://example.org/practices/9"
    third = (await put(client, callers[MMC], "mmc", "9", source_url=url)).json()
    fourth = (await put(client, callers[UCLG], "uclg", "u-9", source_url=url)).json()
    assert (fourth["result"], fourth["id"]) == ("linked", third["id"])
    # Once more by the same network, under another id of its own: that is a mistake.
    twice = await put(client, callers[MMC], "mmc", "10", source_url=url)
    assert (twice.status_code, twice.json()["errors"][0]["code"]) == (409, "brought_already")


async def test_a_claimed_record_is_the_citys(client: AsyncClient, callers: dict[str, Headers]) -> None:
    made = (await put(client, callers[MMC], "mmc", "1")).json()
    path = f"/v1/practices/{made['id']}"
    edit = {**callers[MONTREAL], "If-Match": "*"}
    claimed = await client.post(f"{path}/claim", headers=callers[MONTREAL])
    assert (claimed.status_code, claimed.json()["version"]) == (200, 2)
    assert (await client.post(f"{path}/claim", headers=callers[MONTREAL])).json()["version"] == 2
    assert (await client.patch(path, json={"title": "Ours"}, headers=edit)).status_code == 200
    refused = await put(client, callers[MMC], "mmc", "1", title="Theirs")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "claimed")
    assert (await client.get(path)).json()["title"] == "Ours"
    steps = (await client.get(f"{path}/transitions")).json()["items"]
    assert [(step["to"], step["reason"]) for step in steps] == [("published", None), ("published", "claimed")]
    assert (await client.delete("/v1/sources/mmc/practices/1", headers=callers[MMC])).status_code == 204
    assert (await client.get(path)).json()["status"] == "published"


async def test_taken_back(client: AsyncClient, callers: dict[str, Headers]) -> None:
    identity = [{"scheme": "doi", "value": "10.1/x"}]
    made = (await put(client, callers[MMC], "mmc", "1", external_ids=identity)).json()
    await put(client, callers[UCLG], "uclg", "2", external_ids=identity)
    path = f"/v1/practices/{made['id']}"
    assert (await client.delete("/v1/sources/mmc/practices/1", headers=callers[MMC])).status_code == 204
    assert (await client.get(path)).json()["networks"] == ["uclg"]
    # The next in line is the one to change it now.
    changed = await put(client, callers[UCLG], "uclg", "2", title="Theirs now", external_ids=identity)
    assert changed.json()["result"] == "updated"
    assert (await client.delete("/v1/sources/uclg/practices/2", headers=callers[UCLG])).status_code == 204
    assert (await client.get(path)).status_code == 410
    assert (await client.delete("/v1/sources/uclg/practices/2", headers=callers[UCLG])).status_code == 404
    anew = await put(client, callers[MMC], "mmc", "1", external_ids=identity)
    assert (anew.status_code, anew.json()["id"] != made["id"]) == (201, True)


async def test_who_may(client: AsyncClient, callers: dict[str, Headers], token: Token, database: Database) -> None:
    assert (await put(client, callers[UCLG], "mmc", "1")).status_code == 403
    assert (await put(client, callers[MONTREAL], "mmc", "1")).status_code == 403
    assert (await put(client, await token(MMC, "practices:write"), "mmc", "1")).status_code == 403
    assert (await put(client, callers["operator"], "nobody", "1")).status_code == 404
    assert (await put(client, callers["operator"], "mmc", "1")).status_code == 201
    await database.execute("UPDATE network SET review_policy = 'review' WHERE id = 'uclg'")
    made = (await put(client, callers[UCLG], "uclg", "1")).json()
    assert (await client.get(f"/v1/practices/{made['id']}")).status_code == 404
    seen = await client.get(f"/v1/practices/{made['id']}", headers=callers[UCLG])
    assert seen.json()["status"] == "submitted"


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


async def test_two_networks_at_once_make_one_record(
    client: AsyncClient, callers: dict[str, Headers], database: Database
) -> None:
    lines = [
        {"external_id": f"n{number}", **body_of(external_ids=[{"scheme": "doi", "value": str(number)}])}
        for number in range(120)
    ]
    random.Random(1).shuffle(lines)
    found = await asyncio.gather(bring(client, callers[MMC], lines), bring(client, callers[UCLG], lines[::-1], "uclg"))
    assert await database.value("SELECT count(*) FROM practice") == 120
    results = [[r["result"] for r in one] for one in found]
    assert sorted(results[0] + results[1]) == ["created"] * 120 + ["linked"] * 120


async def test_the_feed_hears_of_changes_only(client: AsyncClient, callers: dict[str, Headers]) -> None:
    lines = [{"external_id": f"f{number}", **body_of()} for number in range(30)]
    await bring(client, callers[MMC], lines)
    page = (await client.get("/v1/changes?type=practice&limit=100")).json()
    assert {(item["op"], item["origin"]) for item in page["items"]} == {("upsert", MMC)}
    lines[3]["title"] = "Changed"
    await bring(client, callers[MMC], lines)
    more = (await client.get("/v1/changes", params={"type": "practice", "cursor": page["next_cursor"]})).json()
    assert [item["data"]["title"] for item in more["items"]] == ["Changed"]


async def test_few_statements_however_many_lines(
    client: AsyncClient, callers: dict[str, Headers], sql_count: SqlCount
) -> None:
    for turn in range(3):
        # Each connection that takes part asks for the types once.
        await bring(client, callers[MMC], [{"external_id": f"{turn}-{n}", **body_of()} for n in range(60)])
    counts = []
    for size in (60, 400):
        with sql_count() as statements:
            await bring(client, callers[MMC], [{"external_id": f"{size}-{n}", **body_of()} for n in range(size)])
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 15, counts


async def test_a_citys_own_record_is_linked_not_overwritten(client: AsyncClient, callers: dict[str, Headers]) -> None:
    identity = [{"scheme": "doi", "value": "10.1/own", "url": None}]
    own = await make_practice(client, callers[MONTREAL], external_ids=identity)
    brought = (await put(client, callers[MMC], "mmc", "5", external_ids=identity)).json()
    assert (brought["result"], brought["id"]) == ("linked", own["id"])
    assert (await client.get(f"/v1/practices/{own['id']}")).json()["title"] == own["title"]


async def test_adoptions_leave_the_feed_with_a_record_taken_back(
    client: AsyncClient, callers: dict[str, Headers], token: Token
) -> None:
    made = (await put(client, callers[MMC], "mmc", "1")).json()
    await make_adoption(client, await token("city:sl-freetown"), made["id"])
    page = (await client.get("/v1/changes?type=adoption")).json()
    assert [item["op"] for item in page["items"]] == ["upsert"]
    await client.delete("/v1/sources/mmc/practices/1", headers=callers[MMC])
    more = (await client.get("/v1/changes", params={"type": "adoption", "cursor": page["next_cursor"]})).json()
    assert [(item["op"], item["reason"]) for item in more["items"]] == [("delete", "withdrawn")]


async def test_a_draft_goes_out_when_the_network_says_so(
    client: AsyncClient, callers: dict[str, Headers], database: Database
) -> None:
    made = (await put(client, callers[MMC], "mmc", "1", status="draft", summary=None)).json()
    bare = await put(client, callers[MMC], "mmc", "1", summary=None)
    assert (bare.status_code, bare.json()["errors"][0]["code"]) == (422, "summary")
    assert (await put(client, callers[MMC], "mmc", "1")).json()["result"] == "updated"
    assert (await put(client, callers[MMC], "mmc", "1")).json()["result"] == "unchanged"
    practice = (await client.get(f"/v1/practices/{made['id']}")).json()
    assert (practice["status"], practice["version"]) == ("published", 2)
    assert practice["published_at"] is not None
    timeline = (await client.get(f"/v1/practices/{made['id']}/transitions")).json()["items"]
    assert [(step["from"], step["to"]) for step in timeline] == [("draft", "published")]
    # Back it never comes, and what is published keeps its summary.
    assert (await put(client, callers[MMC], "mmc", "1", status="draft")).json()["result"] == "unchanged"
    refused = await put(client, callers[MMC], "mmc", "1", status="draft", summary=None)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/summary")
    await database.execute("UPDATE network SET review_policy = 'review' WHERE id = 'mmc'")
    await put(client, callers[MMC], "mmc", "2", status="draft")
    submitted = await put(client, callers[MMC], "mmc", "2")
    assert submitted.json()["result"] == "updated"
    shown = await client.get("/v1/sources/mmc/practices/2", headers=callers[MMC])
    assert shown.json()["status"] == "submitted"


async def test_an_update_tells_when_the_record_was_synced(
    client: AsyncClient, callers: dict[str, Headers], database: Database
) -> None:
    await put(client, callers[MMC], "mmc", "1")
    await database.execute("UPDATE practice_origin SET last_synced_at = '2026-01-01T00:00:00Z'")
    await put(client, callers[MMC], "mmc", "1", title="Another title")
    shown = (await client.get("/v1/sources/mmc/practices/1", headers=callers[MMC])).json()
    assert shown["origins"][0]["last_synced_at"] > "2026-01-02"


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
