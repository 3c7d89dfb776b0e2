"""Who is told of what: each organization of what it sees, and nobody of more."""

import random
from typing import Any
from urllib.parse import urlencode

import pytest
from httpx import AsyncClient

from app.config import Settings
from app.database import Database
from app.main import periodic_tasks
from app.periodic import run_once
from tests.conftest import Token
from tests.factories import Headers, make_adoption, make_practice, make_request, make_response
from tests.receiver import Receiver
from tests.webhooks import make_webhook, sender_at_work, settled

MONTREAL, FREETOWN, BRISTOL = "city:ca-montreal", "city:sl-freetown", "city:gb-bristol"
HIDDEN = "zebrafinch"


class Ears:
    """Webhooks of several organizations for all events, each at a path of its own."""

    def __init__(self, client: AsyncClient, receiver: Receiver, database: Database) -> None:
        self.client, self.receiver, self.database = client, receiver, database
        self.headers: dict[str, Headers] = {}

    async def listen(self, token: Token, name: str, organization: str, *scopes: str) -> None:
        self.headers[name] = headers = await token(organization, *scopes)
        await make_webhook(self.client, headers, self.receiver.url(f"/{name}"))

    async def heard(self) -> dict[str, list[str]]:
        """The types of the events that each was told of since the last time, in their order."""
        await settled(self.database)
        found = {name: [event["type"] for event in self.receiver.at(f"/{name}")] for name in self.headers}
        self.receiver.received.clear()
        return found

    async def move(self, name: str, path: str, **move: Any) -> None:
        moved = await self.client.post(f"{path}/transitions", json=move, headers=self.headers[name])
        assert moved.status_code == 200, moved.text


@pytest.fixture
async def ears(client: AsyncClient, token: Token, receiver: Receiver, database: Database, sending: None) -> Ears:
    assert sending is None
    ears = Ears(client, receiver, database)
    for name, organization in (("owner", MONTREAL), ("other", FREETOWN), ("third", BRISTOL)):
        await ears.listen(token, name, organization)
    await ears.listen(token, "network", "network:mmc")
    await ears.listen(token, "operator", "operator")
    await ears.listen(token, "deaf", BRISTOL, "webhooks:manage")
    return ears


def everybody(*types: str) -> dict[str, list[str]]:
    return {name: list(types) for name in ("owner", "other", "third", "network", "operator", "deaf")}


def only(names: str, *types: str) -> dict[str, list[str]]:
    return {**everybody(), **{name: list(types) for name in names.split()}}


async def test_practices(ears: Ears, client: AsyncClient) -> None:
    owner = {**ears.headers["owner"], "If-Match": "*"}
    draft = await make_practice(client, owner, publish=False, title=HIDDEN)
    path = f"/v1/practices/{draft['id']}"
    await client.patch(path, json={"summary": HIDDEN}, headers=owner)
    await ears.move("owner", path, to="submitted", network="mmc")
    await ears.move("network", path, to="changes_requested", note=HIDDEN)
    assert await ears.heard() == everybody(), "drafts and reviews are nobody's business"
    await ears.move("owner", path, to="submitted", network="mmc")
    await client.patch(path, json={"visibility": "members"}, headers=owner)
    await ears.move("network", path, to="published")
    assert await ears.heard() == everybody("practice.published"), "all of these are members"

    await client.patch(path, json={"visibility": "network:mmc"}, headers=owner)
    members = await ears.database.value(
        "SELECT array_agg(city_id) FROM membership WHERE network_id = 'mmc'"
        " AND city_id IN ('ca-montreal', 'sl-freetown', 'gb-bristol')"
    )
    inside = {"owner", "network", "operator"}
    inside |= {"other"} if "sl-freetown" in members else set()
    inside |= {"third", "deaf"} if "gb-bristol" in members else set()
    heard = await ears.heard()
    for name, types in heard.items():
        assert types == (["practice.updated"] if name in inside else ["practice.archived"]), name
    await client.patch(path, json={"title": HIDDEN * 2}, headers=owner)
    heard = await ears.heard()
    assert {name for name, types in heard.items() if types} == inside
    await client.patch(path, json={"visibility": "public"}, headers=owner)
    for name, types in (await ears.heard()).items():
        assert types == (["practice.updated"] if name in inside else ["practice.published"]), name
    await ears.move("owner", path, to="archived")
    await client.patch(path, json={"title": HIDDEN * 3}, headers=owner)
    await ears.move("owner", path, to="published")
    await ears.move("owner", path, to="withdrawn")
    assert await ears.heard() == everybody("practice.archived", "practice.published", "practice.withdrawn")


