"""Answers and messages over HTTP: every move by every side, races, and what outsiders never see."""

import asyncio
import random
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from app.fields import ResponseStatus
from app.resources.exchanges.commands import warn_of_expiry
from tests.conftest import SqlCount, Token
from tests.factories import Headers, make_exchange, make_match, make_practice, make_request, make_response

PATH = "/v1/exchange-requests"
OWNER, PEER, OTHER = "city:sl-freetown", "city:ca-montreal", "city:gb-bristol"
EVERY = ResponseStatus.__args__  # type: ignore[attr-defined]  # a Literal
ALLOWED: dict[str, dict[str, set[str]]] = {
    OWNER: {"proposed": {"accepted", "declined"}, "tentative": {"accepted", "declined"}},
    PEER: {"proposed": {"tentative", "withdrawn"}, "tentative": {"withdrawn"}},
}
WAYS: dict[str, list[tuple[str, str]]] = {
    "proposed": [],
    "tentative": [(PEER, "tentative")],
    "accepted": [(OWNER, "accepted")],
    "declined": [(OWNER, "declined")],
    "withdrawn": [(PEER, "withdrawn")],
}


@pytest.fixture
async def callers(token: Token) -> dict[str, Headers]:
    return {name: await token(name) for name in (OWNER, PEER, OTHER, "network:uclg", "operator")}


async def move(client: AsyncClient, headers: Headers, request_id: str, id_: str, to: str) -> Any:
    body = {"to": to, **({"reason": "Too far away"} if to == "declined" else {})}
    return await client.post(f"{PATH}/{request_id}/responses/{id_}/transitions", json=body, headers=headers)


async def move_request(client: AsyncClient, headers: Headers, request_id: str, to: str, **more: Any) -> Any:
    return await client.post(f"{PATH}/{request_id}/transitions", json={"to": to, **more}, headers=headers)


@pytest.mark.parametrize("status", EVERY)
@pytest.mark.parametrize("side", [OWNER, PEER, OTHER])
async def test_every_move(client: AsyncClient, callers: dict[str, Headers], status: str, side: str) -> None:
    for to in EVERY:
        request = await make_request(client, callers[OWNER])
        answer = await make_response(client, callers[PEER], request["id"])
        for mover, step in WAYS[status]:
            assert (await move(client, callers[mover], request["id"], answer["id"], step)).status_code == 200
        path = f"{PATH}/{request['id']}/responses/{answer['id']}"
        shown = await client.get(path, headers=callers[side])
        moved = await move(client, callers[side], request["id"], answer["id"], to)
        if side == OTHER:
            assert (shown.status_code, moved.status_code) == (404, 404)
            continue
        possible = ALLOWED[side].get(status, set())
        assert set(shown.json()["allowed_transitions"]) == possible
        assert moved.status_code == (200 if to in possible else 409), moved.text
        if moved.status_code == 409:
            assert set(moved.json()["allowed"]) == possible
        else:
            assert moved.json()["status"] == to


async def test_a_tentative_answer_from_asked_to_done(client: AsyncClient, callers: dict[str, Headers]) -> None:
    practice = await make_practice(client, callers[PEER])
    request = await make_request(client, callers[OWNER])
    answer = await make_response(client, callers[PEER], request["id"], status="tentative", practice_id=practice["id"])
    assert (answer["status"], answer["practice_id"]) == ("tentative", practice["id"])
    counted = (await client.get(f"{PATH}/{request['id']}")).json()
    assert counted["response_count"] == 1
    accepted = await move(client, callers[OWNER], request["id"], answer["id"], "accepted")
    assert (accepted.json()["status"], accepted.json()["allowed_transitions"]) == ("accepted", [])
    assert (await client.get(f"{PATH}/{request['id']}")).json()["status"] == "matched"
    mine = (await client.get(PATH, params={"mine": True}, headers=callers[PEER])).json()["items"]
    assert [(item["id"], item["allowed_transitions"]) for item in mine] == [(request["id"], ["in_progress", "open"])]
    assert (await move_request(client, callers[PEER], request["id"], "in_progress")).status_code == 200
    early = await move_request(client, callers[PEER], request["id"], "completed", outcome={"summary": "x", "useful": 5})
    assert (early.status_code, early.json()["errors"][0]["pointer"]) == (422, "/outcome")
    done = await move_request(client, callers[PEER], request["id"], "completed")
    assert (done.json()["status"], done.json()["outcome"]) == ("completed", None)
    outcome = {"summary": "We start in May.", "useful": 4, "led_to": "policy_change", "public": False}
    path = f"{PATH}/{request['id']}"
    told = await client.patch(path, json={"outcome": outcome}, headers={**callers[OWNER], "If-Match": "*"})
    assert told.json()["outcome"] == {**outcome, "adoption_id": None}
    for name, sees in ((OWNER, True), (PEER, True), (OTHER, False)):
        assert ((await client.get(path, headers=callers[name])).json()["outcome"] is not None) == sees
    steps = (await client.get(f"{path}/transitions")).json()["items"]
    assert [(step["to"], step["organization"]) for step in steps] == [
        ("open", OWNER), ("matched", OWNER), ("in_progress", PEER), ("completed", PEER),
    ]  # fmt: skip


