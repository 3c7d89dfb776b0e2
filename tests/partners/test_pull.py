"""Pulling from a partner that says whatever it likes: what is taken, what is told, and what never happens."""

import asyncio
import gzip
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
from anyio import to_thread
from httpx import AsyncClient
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.database import UNREACHABLE
from app.feed import rotate_epoch
from app.partners.ledger import BusyError
from app.partners.pull import Wish, open_pull
from app.partners.remote import Remote, RemoteError, checked_url
from tests.factories import make_practice, make_token
from tests.partners.exchanges import SHOWN, Exchange, exchange, served

MONTREAL = "city:ca-montreal"
STATE = "SELECT (SELECT count(*) FROM practice), (SELECT count(*) FROM partner_record), (SELECT count(*) FROM audit)"
Say = Callable[[Request], Response]


@pytest.fixture
async def here(server: str) -> AsyncIterator[Exchange]:
    async with exchange(server) as made:
        yield made


@contextmanager
def partner(say: Say) -> Iterator[tuple[str, list[Request]]]:
    """A partner that answers as it is told; gives its address, and what it was asked."""
    asked: list[Request] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive)
            asked.append(request)
            await say(request)(scope, receive, send)

    with served(app) as address:
        yield address, asked


def page(*items: Any, cursor: str = "c", has_more: bool = False) -> Response:
    return Response(json.dumps({"items": items, "next_cursor": cursor, "has_more": has_more}))


def item(number: int, **changes: Any) -> dict[str, Any]:
    """A practice in the feed of another exchange."""
    id_ = f"01a0c45f-1200-7c3d-ba41-{number:012}"
    data = {
        "id": id_, "title": f"Practice {number}", "summary": "A desk.", "language": "en", "tags": ["theme:housing"],
        "city": {"id": "ca-montreal", "name": "Montréal", "country": "CA"}, "partner_cities": [], "status": "published",
        "contact": None, "external_ids": [], "origins": [], "later_member": 1, **changes,
    }  # fmt: skip
    return {"type": "practice", "id": id_, "op": "upsert", "version": 1, "data": data}


def gone(number: int) -> dict[str, Any]:
    return {"type": "practice", "id": item(number)["id"], "op": "delete", "version": 2, "data": None}


async def test_bad_records_are_told_and_skipped_and_the_others_come(here: Exchange) -> None:
    items = [
        item(1),
        item(2, title="x" * 151),
        item(3, title="Line\u0007feed"),
        item(4, tags=["theme:nowhere"]),
        item(5, beneficiaries=10**30),
        item(6, external_ids=[{"scheme": "x", "value": "1"}, {"scheme": "x", "value": "1"}]),
        {"type": "practice", "id": "x" * 500, "op": "upsert", "data": {}},
        {"type": "practice", "id": "y", "op": "upsert", "data": None},
        {"type": "unheard-of", "id": "z"},
        "nonsense",
        item(7, city="ca-montreal"),
    ]
    with partner(lambda _: page(*items)) as (url, asked):
        tally = await here.pull(url, "mmc", format="feed")
        assert tally.counts == {"created": 2, "invalid": 5, "waiting": 1}
        assert [row[0] for row in await here.rows(SHOWN)] == ["Practice 1", "Practice 7"]
        assert {why.partition(":")[0] for _, why in tally.faults} >= {"title", "beneficiaries", "/tags/0"}
        assert "cursor" not in asked[0].query_params
        await here.pull(url, "mmc", format="feed")
        assert asked[1].query_params["cursor"] == "c"
    assert await here.rows("SELECT organization, action FROM audit WHERE record_type = 'practice'") == [
        ("network:mmc", "created"), ("network:mmc", "created"),
    ]  # fmt: skip


async def test_what_lacks_its_city_waits_for_it(here: Exchange) -> None:
    city = {"id": "ca-newtown", "name": "Newtown", "country": "CA", "practice_count": 3, "version": 9, "member": True}
    late = [item(1, city={"id": "ca-newtown", "name": "Newtown", "country": "CA"})]
    later = [{"type": "city", "id": "ca-newtown", "op": "upsert", "data": city}]
    pages = {None: late, "c": later}
    with partner(lambda request: page(*pages.get(request.query_params.get("cursor"), []), cursor="c")) as (url, _):
        tally = await here.pull(url, "mmc", format="feed")
        assert (tally.counts, len(tally.faults)) == ({"waiting": 1}, 1)
        tally = await here.pull(url, "mmc", format="feed", makes_places=False)
        assert tally.counts == {"waiting": 1}
        pages["c"] = later
        tally = await here.pull(url, "mmc", format="feed")
        assert tally.counts == {"city made": 1, "created": 1}
        assert (await here.pull(url, "mmc", format="feed")).counts == {}
    assert await here.rows("SELECT member, version FROM city WHERE id = 'ca-newtown'") == [(False, 1)]
    assert await here.rows("SELECT count(*) FROM membership WHERE city_id = 'ca-newtown'") == [(0,)]


async def test_a_trial_keeps_nothing_and_says_what_would_be_done(here: Exchange) -> None:
    with partner(lambda _: page(item(1), item(2))) as (url, _):
        before = await here.rows(STATE)
        connection = await asyncpg.connect(here.database_url)
        try:
            async with Remote(url) as remote:
                transaction = connection.transaction()
                await transaction.start()
                trial = await open_pull(connection, remote, Wish("mmc", "feed", is_trial=True), lambda _: None)
                await trial.catch_up()
                await transaction.rollback()
        finally:
            await connection.close()
        assert trial.tally.counts == {"created": 2}
        assert await here.rows(STATE) == before
        assert (await here.pull(url, "mmc", format="feed")).counts == {"created": 2}