async def test_a_network_s_own_records(ears: Ears, client: AsyncClient) -> None:
    """A record that a network sends as its own, and takes back before it was ever published, is nobody's business."""
    network = ears.headers["network"]
    record = {"title": HIDDEN, "summary": HIDDEN, "language": "en", "city_id": "ca-montreal"}
    await client.patch("/v1/networks/mmc", json={"review_policy": "review"}, headers={**network, "If-Match": "*"})
    path = "/v1/sources/mmc/practices/1"
    assert (await client.put(path, json=record, headers=network)).status_code == 201
    status = await ears.database.value("SELECT status FROM practice")
    assert (await client.delete(path, headers=network)).status_code == 204
    expected = [] if status != "published" else ["practice.published", "practice.withdrawn"]
    assert await ears.heard() == everybody(*expected)


async def test_exchanges_from_request_to_message(ears: Ears, client: AsyncClient, receiver: Receiver) -> None:
    addressed = {"visibility": "addressed", "addressed_to": [FREETOWN], "title": HIDDEN, "need": HIDDEN}
    owner, other = ears.headers["owner"], ears.headers["other"]
    request = await make_request(client, owner, **addressed)
    assert await ears.heard() == only("owner other operator", "exchange_request.created")
    path = f"/v1/exchange-requests/{request['id']}"
    answer = await make_response(client, other, request["id"], message=HIDDEN)
    assert await ears.heard() == only("owner other operator", "response.created")
    await ears.move("owner", f"{path}/responses/{answer['id']}", to="accepted")
    heard = await ears.heard()
    wanted = {"exchange_request.transitioned", "response.transitioned"}
    assert {name for name, types in heard.items() if set(types) == wanted} == {"owner", "other", "operator"}
    assert not any(heard[name] for name in ("third", "network", "deaf"))
    assert (await client.post(f"{path}/messages", json={"body": HIDDEN}, headers=other)).status_code == 201
    await settled(ears.database)
    [message] = receiver.at("/owner")
    assert message["data"]["url"].endswith(f"{path}/messages")
    assert not any(HIDDEN.encode() in one.body for one in receiver.received)
    assert await ears.heard() == only("owner other", "message.created"), "the operator reads none"

    await make_request(client, owner, visibility="members")
    heard = await ears.heard()
    assert heard == {**everybody("exchange_request.created"), "deaf": []}, "a token without exchanges:read"
    open_ = await make_request(client, owner)
    await ears.move("owner", f"/v1/exchange-requests/{open_['id']}", to="cancelled", reason="duplicate")
    assert await ears.heard() == everybody("exchange_request.created", "exchange_request.transitioned")


async def test_adoptions(ears: Ears, client: AsyncClient) -> None:
    public = await make_practice(client, ears.headers["owner"])
    narrow = await make_practice(client, ears.headers["other"], visibility="network:mmc")
    await ears.heard()
    adoption = await make_adoption(client, ears.headers["other"], public["id"], results=HIDDEN)
    path = f"/v1/practices/{public['id']}/adoptions/{adoption['id']}"
    change = {**ears.headers["other"], "If-Match": "*"}
    assert (await client.patch(path, json={"results": "It works"}, headers=change)).status_code == 200
    heard = await ears.heard()
    assert heard == everybody("adoption.created", "adoption.updated")
    if "mmc" in (await client.get("/v1/me", headers=ears.headers["owner"])).json()["networks"]:
        await make_adoption(client, ears.headers["owner"], narrow["id"])
        heard = await ears.heard()
        assert "adoption.created" in heard["owner"]
        third = (await client.get("/v1/me", headers=ears.headers["third"])).json()["networks"]
        assert bool(heard["third"]) == ("mmc" in third)


async def test_what_the_clock_makes_due(ears: Ears, client: AsyncClient, database: Database) -> None:
    practice = await make_practice(client, ears.headers["owner"])
    request = await make_request(client, ears.headers["owner"])
    await ears.heard()
    tasks = {task.name: task for task in periodic_tasks(Settings())}
    for days, expected in ((3, ["verification.due"]), (3, []), (1, ["verification.due"])):
        # Another due date with another day of publication: as if it had been verified in between.
        await database.execute(
            "UPDATE practice SET published_at = current_date - interval '2 years' - make_interval(days => $1)", days
        )
        await run_once(database, tasks["remind of verifications"])
        assert await ears.heard() == only("owner", *expected)
    await database.execute(
        "UPDATE exchange_request SET created_at = now() - interval '80 days', expires_at = now() + interval '10 days'"
    )
    await run_once(database, tasks["warn of expiry"])
    assert await ears.heard() == only("owner", "exchange_request.expiring")
    await database.execute("UPDATE exchange_request SET expires_at = now() - interval '1 second'")
    await run_once(database, tasks["expire exchange requests"])
    assert await ears.heard() == everybody("exchange_request.transitioned")
    assert practice["id"] != request["id"]


async def test_an_organization_that_left_is_told_nothing_more(
    ears: Ears, client: AsyncClient, database: Database
) -> None:
    await database.execute("UPDATE client SET revoked_at = now() WHERE organization = $1", FREETOWN)
    await make_practice(client, ears.headers["owner"], visibility="members")
    assert await ears.heard() == {**everybody("practice.published"), "other": []}


