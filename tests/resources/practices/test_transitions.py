"""POST and GET /v1/practices/{id}/transitions: every move from every state by every side, races, the timeline."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient, Response

from app.database import Database
from app.fields import PracticeStatus
from tests.conftest import SqlCount, Token
from tests.factories import Headers, make_practice

OWNER, REVIEWER = "city:ca-montreal", "network:uclg"
SUBMIT: dict[str, Any] = {"to": "submitted", "network": "uclg"}
NOTE = "Please say what it cost."
# How a practice gets into a state: who moves it there.
WAYS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "draft": [],
    "submitted": [(OWNER, SUBMIT)],
    "changes_requested": [(OWNER, SUBMIT), (REVIEWER, {"to": "changes_requested", "note": NOTE})],
    "published": [(OWNER, SUBMIT), (REVIEWER, {"to": "published"})],
    "archived": [(OWNER, SUBMIT), (REVIEWER, {"to": "published"}), (OWNER, {"to": "archived"})],
    "withdrawn": [(OWNER, SUBMIT), (REVIEWER, {"to": "published"}), (OWNER, {"to": "withdrawn"})],
    "merged": [(OWNER, SUBMIT), (REVIEWER, {"to": "published"}), (OWNER, {"to": "merged"})],
}
ALLOWED: dict[str, dict[str, set[str]]] = {
    OWNER: {
        "draft": {"submitted", "published"},
        "changes_requested": {"submitted"},
        "published": {"archived", "withdrawn", "merged"},
        "archived": {"published"},
    },
    REVIEWER: {"submitted": {"published", "changes_requested"}},
}
ALLOWED["operator"] = {
    status: ALLOWED[OWNER].get(status, set()) | ALLOWED[REVIEWER].get(status, set()) for status in WAYS
}
EVERY = PracticeStatus.__args__  # type: ignore[attr-defined]  # a Literal


async def move(client: AsyncClient, path: str, headers: Headers, **body: Any) -> Response:
    return await client.post(f"{path}/transitions", json=body, headers=headers)


async def bring(client: AsyncClient, token: Token, status: str) -> tuple[str, str]:
    """A practice in a state, and another one that is published; gives the path of the one and the id of the other."""
    callers = {OWNER: await token(OWNER), REVIEWER: await token(REVIEWER)}
    other = await make_practice(client, callers[OWNER])
    made = await make_practice(client, callers[OWNER], publish=False)
    path = f"/v1/practices/{made['id']}"
    for caller, body in WAYS[status]:
        more = {"successor": other["id"]} if body["to"] == "merged" else {}
        response = await move(client, path, callers[caller], **body, **more)
        assert response.status_code == 200, response.text
    return path, other["id"]


@pytest.mark.parametrize("status", WAYS)
@pytest.mark.parametrize("caller", ALLOWED)
async def test_every_move(client: AsyncClient, token: Token, database: Database, caller: str, status: str) -> None:
    path, other = await bring(client, token, status)
    allowed = ALLOWED[caller].get(status, set())
    headers = await token(caller)
    shown = await client.get(path, headers=headers)
    if shown.status_code == 200:
        assert set(shown.json()["allowed_transitions"]) == allowed
    version = await database.value("SELECT version FROM practice WHERE id = $1", path.rsplit("/", 1)[1])
    refused = 404 if shown.status_code == 404 else 409
    for to in [*(to for to in EVERY if to not in allowed), *allowed][: len(EVERY) - len(allowed) + 1]:
        response = await move(client, path, headers, to=to, network="uclg", note=NOTE, successor=other)
        if to in allowed:
            assert (response.status_code, response.json()["status"]) == (200, to)
        else:
            assert response.status_code == refused, (to, response.text)
            assert refused == 404 or set(response.json()["allowed"]) == allowed
    after = await database.value("SELECT version FROM practice WHERE id = $1", path.rsplit("/", 1)[1])
    assert after == version + bool(allowed)


@pytest.mark.parametrize("to", sorted({to for moves in ALLOWED["operator"].values() for to in moves}))
@pytest.mark.parametrize("caller", [OWNER, REVIEWER])
async def test_every_allowed_move_is_recorded(
    client: AsyncClient, token: Token, database: Database, caller: str, to: str
) -> None:
    for status in [status for status, moves in ALLOWED[caller].items() if to in moves]:
        path, other = await bring(client, token, status)
        id_ = path.rsplit("/", 1)[1]
        headers = {**await token(caller), "X-Request-Id": f"{status}-{to}"}
        response = await move(client, path, headers, to=to, network="uclg", note=NOTE, successor=other)
        assert response.status_code == 200, response.text
        step = await database.row("SELECT * FROM transition WHERE record_id = $1 ORDER BY id DESC LIMIT 1", id_)
        audit = await database.row("SELECT * FROM audit WHERE request_id = $1", f"{status}-{to}")
        assert step
        assert (step["from_status"], step["to_status"], step["organization"], step["note"]) == (
            status,
            to,
            caller,
            NOTE,
        )
        assert audit
        assert (audit["action"], audit["organization"], audit["record_id"]) == ("transitioned", caller, id_)
        feed = await database.row("SELECT * FROM feed WHERE id = $1", id_)
        if status in {"published", "archived"} or to == "published":
            assert feed
            assert (feed["op"], feed["origin"]) == ("upsert" if to == "published" else "delete", caller)
            assert feed["version"] == audit["version"]
        else:
            assert feed is None


@pytest.mark.parametrize(
    ("status", "caller", "body", "pointer"),
    [
        ("draft", OWNER, {"to": "submitted"}, "/network"),
        ("draft", OWNER, {"to": "submitted", "network": "nowhere"}, "/network"),
        ("submitted", REVIEWER, {"to": "changes_requested"}, "/note"),
        ("published", OWNER, {"to": "merged"}, "/successor"),
        ("published", OWNER, {"to": "merged", "successor": "0198c0de-0000-7000-8000-000000000000"}, "/successor"),
        ("published", OWNER, {"to": "merged", "successor": "itself"}, "/successor"),
        ("published", OWNER, {"to": "merged", "successor": "someone's draft"}, "/successor"),
        ("published", OWNER, {"to": "lost"}, "/to"),
        ("published", OWNER, {}, "/to"),
        ("published", OWNER, {"to": "archived", "note": ""}, "/note"),
        ("published", OWNER, {"to": "archived", "reason": "x"}, "/reason"),
        ("published", OWNER, {"to": "archived", "version": 1}, "/version"),
    ],
)
async def test_a_move_has_what_it_needs(
    client: AsyncClient, token: Token, database: Database, status: str, caller: str, body: dict[str, Any], pointer: str
) -> None:
    path, _ = await bring(client, token, status)
    draft = await make_practice(client, await token("city:gb-bristol"), publish=False)
    named = {"itself": path.rsplit("/", 1)[1], "someone's draft": draft["id"]}
    body = {name: named.get(value, value) for name, value in body.items()}
    before = [await database.value(f"SELECT count(*) FROM {table}") for table in ("transition", "audit")]
    response = await move(client, path, await token(caller), **body)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"] == pointer
    assert before == [await database.value(f"SELECT count(*) FROM {table}") for table in ("transition", "audit")]


async def test_what_is_published_has_a_summary(client: AsyncClient, token: Token) -> None:
    owner = await token(OWNER)
    made = await make_practice(client, owner, publish=False, summary=None)
    response = await move(client, f"/v1/practices/{made['id']}", owner, to="published")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/summary")


@pytest.mark.parametrize("to", ["published", "changes_requested"])
async def test_a_review_needs_its_scope(client: AsyncClient, token: Token, to: str) -> None:
    path, _ = await bring(client, token, "submitted")
    response = await move(client, path, await token(REVIEWER, "practices:write"), to=to, note=NOTE)
    assert (response.status_code, response.json()["scope"]) == (403, "reviews:write")


@pytest.mark.parametrize(
    ("status", "expected"), [("draft", 404), ("submitted", 404), ("published", 403), ("withdrawn", 403)]
)
@pytest.mark.parametrize("caller", ["city:gb-bristol", "network:mmc"])
async def test_others_may_not(client: AsyncClient, token: Token, caller: str, status: str, expected: int) -> None:
    path, _ = await bring(client, token, status)
    assert (await move(client, path, await token(caller), to="archived")).status_code == expected
    assert (await move(client, path, {}, to="archived")).status_code == 401


@pytest.mark.parametrize("targets", [("archived",), ("archived", "withdrawn")])
async def test_of_many_moves_at_once_one_wins(
    client: AsyncClient, token: Token, database: Database, targets: tuple[str, ...]
) -> None:
    path, _ = await bring(client, token, "draft")
    owner = await token(OWNER)
    answers = await asyncio.gather(*[move(client, path, owner, to="published") for _ in range(20)])
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    answers = await asyncio.gather(
        *[move(client, path, owner, to=targets[number % len(targets)]) for number in range(20)]
    )
    moved = await database.value("SELECT count(*) FROM transition WHERE record_id = $1", path.rsplit("/", 1)[1])
    won = [answer.json()["status"] for answer in answers if answer.status_code == 200]
    assert (len(won), moved) == (1, 3)
    assert {answer.status_code for answer in answers} == {200, 409}


async def test_publication_dates(client: AsyncClient, token: Token) -> None:
    owner = await token(OWNER)
    made = await make_practice(client, owner)
    path = f"/v1/practices/{made['id']}"
    assert made["published_at"]
    archived = (await move(client, path, owner, to="archived")).json()
    again = (await move(client, path, owner, to="published")).json()
    assert made["published_at"] == archived["published_at"] == again["published_at"]
    assert again["last_verified_at"] is None


async def test_the_timeline(client: AsyncClient, token: Token) -> None:
    path, _ = await bring(client, token, "archived")
    owner = await token(OWNER)
    await move(client, path, owner, to="published", note="Back again")
    full = ["draft", "submitted", "published", "archived", "published"]
    for headers, expected in (
        ({}, full[2:]), (await token("city:gb-bristol"), full[2:]), (await token(REVIEWER), full), (owner, full),
    ):  # fmt: skip
        steps = (await client.get(f"{path}/transitions", headers=headers)).json()["items"]
        assert [step["to"] for step in steps] == expected
        assert [step["from"] for step in steps][1:] == expected[:-1]
        told = "Back again" if expected == full else None
        assert (steps[-1]["organization"], steps[-1]["note"]) == (OWNER, told)
    paged, address = [], f"{path}/transitions?limit=2"
    while address:
        response = await client.get(address, headers=owner)
        paged += [step["to"] for step in response.json()["items"]]
        address = response.links["next"]["url"] if "next" in response.links else ""
    assert paged == full


async def test_statements(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    path, _ = await bring(client, token, "draft")
    owner = await token(OWNER)
    await client.get(path, headers=owner)
    with sql_count() as statements:
        await move(client, path, owner, to="published")
    assert len(statements) == 3, statements
    with sql_count() as statements:
        await client.get(f"{path}/transitions", headers=owner)
    assert len(statements) == 1, statements