@pytest.mark.parametrize(("side", "ends_as"), [(OWNER, "declined"), (PEER, "withdrawn")])
async def test_a_step_back_opens_the_request_again(
    client: AsyncClient, callers: dict[str, Headers], side: str, ends_as: str
) -> None:
    request_id, response_id = await make_match(client, callers[OWNER], callers[PEER])
    late = await make_response_refused(client, callers[OTHER], request_id)
    assert late == 409
    assert (await move_request(client, callers[side], request_id, "open")).status_code == 422
    back = await move_request(client, callers[side], request_id, "open", reason="Our council changed its mind")
    assert back.json()["status"] == "open", back.text
    answer = (await client.get(f"{PATH}/{request_id}/responses/{response_id}", headers=callers[OWNER])).json()
    assert (answer["status"], answer["decline_reason"]) == (ends_as, "Our council changed its mind")
    again = await make_response(client, callers[PEER], request_id)
    assert (await move(client, callers[OWNER], request_id, again["id"], "accepted")).status_code == 200


async def make_response_refused(client: AsyncClient, headers: Headers, request_id: str, **changes: Any) -> int:
    body = {"message": "We too", **changes}
    return (await client.post(f"{PATH}/{request_id}/responses", json=body, headers=headers)).status_code


async def test_who_may_answer(client: AsyncClient, callers: dict[str, Headers], token: Token) -> None:
    request = await make_request(client, callers[OWNER])
    assert await make_response_refused(client, callers[OWNER], request["id"]) == 403
    assert await make_response_refused(client, callers["network:uclg"], request["id"]) == 403
    assert await make_response_refused(client, callers[PEER], request["id"], status="accepted") == 422
    assert await make_response_refused(client, callers[PEER], request["id"], status="declined") == 422
    assert await make_response_refused(client, callers[PEER], request["id"], practice_id=request["id"]) == 422
    assert await make_response_refused(client, await token(PEER, "exchanges:read"), request["id"]) == 403
    assert await make_response_refused(client, {}, request["id"]) == 401
    await make_response(client, callers[PEER], request["id"])
    assert await make_response_refused(client, callers[PEER], request["id"]) == 409
    asked = await make_request(client, callers[OWNER], addressed_to=[PEER])
    assert await make_response_refused(client, callers[OTHER], asked["id"]) == 403
    hidden = await make_request(client, callers[OWNER], addressed_to=[PEER], visibility="addressed")
    assert await make_response_refused(client, callers[OTHER], hidden["id"]) == 404
    by_operator = await make_response(client, callers["operator"], request["id"], city={"id": "gb-bristol"})
    assert by_operator["city"]["id"] == "gb-bristol"


