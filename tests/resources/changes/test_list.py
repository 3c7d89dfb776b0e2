"""Following the feed: the copy of one who does so is what the server has."""

import asyncio
import json
import random
from typing import Any

import pytest
from httpx import AsyncClient

from app import feed
from app.database import Database
from app.feed import rotate_epoch
from tests.conftest import Token
from tests.factories import Headers, make_practice, make_request

Copy = dict[tuple[str, str], Any]


async def follow(client: AsyncClient, copy: Copy, cursor: str | None = None, **parameters: Any) -> str:
    """Apply all changes since the cursor to a copy; gives the next cursor."""
    while True:
        given = {**parameters, **({"cursor": cursor} if cursor else {})}
        response = await client.get("/v1/changes", params=given)
        assert response.status_code == 200, response.text
        page = response.json()
        for item in page["items"]:
            key = (item["type"], item["id"])
            if item["op"] == "delete":
                assert item["data"] is None
                copy.pop(key, None)
            else:
                assert item["version"] >= copy.get(key, {"version": 0})["version"]
                copy[key] = item["data"]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            return str(cursor)


async def everything(client: AsyncClient, **filters: Any) -> Copy:
    """All public practices, one by one, as GET shows them."""
    found: Copy = {}
    parameters: dict[str, Any] = {"limit": 100, **filters}
    while True:
        page = (await client.get("/v1/practices", params=parameters)).json()
        for item in page["items"]:
            found["practice", item["id"]] = (await client.get(f"/v1/practices/{item['id']}")).json()
        if page["next_cursor"] is None:
            return found
        parameters["cursor"] = page["next_cursor"]


async def move(client: AsyncClient, headers: Headers, id_: str, to: str, **more: Any) -> None:
    response = await client.post(f"/v1/practices/{id_}/transitions", json={"to": to, **more}, headers=headers)
    assert response.status_code == 200, response.text


async def test_a_copy_from_the_start_is_what_is_there(client: AsyncClient, token: Token) -> None:
    owner = await token("city:ca-montreal")
    for number in range(7):
        await make_practice(client, owner, title=f"Practice {number}")
    await make_practice(client, owner, publish=False, title="A draft")
    await make_practice(client, owner, visibility="members", title="For members")
    copy: Copy = {}
    await follow(client, copy, type=["practice", "practice"], limit=3)
    assert copy == await everything(client)
    assert len(copy) == 7


async def test_increments_bring_changes_and_tombstones(client: AsyncClient, token: Token) -> None:
    owner = await token("city:ca-montreal")
    made = [await make_practice(client, owner, title=f"Practice {number}") for number in range(5)]
    copy: Copy = {}
    cursor = await follow(client, copy)
    etag = (await client.get(f"/v1/practices/{made[0]['id']}", headers=owner)).headers["etag"]
    patched = await client.patch(
        f"/v1/practices/{made[0]['id']}", json={"title": "New"}, headers={**owner, "If-Match": etag}
    )
    assert patched.status_code == 200
    await move(client, owner, made[1]["id"], "archived")
    await move(client, owner, made[2]["id"], "withdrawn")
    await move(client, owner, made[3]["id"], "merged", successor=made[4]["id"])
    page = (await client.get("/v1/changes", params={"cursor": cursor})).json()
    assert page["has_more"] is False
    seen = {item["id"]: item for item in page["items"]}
    assert seen[made[0]["id"]]["data"]["title"] == "New"
    assert (seen[made[1]["id"]]["op"], seen[made[1]["id"]]["reason"]) == ("delete", "archived")
    assert seen[made[2]["id"]]["reason"] == "withdrawn"
    assert (seen[made[3]["id"]]["reason"], seen[made[3]["id"]]["successor"]) == ("merged", made[4]["id"])
    await follow(client, copy, cursor)
    practices = {key: value for key, value in copy.items() if key[0] == "practice"}
    assert practices == await everything(client)


async def test_nothing_new_leaves_the_cursor_good(client: AsyncClient, token: Token) -> None:
    await make_practice(client, await token("city:ca-montreal"))
    cursor = await follow(client, {})
    page = (await client.get("/v1/changes", params={"cursor": cursor})).json()
    assert page["items"] == []
    assert page["has_more"] is False
    assert (await client.get("/v1/changes", params={"cursor": page["next_cursor"]})).status_code == 200


