"""What networks bring in: created, updated, linked, claimed, taken back; who may."""

import asyncio
import random

from httpx import AsyncClient

from app.database import Database
from tests.conftest import Token
from tests.factories import Headers, make_adoption, make_practice
from tests.resources.sources.bringing import MMC, MONTREAL, UCLG, body_of, bring, put, state


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