async def test_a_request_whose_addressed_all_decline_is_unfulfilled(
    client: AsyncClient, callers: dict[str, Headers]
) -> None:
    request = await make_request(client, callers[OWNER], addressed_to=[PEER, OTHER])
    path = f"{PATH}/{request['id']}"
    refusal = {"status": "declined", "decline_reason": "No staff", "message": None}
    await make_response(client, callers[PEER], request["id"], **refusal)
    answer = await make_response(client, callers[OTHER], request["id"])
    assert (await client.get(path)).json()["status"] == "open"
    await move(client, callers[OTHER], request["id"], answer["id"], "withdrawn")
    assert (await client.get(path)).json()["status"] == "unfulfilled"
    again = await move_request(client, callers[OWNER], request["id"], "open", expires_at="2027-01-31T00:00:00Z")
    assert again.json()["status"] == "open", again.text
    await make_response(client, callers[PEER], request["id"], **refusal)
    assert (await client.get(path)).json()["status"] == "open"
    steps = (await client.get(f"{path}/transitions")).json()["items"]
    assert [(step["to"], step["organization"]) for step in steps[1:]] == [("unfulfilled", "system"), ("open", OWNER)]


async def test_of_fifty_acceptances_one_wins(client: AsyncClient, callers: dict[str, Headers], token: Token) -> None:
    cities = [item["id"] for item in (await client.get("/v1/cities?limit=14")).json()["items"]]
    peers = [await token(f"city:{city}") for city in cities if f"city:{city}" != OWNER][:10]
    for _ in range(3):
        request = await make_request(client, callers[OWNER])
        answers = [(await make_response(client, peer, request["id"]))["id"] for peer in peers]
        moves = [move(client, callers[OWNER], request["id"], id_, "accepted") for id_ in answers * 5]
        statuses = [answer.status_code for answer in await asyncio.gather(*moves)]
        assert sorted(statuses) == [200] + [409] * 49
        listed = await client.get(f"{PATH}/{request['id']}/responses", headers=callers[OWNER])
        assert sorted(item["status"] for item in listed.json()["items"]) == ["accepted"] + ["proposed"] * 9
        steps = (await client.get(f"{PATH}/{request['id']}/transitions")).json()["items"]
        assert [step["to"] for step in steps] == ["open", "matched"]


async def test_messages_are_for_the_two_sides(client: AsyncClient, callers: dict[str, Headers]) -> None:
    request_id, response_id = await make_match(client, callers[OWNER], callers[PEER])
    path = f"{PATH}/{request_id}/messages"
    for name, text in ((OWNER, "hushword one"), (PEER, "hushword two")):
        made = await client.post(path, json={"body": text}, headers=callers[name])
        assert (made.status_code, made.json()["response_id"]) == (201, response_id)
    for name in (OWNER, PEER):
        first = (await client.get(path, params={"limit": 1}, headers=callers[name])).json()
        rest = (await client.get(path, params={"cursor": first["next_cursor"]}, headers=callers[name])).json()
        assert [item["body"] for item in first["items"] + rest["items"]] == ["hushword one", "hushword two"]
    for name in (OTHER, "network:uclg", "operator"):
        assert (await client.get(path, headers=callers[name])).status_code == 404
        assert (await client.post(path, json={"body": "me too"}, headers=callers[name])).status_code == 404
    assert (await client.get(path)).status_code == 401
    # Another peer, matched after a step back, does not read what was said before.
    await move_request(client, callers[PEER], request_id, "open", reason="No time")
    answer = await make_response(client, callers[OTHER], request_id)
    assert (await client.get(path, headers=callers[OTHER])).status_code == 404
    assert (await client.post(path, json={"body": "x"}, headers=callers[OWNER])).status_code == 409
    await move(client, callers[OWNER], request_id, answer["id"], "accepted")
    assert (await client.get(path, headers=callers[OTHER])).json()["items"] == []
    assert (await client.post(path, json={"body": "hello"}, headers=callers[PEER])).status_code == 404
    assert len((await client.get(path, headers=callers[OWNER])).json()["items"]) == 2