async def test_a_renamed_city_changes_the_practices_that_show_it(client: AsyncClient, token: Token) -> None:
    owner = await token("city:ca-montreal")
    made = await make_practice(client, owner)
    copy: Copy = {}
    cursor = await follow(client, copy)
    etag = (await client.get("/v1/cities/ca-montreal")).headers["etag"]
    renamed = await client.patch("/v1/cities/ca-montreal", json={"name": "Montréal"},
                                 headers={**owner, "If-Match": etag})  # fmt: skip
    assert renamed.status_code == 200, renamed.text
    await follow(client, copy, cursor)
    assert copy["practice", made["id"]]["city"]["name"] == "Montréal"
    assert copy["city", "ca-montreal"]["name"] == "Montréal"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"city": "ca-montreal"}, {"A", "B"}),
        ({"country": "GB"}, {"C"}),
        ({"tag": "theme:housing"}, {"B", "C"}),
        ({"network": "eurocities"}, {"C"}),
        ({"exclude_origin": "city:ca-montreal"}, {"C"}),
    ],
)
async def test_filters(client: AsyncClient, token: Token, filters: dict[str, str], expected: set[str]) -> None:
    montreal, bristol = await token("city:ca-montreal"), await token("city:gb-bristol")
    await client.put(
        "/v1/networks/eurocities/cities/gb-bristol", json={"role": "member"}, headers=await token("network:eurocities")
    )
    await make_practice(client, montreal, title="A", tags=["theme:municipal-id"])
    await make_practice(client, montreal, title="B", tags=["theme:housing"])
    await make_practice(client, bristol, title="C", tags=["theme:housing"])
    copy: Copy = {}
    await follow(client, copy, type="practice", **filters)
    assert {document["title"] for document in copy.values()} == expected


async def test_what_ceases_to_match_is_a_delete(client: AsyncClient, token: Token) -> None:
    owner = await token("city:ca-montreal")
    made = await make_practice(client, owner, tags=["theme:housing"])
    copy: Copy = {}
    cursor = await follow(client, copy, type="practice", tag="theme:housing")
    assert len(copy) == 1
    etag = (await client.get(f"/v1/practices/{made['id']}", headers=owner)).headers["etag"]
    await client.patch(f"/v1/practices/{made['id']}", json={"tags": []}, headers={**owner, "If-Match": etag})
    page = (
        await client.get("/v1/changes", params={"cursor": cursor, "type": "practice", "tag": "theme:housing"})
    ).json()
    assert [(item["op"], item["reason"]) for item in page["items"]] == [("delete", "not_matching")]


async def test_only_public_requests_are_in_it(client: AsyncClient, token: Token) -> None:
    owner = await token("city:ca-montreal")
    shown = await make_request(client, owner)
    await make_request(client, owner, visibility="members", title="Hidden word")
    copy: Copy = {}
    cursor = await follow(client, copy, type="exchange_request")
    assert list(copy) == [("exchange_request", shown["id"])]
    etag = (await client.get(f"/v1/exchange-requests/{shown['id']}", headers=owner)).headers["etag"]
    hidden = await client.patch(
        f"/v1/exchange-requests/{shown['id']}", json={"visibility": "members"}, headers={**owner, "If-Match": etag}
    )
    assert hidden.status_code == 200, hidden.text
    page = (await client.get("/v1/changes", params={"cursor": cursor, "type": "exchange_request"})).json()
    assert [(item["op"], item["reason"]) for item in page["items"]] == [("delete", "not_public")]


async def test_a_cursor_is_bound_to_its_filters(client: AsyncClient) -> None:
    cursor = await follow(client, {}, type="practice")
    assert (await client.get("/v1/changes", params={"cursor": cursor})).status_code == 400
    altered = cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")
    assert (await client.get("/v1/changes", params={"cursor": altered, "type": "practice"})).status_code == 400


@pytest.mark.parametrize(
    "fate",
    [
        "INSERT INTO secret (name, value) VALUES ('feed epoch', '\\x01')",
        "SELECT setval('feed_position_seq', 1)",
        "INSERT INTO secret (name, value) VALUES ('feed floor', '999999999')",
    ],
)
async def test_another_history_asks_for_a_new_copy(
    client: AsyncClient, token: Token, database: Database, fate: str
) -> None:
    await make_practice(client, await token("city:ca-montreal"))
    cursor = await follow(client, {})
    await database.execute(fate)
    response = await client.get("/v1/changes", params={"cursor": cursor})
    assert response.status_code == 410
    assert response.json()["type"].endswith("/problems/resync-required")
    assert response.json()["start"].endswith("/v1/changes")


