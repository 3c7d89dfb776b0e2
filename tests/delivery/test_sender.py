"""What is sent, and what becomes of it: a real receiver, the foreign verifier, times moved in the database."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from httpx import AsyncClient
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from app.database import Database
from tests.conftest import Token
from tests.factories import Headers, make_practice
from tests.receiver import Receiver, Reply
from tests.webhooks import deliveries, make_webhook, settled

pytestmark = pytest.mark.usefixtures("sending")
DUE = "UPDATE webhook_delivery SET due_at = now() WHERE status = 'pending'"
AWAKE = "UPDATE webhook SET resting_until = NULL"
A_DAY_AGO = (
    "UPDATE webhook SET failing_since = failing_since - interval '1 day'",
    "UPDATE webhook_delivery SET first_tried_at = first_tried_at - interval '1 day' WHERE status = 'pending'",
)


@pytest.fixture
async def headers(token: Token) -> Headers:
    return await token("city:ca-montreal")


async def again(database: Database) -> None:
    """Let what waits be tried now."""
    await database.execute(AWAKE)
    await database.execute(DUE)


async def test_a_test_is_signed_as_the_standard_has_it(
    client: AsyncClient, headers: Headers, receiver: Receiver
) -> None:
    webhook = await make_webhook(client, headers, receiver.url("/hook?a=1"))
    asked = await client.post(f"/v1/webhooks/{webhook['id']}/test", headers=headers)
    assert asked.status_code == 202
    assert asked.json()["status"] == "pending"
    [got] = await receiver.wait(1)
    assert got.target == "/hook?a=1"
    assert got.id == asked.json()["id"]
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == receiver.url("").removeprefix("http://")
    event = Webhook(webhook["secret"]).verify(got.body, got.headers)
    assert event == got.event == asked.json()["payload"]
    assert event["type"] == "webhook.test"
    assert event["data"]["url"] == f"http://127.0.0.1:8000/v1/webhooks/{webhook['id']}"
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook["secret"]).verify(got.body + b" ", got.headers)


async def test_an_event_arrives_once_and_is_recorded(
    client: AsyncClient, headers: Headers, receiver: Receiver, database: Database
) -> None:
    webhook = await make_webhook(client, headers, receiver.url(), events=["practice.published"])
    made = await make_practice(client, headers)
    [got] = await receiver.wait(1)
    event = Webhook(webhook["secret"]).verify(got.body, got.headers)
    path = f"http://127.0.0.1:8000/v1/practices/{made['id']}"
    assert event["data"] == {
        "id": made["id"], "type": "practice", "url": path, "version": 2, "status": None, "reason": None,
    }  # fmt: skip
    await settled(database)
    assert len(receiver.received) == 1
    [delivery] = await deliveries(client, headers, webhook)
    assert (delivery["id"], delivery["status"], delivery["event"]) == (got.id, "delivered", "practice.published")
    assert delivery["payload"] == event
    [attempt] = delivery["attempts"]
    assert (attempt["status_code"], attempt["error"]) == (204, None)
    assert delivery["next_attempt_at"] is None


async def test_what_fails_is_tried_again_with_the_same_id(
    client: AsyncClient, headers: Headers, receiver: Receiver, database: Database
) -> None:
    answers = iter(
        [Reply(500, body=b"secret of the receiver"), Reply(302, {"location": receiver.url("/other")}), Reply(200)]
    )
    receiver.reply = lambda _: next(answers)
    webhook = await make_webhook(client, headers, receiver.url())
    await client.post(f"/v1/webhooks/{webhook['id']}/test", headers=headers)
    for tries in (1, 2):
        await receiver.wait(tries)
        await settled(database)
        [waiting] = await deliveries(client, headers, webhook, "&status=pending")
        assert len(waiting["attempts"]) == tries
        assert waiting["next_attempt_at"] > waiting["attempts"][-1]["at"]
        shown = await client.get(f"/v1/webhooks/{webhook['id']}", headers=headers)
        assert shown.json()["failing_since"] is not None
        await again(database)
    got = await receiver.wait(3)
    assert {one.target for one in got} == {"/hook"}, "a redirection is not followed"
    assert len({one.id for one in got}) == 1
    for one in got:
        Webhook(webhook["secret"]).verify(one.body, one.headers)
    await settled(database)
    [delivery] = await deliveries(client, headers, webhook, "&status=delivered")
    assert [attempt["status_code"] for attempt in delivery["attempts"]] == [500, 302, 200]
    assert "secret" not in str(delivery["attempts"])
    assert (await client.get(f"/v1/webhooks/{webhook['id']}", headers=headers)).json()["failing_since"] is None


async def test_no_answer_is_a_failure(client: AsyncClient, headers: Headers, database: Database) -> None:
    async with Receiver().listening() as closed:
        url = closed.url()
    webhook = await make_webhook(client, headers, url)
    await client.post(f"/v1/webhooks/{webhook['id']}/test", headers=headers)
    await settled(database)
    [delivery] = await deliveries(client, headers, webhook)
    assert delivery["attempts"][0]["status_code"] is None
    assert delivery["attempts"][0]["error"] == "connection refused"


async def test_after_a_day_the_webhook_is_disabled_and_enabled_by_patch(
    client: AsyncClient, headers: Headers, receiver: Receiver, database: Database
) -> None:
    receiver.reply = lambda _: Reply(500)
    webhook = await make_webhook(client, headers, receiver.url(), events=["practice.published", "practice.updated"])
    await make_practice(client, headers)
    await make_practice(client, headers)
    await receiver.wait(1)
    await settled(database)
    path = f"/v1/webhooks/{webhook['id']}"
    assert (await client.get(path, headers=headers)).json()["status"] == "active"
    for statement in A_DAY_AGO:
        await database.execute(statement)
    await again(database)
    await settled(database)
    disabled = (await client.get(path, headers=headers)).json()
    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", "failing")
    assert disabled["disabled_at"] is not None
    assert {one["status"] for one in await deliveries(client, headers, webhook)} == {"failed"}
    assert (await client.post(f"{path}/test", headers=headers)).status_code == 409
    await make_practice(client, headers)
    await settled(database)
    assert len(await deliveries(client, headers, webhook)) == 2, "what happens meanwhile is not sent"
    receiver.reply = lambda _: Reply()
    receiver.received.clear()
    patched = await client.patch(path, json={"status": "active"}, headers={**headers, "If-Match": "*"})
    enabled = patched.json()
    assert (enabled["status"], enabled["disabled_reason"], enabled["failing_since"]) == ("active", None, None)
    made = await make_practice(client, headers)
    [got] = await receiver.wait(1)
    assert got.event["data"]["id"] == made["id"]


async def test_a_delivery_that_alone_fails_for_a_day_is_given_up_alone(
    client: AsyncClient, headers: Headers, receiver: Receiver, database: Database
) -> None:
    receiver.reply = lambda one: Reply(500 if one.event["type"] == "practice.published" else 204)
    webhook = await make_webhook(
        client, headers, receiver.url(), events=["practice.published", "exchange_request.created"]
    )
    await make_practice(client, headers)
    await receiver.wait(1)
    await settled(database)
    await client.post(f"/v1/webhooks/{webhook['id']}/test", headers=headers)
    await receiver.wait(2)
    await settled(database)
    await database.execute(A_DAY_AGO[1])
    await again(database)
    await receiver.wait(3)
    await settled(database)
    test, published = await deliveries(client, headers, webhook)
    assert (test["status"], published["status"]) == ("delivered", "failed")
    assert (await client.get(f"/v1/webhooks/{webhook['id']}", headers=headers)).json()["status"] == "active"
    receiver.reply = lambda _: Reply()
    again_ = await client.post(f"/v1/webhooks/{webhook['id']}/deliveries/{published['id']}/redeliver", headers=headers)
    assert (again_.status_code, again_.json()["status"]) == (202, "pending")
    got = await receiver.wait(4)
    assert got[-1].id == published["id"]
    await settled(database)
    assert (await deliveries(client, headers, webhook, "&event=practice.published"))[0]["status"] == "delivered"


async def test_gone_disables_at_once(
    client: AsyncClient, headers: Headers, receiver: Receiver, database: Database
) -> None:
    receiver.reply = lambda _: Reply(410)
    webhook = await make_webhook(client, headers, receiver.url())
    await client.post(f"/v1/webhooks/{webhook['id']}/test", headers=headers)
    await receiver.wait(1)
    await settled(database)
    disabled = (await client.get(f"/v1/webhooks/{webhook['id']}", headers=headers)).json()
    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", "gone")
    assert [one["status"] for one in await deliveries(client, headers, webhook)] == ["failed"]


@pytest.mark.parametrize(
    ("asked", "least", "most"), [("120", 120, 120), ("99999999999", 21_600, 21_600), ("0", 1.6, 2.4)]
)
async def test_retry_after_is_honoured_within_bounds(
    client: AsyncClient, headers: Headers, receiver: Receiver, database: Database, asked: str, least: float, most: float
) -> None:
    receiver.reply = lambda _: Reply(503, {"retry-after": asked})
    webhook = await make_webhook(client, headers, receiver.url())
    await client.post(f"/v1/webhooks/{webhook['id']}/test", headers=headers)
    await receiver.wait(1)
    await settled(database)
    [delivery] = await deliveries(client, headers, webhook)
    tried, following = (
        datetime.fromisoformat(text) for text in (delivery["attempts"][0]["at"], delivery["next_attempt_at"])
    )
    assert least <= (following - tried).total_seconds() < most + 10


async def test_a_slow_receiver_holds_nobody_else_up(
    client: AsyncClient, headers: Headers, receiver: Receiver, database: Database
) -> None:
    receiver.reply = lambda one: Reply(delay=3 if one.target == "/slow" else 0)
    slow = await make_webhook(client, headers, receiver.url("/slow"), events=["practice.published"])
    fast = await make_webhook(client, headers, receiver.url("/fast"), events=["practice.published"])
    for _ in range(8):
        await make_practice(client, headers)
    await receiver.wait(8, "/fast")
    waiting = await deliveries(client, headers, slow, "&status=pending")
    assert waiting, "the slow one is still at work"
    assert receiver.most_at_work["/slow"] <= 4
    await database.execute("DELETE FROM webhook WHERE id::text = $1", slow["id"])
    assert len(await deliveries(client, headers, fast)) == 8


async def test_events_of_one_record_keep_their_order(client: AsyncClient, headers: Headers, receiver: Receiver) -> None:
    """The first of four fails at first: the others wait for it, and another record's does not."""
    first: list[str] = []

    def reply(one: Any) -> Reply:
        if one.event["type"] == "practice.published" and not first:
            first.append(one.id)
            return Reply(500)
        return Reply()

    receiver.reply = reply
    await make_webhook(client, headers, receiver.url())
    made = await make_practice(client, headers)
    path = f"/v1/practices/{made['id']}"
    change = {**headers, "If-Match": "*"}
    made_so = [
        await client.patch(path, json={"title": "Another"}, headers=change),
        await client.post(f"{path}/transitions", json={"to": "archived"}, headers=headers),
        await client.delete(path, headers=change),
    ]
    assert [one.status_code for one in made_so] == [200, 200, 204]
    got = await receiver.wait(5)
    assert [one.event["type"].partition(".")[2] for one in got] == [
        "published", "published", "updated", "archived", "withdrawn",
    ]  # fmt: skip
    assert [one.event["data"]["version"] for one in got[1:]] == [2, 3, 4, 5]