async def test_two_of_one_source_at_once_exclude_each_other(here: Exchange) -> None:
    with partner(lambda _: page(item(1))) as (url, _):
        connection = await asyncpg.connect(here.database_url)
        try:
            async with Remote(url) as remote:
                await open_pull(connection, remote, Wish("mmc", "feed"), lambda _: None)
                with pytest.raises(BusyError, match="Another pull"):
                    await here.pull(url, "mmc", format="feed")
                assert (await here.pull(url, "uclg", format="feed")).counts == {"created": 1}
        finally:
            await connection.close()
        assert (await here.pull(url, "mmc", format="feed")).counts == {"linked": 1}


async def test_what_the_new_copy_after_410_does_not_meet_is_taken_back(server: str, here: Exchange) -> None:
    async with exchange(server) as there, AsyncClient(base_url=there.url, timeout=30) as client:
        headers = await make_token(there.database, MONTREAL)
        stays, vanishes = [await make_practice(client, headers, title=title) for title in ("Stays", "Vanishes")]
        assert (await here.pull(there.url, "mmc")).counts["created"] == 2
        # As after a restore of an older backup: the record and its traces are gone, and nobody says so.
        await there.database.execute("DELETE FROM practice WHERE id = $1::text::uuid", vanishes["id"])
        await there.database.execute("DELETE FROM feed WHERE id = $1", vanishes["id"])
        assert (await here.pull(there.url, "mmc")).counts["taken back"] == 0
        await rotate_epoch(there.database)
        tally = await here.pull(there.url, "mmc")
        assert (tally.counts["taken back"], tally.counts["unchanged"]) == (1, 1)
        assert [row[0] for row in await here.rows(SHOWN)] == ["Stays"]
        assert await here.rows("SELECT version, is_copying FROM practice, partner WHERE status = 'published'") == [
            (1, False)
        ]
        await client.delete(f"/v1/practices/{stays['id']}", headers={**headers, "If-Match": "*"})
        assert (await here.pull(there.url, "mmc")).counts["taken back"] == 1
        assert await here.rows(SHOWN) == []


async def test_a_partner_that_is_away_for_a_moment_is_asked_again(here: Exchange) -> None:
    answers = iter([Response(status_code=503, headers={"Retry-After": "0"}), page(item(1))])
    with partner(lambda _: next(answers)) as (url, asked):
        assert (await here.pull(url, "mmc", format="feed")).counts == {"created": 1}
        assert len(asked) == 2


def flood(_: Request) -> Response:
    """Sixty-eight megabytes of nothing, in a hundredth of the bytes."""
    return Response(gzip.compress(bytes(68 * 1024 * 1024)), headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize(
    ("say", "words"),
    [
        (lambda _: Response("nonsense"), "does not answer with JSON"),
        (lambda _: Response('{"items": ' + "[" * 10_000), "does not answer with JSON"),
        (lambda _: Response('{"items": {}, "next_cursor": "c", "has_more": false}'), "is not the feed"),
        (lambda _: Response('{"items": [], "next_cursor": 7, "has_more": false}'), "is not the feed"),
        (lambda _: Response(status_code=307, headers={"Location": "http://169.254.1.1/"}), "leads to http://169"),
        (lambda _: Response("no", status_code=404), "answers 404: no"),
        (lambda _: Response(status_code=410), "does not honour its own positions"),
        (flood, "more than"),
        (lambda _: Response("this is no gzip", headers={"Content-Encoding": "gzip"}), "cannot be read"),
    ],
)
async def test_a_partner_that_is_none_is_told_plainly(here: Exchange, say: Say, words: str) -> None:
    with partner(say) as (url, _), pytest.raises(RemoteError, match=words):
        await here.pull(url, "mmc", format="feed")
    assert await here.rows("SELECT count(*) FROM practice") == [(0,)]


@pytest.mark.parametrize(
    ("format_", "words"),
    [("auto", "neither an exchange nor an OAI-PMH repository"), ("oai", "not the address")],
)
async def test_what_is_chosen_does_not_hide_that_nobody_is_there(here: Exchange, format_: str, words: str) -> None:
    chosen = ["country=CA", "tag=theme:housing"]
    with partner(lambda _: Response("a page")) as (url, _), pytest.raises(RemoteError, match=words):
        await here.pull(url, "mmc", format=format_, chosen=chosen)


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://", "http://u:p@x/", "http://x/?a=b", "x", "http://[", "http://x:99999"]
)
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(RemoteError, match="is not an address"):
        checked_url(url)


async def test_a_connection_to_the_database_that_dies_loses_and_doubles_nothing(here: Exchange) -> None:
    """The batch and the place to go on from come together or not at all."""
    asked, killed = threading.Event(), threading.Event()

    def say(request: Request) -> Response:
        number = int(request.query_params.get("cursor", "0"))
        if number == 2 and not asked.is_set():
            asked.set()
            killed.wait(30)
        return page(item(number), gone(number - 2), cursor=str(number + 1), has_more=number < 4)

    async def kill() -> None:
        await to_thread.run_sync(asked.wait)
        # The service's own role may not do that.
        connection = await asyncpg.connect(here.database_url)
        await connection.execute(
            "SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 1"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        await connection.close()
        killed.set()

    with partner(say) as (url, _):
        killing = asyncio.create_task(kill())
        with pytest.raises(UNREACHABLE):
            await here.pull(url, "mmc", format="feed")
        await killing
        tally = await here.pull(url, "mmc", format="feed")
        assert tally.faults == []
    assert [row[0] for row in await here.rows(SHOWN)] == ["Practice 3", "Practice 4"]
    assert await here.rows("SELECT count(DISTINCT external_id), count(*) FROM practice_origin") == [(2, 2)]
