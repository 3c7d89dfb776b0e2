"""Walks over the states of practices, requests and answers, beside models that say what the contract's tables say.

Every caller tries every state at every step: what succeeds is what the model allows and what `allowed_transitions`
named; what is refused is 409 with that list, and changes nothing.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from app.fields import PracticeStatus, RequestStatus
from app.resources.exchanges.commands import expire_due
from tests.conftest import Token
from tests.factories import Headers, make_practice, make_request, make_response, practice_body

OWNER, PEER, ASKED, REVIEWER = "city:ca-montreal", "city:sl-freetown", "city:gb-bristol", "network:uclg"
Moves = dict[tuple[str, str], set[str]]
# From state, caller: to states.
PRACTICE: Moves = {
    ("draft", "owner"): {"submitted", "published"},
    ("submitted", "reviewer"): {"published", "changes_requested"},
    ("changes_requested", "owner"): {"submitted"},
    ("published", "owner"): {"archived", "withdrawn", "merged"},
    ("archived", "owner"): {"published"},
}
REQUEST: Moves = {
    ("open", "owner"): {"cancelled"},
    ("open", "asked"): {"returned"},
    ("returned", "owner"): {"cancelled"},
    ("improved", "owner"): {"open", "cancelled"},
    ("matched", "owner"): {"in_progress", "open", "cancelled"},
    ("matched", "peer"): {"in_progress", "open"},
    ("in_progress", "owner"): {"completed", "cancelled"},
    ("in_progress", "peer"): {"completed"},
    ("expired", "owner"): {"open"},
    ("unfulfilled", "owner"): {"open"},
}
STATES = {"practice": PracticeStatus.__args__, "request": RequestStatus.__args__}  # type: ignore[attr-defined]  # Literals


async def try_every_state(
    client: AsyncClient,
    path: str,
    headers: Headers,
    states: tuple[str, ...],
    allowed: set[str],
    body: Callable[[str], dict[str, Any]],
) -> None:
    """Ask for each state that the model refuses, and find that nothing moves."""
    shown = await client.get(path, headers=headers)
    if shown.status_code == 404:
        assert not allowed
    elif shown.status_code == 200:
        assert set(shown.json()["allowed_transitions"]) == allowed, shown.json()["status"]
    for to in states:
        if to not in allowed:
            refused = await client.post(f"{path}/transitions", json=body(to), headers=headers)
            if refused.status_code == 409:
                assert set(refused.json()["allowed"]) == allowed
            else:  # one who is on no side, or sees nothing
                assert refused.status_code in {403, 404}, (to, refused.text)
                assert not allowed
    assert (await client.get(path, headers=headers)).headers.get("etag") == shown.headers.get("etag")


@pytest.mark.parametrize("seed", range(3))
async def test_a_practice_walks_as_its_table_says(client: AsyncClient, token: Token, seed: int) -> None:
    chance = random.Random(seed)
    callers = {"owner": await token(OWNER), "reviewer": await token(REVIEWER), "other": await token(PEER)}
    successor = (await make_practice(client, callers["owner"]))["id"]

    def body(to: str) -> dict[str, Any]:
        more = {
            "submitted": {"network": "uclg"},
            "changes_requested": {"note": "More"},
            "merged": {"successor": successor},
        }
        return {"to": to, **more.get(to, {})}

    path = f"/v1/practices/{(await make_practice(client, callers['owner'], publish=False))['id']}"
    status, tried = "draft", 0
    while status not in {"withdrawn", "merged"} and tried < 8:
        for name, headers in callers.items():
            moves = PRACTICE.get((status, name), set())
            await try_every_state(client, path, headers, STATES["practice"], moves, body)
        possible = sorted((name, to) for (start, name), ends in PRACTICE.items() if start == status for to in ends)
        name, to = chance.choice(possible)
        moved = await client.post(f"{path}/transitions", json=body(to), headers=callers[name])
        assert (moved.status_code, moved.json()["status"]) == (200, to), moved.text
        status, tried = to, tried + 1


@pytest.mark.parametrize("seed", range(4))
async def test_a_request_walks_as_its_table_says(
    client: AsyncClient, token: Token, database: Database, seed: int
) -> None:
    chance = random.Random(seed)
    callers = {
        name: await token(organization)
        for name, organization in (("owner", OWNER), ("peer", PEER), ("asked", ASKED), ("other", REVIEWER))
    }
    later = (datetime.now(UTC) + timedelta(days=30)).isoformat()

    def body(to: str) -> dict[str, Any]:
        more = {"open": {"reason": "No time", "expires_at": later}, "cancelled": {"reason": "no_match"}}
        return {"to": to, **more.get(to, {"note": "Which?"})}

    # Freetown is addressed too, so that it may answer; it is Bristol that sends the request back.
    request = await make_request(client, callers["owner"], addressed_to=[PEER, ASKED])
    path = f"/v1/exchange-requests/{request['id']}"
    status = "open"
    for _ in range(14):
        moves = {name: REQUEST.get((status, name), set()) for name in callers}
        if status == "open":
            moves["peer"] = {"returned"}
        for name, headers in callers.items():
            await try_every_state(client, path, headers, STATES["request"], moves[name], body)
        # What others do, and the clock, are steps too.
        steps = sorted((name, to) for name, ends in moves.items() for to in ends)
        steps += {"open": [("", "match"), ("", "expire"), ("", "decline")], "returned": [("", "improve")]}.get(
            status, []
        )
        if not steps:
            break
        name, to = chance.choice(steps)
        if name:
            moved = await client.post(f"{path}/transitions", json=body(to), headers=callers[name])
            assert moved.status_code == 200, (status, name, to, moved.text)
            status = to
        else:
            status = await STEPS[to](client, callers, path, database)
        shown = (await client.get(path)).json()["status"]
        assert shown == {"improved": "returned"}.get(status, status)
        accepted = await database.value("SELECT count(*) FROM response WHERE status = 'accepted'")
        assert status == "cancelled" or accepted == (status in {"matched", "in_progress", "completed"})


async def match(client: AsyncClient, callers: dict[str, Headers], path: str, _: Database) -> str:
    answer = await make_response(client, callers["peer"], path.rsplit("/", 1)[1], status="tentative")
    moves = f"{path}/responses/{answer['id']}/transitions"
    assert (await client.post(moves, json={"to": "accepted"}, headers=callers["owner"])).status_code == 200
    return "matched"


async def decline(client: AsyncClient, callers: dict[str, Headers], path: str, _: Database) -> str:
    for name in ("peer", "asked"):
        refusal = {"status": "declined", "decline_reason": "No staff"}
        await make_response(client, callers[name], path.rsplit("/", 1)[1], **refusal)
    return "unfulfilled"


async def improve(client: AsyncClient, callers: dict[str, Headers], path: str, _: Database) -> str:
    changed = await client.patch(path, json={"need": "More"}, headers={**callers["owner"], "If-Match": "*"})
    assert changed.status_code == 200
    return "improved"


async def expire(_: AsyncClient, __: dict[str, Headers], path: str, database: Database) -> str:
    await database.execute(
        "UPDATE exchange_request SET created_at = now() - interval '2 days', expires_at = now() - interval '1 day'"
        " WHERE id = $1::uuid",
        path.rsplit("/", 1)[1],
    )
    async with database.transaction() as connection:
        assert await expire_due(connection) == 1
    return "expired"


STEPS = {"match": match, "decline": decline, "improve": improve, "expire": expire}


@pytest.mark.parametrize(
    ("policy", "possible"), [("self_publish", {"submitted", "published"}), ("review", {"submitted"})]
)
async def test_a_network_publishes_what_it_brought_by_its_policy(
    client: AsyncClient, token: Token, policy: str, possible: set[str]
) -> None:
    network = await token(REVIEWER)
    changed = await client.patch(
        "/v1/networks/uclg", json={"review_policy": policy}, headers={**network, "If-Match": "*"}
    )
    assert changed.status_code == 200, changed.text
    brought = practice_body(city_id="ca-montreal", status="draft")
    id_ = (await client.put("/v1/sources/uclg/practices/1", json=brought, headers=network)).json()["id"]
    path = f"/v1/practices/{id_}"
    await try_every_state(client, path, network, STATES["practice"], possible, lambda to: {"to": to, "network": "uclg"})
    to = "published" if policy == "self_publish" else "submitted"
    moved = await client.post(f"{path}/transitions", json={"to": to, "network": "uclg"}, headers=network)
    assert moved.json()["status"] == to, moved.text
    pushed = await client.put(
        "/v1/sources/uclg/practices/2", json=practice_body(city_id="ca-montreal"), headers=network
    )
    assert (await client.get(f"/v1/practices/{pushed.json()['id']}", headers=network)).json()["status"] == to