async def test_rotation_signs_by_both_secrets_for_a_day(
    client: AsyncClient, headers: Headers, receiver: Receiver, database: Database
) -> None:
    webhook = await make_webhook(client, headers, receiver.url())
    path = f"/v1/webhooks/{webhook['id']}"
    rotated = (await client.post(f"{path}/rotate-secret", headers=headers)).json()
    assert rotated["secret"] != webhook["secret"]
    assert rotated["previous_secret_until"] is not None
    await client.post(f"{path}/test", headers=headers)
    [got] = await receiver.wait(1)
    assert len(got.headers["webhook-signature"].split()) == 2
    for secret in (webhook["secret"], rotated["secret"]):
        Webhook(secret).verify(got.body, got.headers)
    await database.execute("UPDATE webhook SET previous_secret_until = now()")
    await client.post(f"{path}/test", headers=headers)
    [_, later] = await receiver.wait(2)
    Webhook(rotated["secret"]).verify(later.body, later.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook["secret"]).verify(later.body, later.headers)
    assert (await client.get(path, headers=headers)).json()["previous_secret_until"] is None


async def test_an_answer_without_end_is_cut(
    client: AsyncClient, headers: Headers, receiver: Receiver, database: Database
) -> None:
    receiver.reply = lambda _: Reply(200, body=b"x" * 5_000_000)
    webhook = await make_webhook(client, headers, receiver.url())
    await client.post(f"/v1/webhooks/{webhook['id']}/test", headers=headers)
    await settled(database)
    assert (await deliveries(client, headers, webhook))[0]["status"] == "delivered"