async def test_lines_stream_up_to_the_present(client: AsyncClient, token: Token) -> None:
    owner = await token("city:ca-montreal")
    for number in range(4):
        await make_practice(client, owner, title=f"Practice {number}")
    response = await client.get("/v1/changes?type=practice", headers={"Accept": "application/x-ndjson"})
    assert response.headers["content-type"] == "application/x-ndjson"
    *changes, last = [json.loads(line) for line in response.text.splitlines()]
    assert [change["data"]["title"] for change in changes] == [f"Practice {number}" for number in range(4)]
    page = (await client.get("/v1/changes", params={"type": "practice", "cursor": last["next_cursor"]})).json()
    assert page["items"] == []


async def test_a_long_poll_ends_with_the_change(client: AsyncClient, token: Token) -> None:
    owner = await token("city:ca-montreal")
    cursor = await follow(client, {})
    waiting = asyncio.create_task(client.get("/v1/changes", params={"cursor": cursor, "wait": 20}))
    await asyncio.sleep(0.3)
    made = await make_practice(client, owner)
    page = (await asyncio.wait_for(waiting, 5)).json()
    assert made["id"] in [item["id"] for item in page["items"]]


async def test_writers_at_once_lose_nothing(client: AsyncClient, token: Token, database: Database) -> None:
    """Sixteen writers, some with long and broken transactions; a reader follows all the while."""
    owner = await token("city:ca-montreal")
    made = [await make_practice(client, owner, title=f"Practice {number}") for number in range(8)]
    copy: Copy = {}
    is_over = asyncio.Event()

    async def write(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(6):
            if chance.random() < 0.5:
                await make_practice(client, owner, title=f"By {seed}", publish=chance.random() < 0.8)
                continue
            id_ = chance.choice(made)["id"]
            got = await client.get(f"/v1/practices/{id_}", headers=owner)
            if got.status_code == 200:
                await client.patch(
                    f"/v1/practices/{id_}", json={"title": f"Changed by {seed}"},
                    headers={**owner, "If-Match": got.headers["etag"]},
                )  # fmt: skip

    async def hold() -> None:
        async with database.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("UPDATE practice SET title = 'Never' WHERE id = $1", made[0]["id"])
            await connection.execute(
                "UPDATE feed SET dirty = nextval('feed_dirty_seq'), seq = NULL WHERE id = $1", made[0]["id"]
            )
            await asyncio.sleep(0.5)
            await transaction.rollback()

    async def read() -> str:
        cursor: str | None = None
        while not is_over.is_set():
            cursor = await follow(client, copy, cursor, type="practice", limit=5)
        return await follow(client, copy, cursor, type="practice", limit=5)

    reader = asyncio.create_task(read())
    await asyncio.gather(hold(), *[write(seed) for seed in range(16)])
    is_over.set()
    await reader
    assert copy == await everything(client)


async def test_a_rotated_feed_asks_for_a_new_copy(client: AsyncClient, database: Database) -> None:
    cursor = await follow(client, {})
    await rotate_epoch(database)
    assert (await client.get("/v1/changes", params={"cursor": cursor})).status_code == 410
    assert (await client.get("/v1/changes", params={"cursor": await follow(client, {})})).status_code == 200


async def test_old_tombstones_go_and_their_cursors_with_them(
    client: AsyncClient, token: Token, database: Database
) -> None:
    owner = await token("city:ca-montreal")
    kept, gone = [await make_practice(client, owner, title=title) for title in ("Kept", "Gone")]
    held = await follow(client, {}, type="practice")
    await move(client, owner, gone["id"], "withdrawn")
    fresh = await follow(client, {}, type="practice")
    begun = (await client.get("/v1/changes", params={"type": "practice", "limit": 1})).json()["next_cursor"]

    async def prune() -> int:
        async with database.transaction() as connection:
            return await feed.prune(connection, 180)

    async def status(cursor: str) -> int:
        return (await client.get("/v1/changes", params={"type": "practice", "cursor": cursor})).status_code

    assert await prune() == 0
    assert [await status(cursor) for cursor in (held, fresh, begun)] == [200, 200, 200]
    await database.execute("UPDATE feed SET stamped_at = now() - interval '181 days' WHERE op = 'delete'")
    # The cursors are refused first, the tombstones go later.
    assert await prune() == 0
    assert [await status(cursor) for cursor in (held, fresh, begun)] == [410, 200, 200]
    assert await prune() == 0
    await database.execute("UPDATE secret SET created_at = now() - interval '2 minutes' WHERE name = 'feed floor'")
    assert await prune() == 1
    assert await prune() == 0
    assert [await status(cursor) for cursor in (held, fresh, begun)] == [410, 200, 200]
    copy: Copy = {}
    await follow(client, copy, type="practice")
    assert set(copy) == {("practice", kept["id"])}