async def test_without_a_webhook_nothing_is_noted_and_what_is_rolled_back_never_was(
    client: AsyncClient, token: Token, database: Database, receiver: Receiver
) -> None:
    headers = await token(MONTREAL)
    noted = "SELECT count(*) FROM webhook_event"
    await make_practice(client, headers)
    await make_request(client, headers)
    assert await database.value(noted) == 0
    webhook = await make_webhook(client, headers, receiver.url(), events=["message.created"])
    await make_practice(client, headers)
    assert await database.value(noted) == 0, "nobody asked for that"
    path, change = f"/v1/webhooks/{webhook['id']}", {**headers, "If-Match": "*"}
    await client.patch(path, json={"events": ["practice.published"]}, headers=change)
    made = await make_practice(client, headers, publish=False)
    async with database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            "UPDATE practice SET status = 'published', published_at = now() WHERE id::text = $1", made["id"]
        )
        assert await connection.fetchval(noted) == 1
        await transaction.rollback()
    assert await database.value(noted) == 0
    await make_practice(client, headers)
    assert await database.value(noted) == 1
    await client.patch(path, json={"status": "disabled"}, headers=change)
    await make_practice(client, headers)
    assert await database.value(noted) == 1, "nor while it is disabled"


TAGS = ("theme:housing", "theme:municipal-id", "gcm:4", "gcm:15", "group:unaccompanied-minors", "sdg:10.7")
CITIES = ("ca-montreal", "sl-freetown", "gb-bristol")
WORDS = ("card", "housing", "accomodation", "vivienda", "clinic -card", '"city card"', "school", "Freetown", "xyzzy")


def random_practice(chance: random.Random) -> dict[str, Any]:
    words = chance.sample(["card", "housing", "clinic", "school", "accommodation", "library"], 3)
    return {
        "city_id": chance.choice(CITIES),
        "title": f"A city {words[0]} for {words[1]}",
        "summary": f"How the {words[2]} came about.",
        "tags": chance.sample(TAGS, chance.randint(0, 3)),
        "stage": chance.choice(["pilot", "ongoing", None]),
        "evidence_level": chance.choice([None, 1, 3]),
        "year_start": chance.choice([None, 2015, 2020]),
        "language": chance.choice(["en", "fr"]),
        "visibility": chance.choice(["public", "public", "members", "network:mmc"]),
    }


def random_search(chance: random.Random) -> str:
    given: dict[str, Any] = {
        "tag": chance.sample(TAGS, 1),
        "any_tag": chance.sample(TAGS, 2),
        "city": chance.choice(CITIES),
        "country": chance.choice(["CA", "SL", "FR"]),
        "network": "mmc",
        "region": chance.choice(["africa", "americas", "europe"]),
        "stage": "pilot",
        "evidence_min": 2,
        "year_from": 2018,
        "language": "fr",
        "stale": "false",
        "status": "published",
        "q": chance.choice(WORDS),
    }
    names = chance.sample(sorted(given), chance.randint(1, 2))
    return urlencode({name: given[name] for name in names}, doseq=True)


async def test_a_filter_finds_what_the_list_finds(
    client: AsyncClient, token: Token, receiver: Receiver, database: Database, settings: Settings
) -> None:
    chance = random.Random(20)
    callers = [await token(organization) for organization in (BRISTOL, "network:mmc", "operator")]
    searches = [(number, random_search(chance), callers[number % 3]) for number in range(30)]
    searches += [(30 + number, urlencode({"q": word}), callers[0]) for number, word in enumerate(WORDS)]
    for number, search, headers in searches:
        events = ["practice.published", "practice.withdrawn"]
        await make_webhook(client, headers, receiver.url(f"/{number}"), filter=search, events=events)
    made = [await make_practice(client, callers[2], **random_practice(chance)) for _ in range(30)]
    found = {}
    for number, search, headers in searches:
        listed = await client.get(f"/v1/practices?{search}&limit=100", headers=headers)
        found[number] = sorted(item["id"] for item in listed.json()["items"])
    async with sender_at_work(database, settings):
        await settled(database)
        for number, search, _ in searches:
            told = sorted(event["data"]["id"] for event in receiver.at(f"/{number}"))
            assert told == found[number], search
        assert 10 < sum(map(bool, found.values())) < len(found)
        receiver.received.clear()
        gone = f"/v1/practices/{made[0]['id']}"
        await client.delete(gone, headers={**callers[2], "If-Match": "*"})
        await settled(database)
        ended = {int(one.target[1:]) for one in receiver.received}
        asked = {number for number, search, _ in searches if "status=" not in search}
        assert ended == {number for number in asked if made[0]["id"] in found[number]}, "whoever was told is told"