async def test_answers_are_seen_by_their_two_sides(client: AsyncClient, callers: dict[str, Headers]) -> None:
    request = await make_request(client, callers[OWNER])
    first = await make_response(client, callers[PEER], request["id"], message="hushword")
    second = await make_response(client, callers[OTHER], request["id"])
    path = f"{PATH}/{request['id']}/responses"
    for name, seen in (
        (OWNER, [first, second]),
        (PEER, [first]),
        (OTHER, [second]),
        ("network:uclg", []),
        ("operator", [first, second]),
    ):
        listed = (await client.get(path, headers=callers[name])).json()["items"]
        assert [item["id"] for item in listed] == [item["id"] for item in seen]
    feed = await client.get("/v1/changes", params={"limit": 1000, "type": "exchange_request"})
    assert "hushword" not in feed.text
    assert feed.json()["items"][0]["data"]["response_count"] == 2


async def test_an_outcome_that_is_not_public_is_nowhere(client: AsyncClient, callers: dict[str, Headers]) -> None:
    hidden = {"summary": "hushword", "useful": 1, "public": False}
    shown = {"summary": "Helpful", "useful": 5, "public": True}
    await make_exchange(client, callers[OWNER], callers[PEER], outcome=hidden)
    await make_exchange(client, callers[OWNER], callers[PEER], outcome=shown)
    for path in (PATH, "/v1/changes?limit=1000&type=exchange_request"):
        text = (await client.get(path, headers=callers[OTHER])).text
        assert "hushword" not in text
        assert "Helpful" in text


async def test_a_request_is_warned_of_its_end_twice(
    client: AsyncClient, callers: dict[str, Headers], database: Database
) -> None:
    request = await make_request(client, callers[OWNER])

    async def warn(days: int) -> int:
        await database.execute(
            "UPDATE exchange_request SET created_at = now() - interval '90 days',"
            " expires_at = date_trunc('day', now()) + make_interval(days => $1)",
            days,
        )
        async with database.transaction() as connection:
            return await warn_of_expiry(connection)

    # Another day of expiry is warned of anew.
    assert [await warn(days) for days in (20, 13, 13, 2, 2, 13)] == [0, 1, 0, 1, 0, 1]
    steps = (await client.get(f"{PATH}/{request['id']}/transitions")).json()["items"]
    assert [step["reason"] for step in steps[1:]] == ["expires_in_14_days", "expires_in_3_days", "expires_in_14_days"]


async def test_reads_are_one_statement(client: AsyncClient, callers: dict[str, Headers], sql_count: SqlCount) -> None:
    request_id, response_id = await make_match(client, callers[OWNER], callers[PEER])
    await client.get("/v1/me", headers=callers[OWNER])
    answer = f"{PATH}/{request_id}/responses/{response_id}"
    for path in (f"{PATH}/{request_id}/responses", answer, f"{answer}/transitions", f"{PATH}/{request_id}/messages"):
        with sql_count() as statements:
            assert (await client.get(path, headers=callers[OWNER])).status_code == 200
        assert len(statements) == 1, path


async def test_a_random_walk_agrees_with_the_table(client: AsyncClient, callers: dict[str, Headers]) -> None:
    """Both sides try whatever they like on one request; a model of six lines knows what must come of it."""
    model = {
        "open": {(OWNER, "cancelled")},
        "matched": {
            (OWNER, "in_progress"),
            (PEER, "in_progress"),
            (OWNER, "open"),
            (PEER, "open"),
            (OWNER, "cancelled"),
        },
        "in_progress": {(OWNER, "completed"), (PEER, "completed"), (OWNER, "cancelled")},
    }
    chance = random.Random(7)
    states = ["open", "returned", "matched", "in_progress", "completed", "cancelled", "expired", "unfulfilled"]
    for _ in range(4):
        request_id, _ = await make_match(client, callers[OWNER], callers[PEER])
        status = "matched"
        for _ in range(25):
            if status == "open":
                answer = await make_response(client, callers[PEER], request_id)
                assert (await move(client, callers[OWNER], request_id, answer["id"], "accepted")).status_code == 200
                status = "matched"
            side, to = chance.choice([OWNER, PEER]), chance.choice(states)
            answer = await move_request(client, callers[side], request_id, to, reason="no_match", note="x")
            is_allowed = (side, to) in model.get(status, set())
            assert answer.status_code == (200 if is_allowed else 409), (status, side, to, answer.text)
            status = to if is_allowed else status
            assert (await client.get(f"{PATH}/{request_id}")).json()["status"] == status