async def test_a_lease_that_ran_out_is_taken_over(
    client: AsyncClient, headers: Headers, receiver: Receiver, database: Database
) -> None:
    """As a process leaves it that died in the middle of a delivery."""
    webhook = await make_webhook(client, headers, receiver.url())
    receiver.reply = lambda _: Reply(500)
    await client.post(f"/v1/webhooks/{webhook['id']}/test", headers=headers)
    await receiver.wait(1)
    await settled(database)
    receiver.reply = lambda _: Reply()
    await database.execute(AWAKE)
    await database.execute("UPDATE webhook_delivery SET due_at = now(), leased_until = now() - interval '1 second'")
    await receiver.wait(2)
    await settled(database)
    [delivery] = await deliveries(client, headers, webhook)
    assert [attempt["error"] for attempt in delivery["attempts"]][1:] == ["interrupted", None]


async def test_a_paused_webhook_keeps_what_waits(
    client: AsyncClient, headers: Headers, receiver: Receiver, database: Database
) -> None:
    receiver.reply = lambda _: Reply(500)
    webhook = await make_webhook(client, headers, receiver.url())
    path, change = f"/v1/webhooks/{webhook['id']}", {**headers, "If-Match": "*"}
    await client.post(f"{path}/test", headers=headers)
    await receiver.wait(1)
    paused = (await client.patch(path, json={"status": "disabled"}, headers=change)).json()
    assert (paused["status"], paused["disabled_reason"]) == ("disabled", "paused")
    await again(database)
    await asyncio.sleep(1)
    assert len(receiver.received) == 1
    receiver.reply = lambda _: Reply()
    await client.patch(path, json={"status": "active"}, headers=change)
    await again(database)
    await receiver.wait(2)
