"""Answers given again: only while nothing has changed, and only to strangers."""

import asyncio
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from app.config import Settings
from app.database import Database
from app.main import create_app
from app.web import kept_answers
from app.web.kept_answers import SNAPSHOT
from tests.conftest import SqlCount, Token
from tests.factories import make_practice

MONTREAL = "city:ca-montreal"
REPEATABLE = [
    "/v1/practices", "/v1/practices/{id}", "/v1/practices/facets", "/v1/practices/{id}/similar", "/v1/cities",
    "/v1/cities/ca-montreal", "/v1/networks", "/v1/networks/mmc", "/v1/tags", "/v1/tags/theme:housing",
    "/v1/exchange-requests", "/v1/practices?q=card", "/v1/practices?tag=theme:housing&limit=1",
]  # fmt: skip


@pytest.fixture
async def other_session(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that the application knows nothing of."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def _published(client: AsyncClient, token: Token) -> str:
    return str((await make_practice(client, await token(MONTREAL)))["id"])


async def _repeated(client: AsyncClient, path: str, sql_count: SqlCount, **headers: str) -> Response:
    """The answer once it is a repeated one; other tests write to the same server, and their transactions count."""
    for _ in range(500):
        with sql_count(again=True) as statements:
            answer = await client.get(path, headers=headers)
        if statements == [SNAPSHOT]:
            return answer
    message = f"{path} is never repeated"
    raise AssertionError(message)


@pytest.mark.parametrize("path", REPEATABLE)
async def test_an_answer_is_given_again(client: AsyncClient, token: Token, sql_count: SqlCount, path: str) -> None:
    path = path.replace("{id}", await _published(client, token))
    first = await client.get(path)
    assert first.status_code == 200
    again = await _repeated(client, path, sql_count)
    own = {"x-request-id", "date"}
    assert again.content == first.content
    assert {k: v for k, v in again.headers.items() if k not in own} == {
        k: v for k, v in first.headers.items() if k not in own
    }
    known = await _repeated(client, path, sql_count, **{"If-None-Match": first.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


async def test_what_any_session_changed_is_seen_at_once(
    client: AsyncClient, token: Token, other_session: asyncpg.Connection
) -> None:
    id_ = await _published(client, token)
    for number in range(5):
        for _ in range(3):
            before = await client.get("/v1/practices")
        title = f"Title {number}"
        async with other_session.transaction():
            await other_session.execute("UPDATE practice SET title = $1 WHERE id = $2", title, id_)
            assert (await client.get("/v1/practices")).content == before.content
        assert (await client.get("/v1/practices")).json()["items"][0]["title"] == title


async def test_readers_never_fall_behind_writers(
    client: AsyncClient, token: Token, database: Database, settings: Settings
) -> None:
    """Two processes' worth of readers beside a writer: what was committed before a request is in its answer."""
    id_ = await _published(client, token)
    committed, done = 0, asyncio.Event()

    async def write() -> None:
        nonlocal committed
        for number in range(1, 120):
            await database.execute("UPDATE practice SET year_start = $1 WHERE id = $2", 1900 + number, id_)
            committed = number
            await asyncio.sleep(random.choice((0, 0, 0.002, 0.02)))
        done.set()

    async def read(asking: AsyncClient, path: str) -> int:
        asked = 0
        while not done.is_set():
            least = committed
            answer = (await asking.get(path)).json()
            assert (answer["items"][0] if "items" in answer else answer)["year_start"] >= 1900 + least * bool(least)
            asked += 1
        return asked

    await database.execute("UPDATE practice SET year_start = 1900 WHERE id = $1", id_)
    other = create_app(database, settings)
    async with (
        other.router.lifespan_context(other),
        AsyncClient(transport=ASGITransport(other), base_url="http://127.0.0.1:8000") as second,
    ):
        paths = ("/v1/practices", f"/v1/practices/{id_}")
        readers = [read(asking, path) for asking in (client, second) for path in paths for _ in range(4)]
        _, *asked = await asyncio.gather(write(), *readers)
    assert all(asked)


async def test_many_who_ask_at_once_share_one_answer(
    app: FastAPI, client: AsyncClient, token: Token, sql_count: SqlCount, other_session: asyncpg.Connection
) -> None:
    await _published(client, token)
    made = []
    # Other tests write to the same server, and what was begun before is not shared: not every attempt shows it.
    for number in range(20):
        path = f"/v1/practices?q=municipal+card&year_to={2100 + number}"
        await app.state.services.kept.snapshot()
        # Whoever makes the answer is held up until the others have come.
        await other_session.execute("BEGIN; LOCK TABLE practice_search IN ACCESS EXCLUSIVE MODE")
        with sql_count(again=True) as statements:
            asking = [asyncio.create_task(client.get(path)) for _ in range(8)]
            await asyncio.sleep(0.05)
            await other_session.execute("ROLLBACK")
            answers = await asyncio.gather(*asking)
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        made.append(len([statement for statement in statements if statement != SNAPSHOT]))
        if made[-1] < 8:
            break
    assert min(made) < 8, made


async def test_a_failure_is_nobody_elses(bare: AsyncClient, other_session: asyncpg.Connection) -> None:
    path = "/v1/practices?q=municipal"
    await other_session.execute("BEGIN; LOCK TABLE practice_search IN ACCESS EXCLUSIVE MODE")
    failing = [asyncio.create_task(bare.get(path)) for _ in range(3)]
    answers = await asyncio.gather(*failing)
    assert {answer.status_code for answer in answers} == {503}
    await other_session.execute("ROLLBACK")
    assert (await bare.get(path)).status_code == 200


async def test_every_request_of_its_own_kind_has_its_own_answer(client: AsyncClient, token: Token) -> None:
    headers = await token(MONTREAL)
    made = await make_practice(client, headers)
    path = f"/v1/practices/{made['id']}"
    french = {"title": "Carte municipale", "summary": "Une carte de la ville pour chaque habitant.", "status": "human"}
    put = await client.put(f"{path}/translations/fr", json=french, headers=headers)
    assert put.status_code in {200, 201}, put.text
    for _ in range(3):
        assert (await client.get(path)).headers["content-language"] == "en"
        assert (await client.get(path, headers={"Accept-Language": "fr"})).headers["content-language"] == "fr"
        assert "json" in (await client.get(path)).headers["content-type"]
        assert "markdown" in (await client.get(path, headers={"Accept": "text/markdown"})).headers["content-type"]
        assert (await client.get(path)).json()["allowed_transitions"] == []
        assert (await client.get(path, headers=headers)).json()["allowed_transitions"] != []
        assert (await client.get("/v1/practices?limit=1")).json()["items"] != []
        assert (
            "http://other.example/"
            in (await client.get("/v1/cities", headers={"Host": "other.example"})).headers["link"]
        )
        assert "http://127.0.0.1:8000/" in (await client.get("/v1/cities")).headers["link"]


async def test_members_are_always_answered_anew(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    headers = await token(MONTREAL)
    for _ in range(3):
        await client.get("/v1/practices", headers=headers)
    with sql_count(again=True) as statements:
        await client.get("/v1/practices", headers=headers)
    assert len(statements) == 1
    assert SNAPSHOT not in statements


async def test_what_is_kept_has_bounds(
    client: AsyncClient, token: Token, monkeypatch: pytest.MonkeyPatch, sql_count: SqlCount
) -> None:
    await _published(client, token)
    monkeypatch.setattr(kept_answers, "MOST_BYTES", 20_000)
    await client.get("/v1/practices")
    paths = [f"/v1/cities?limit=3&q={letter}" for letter in "abcdefghijklmnopq"]
    for path in paths:
        await _repeated(client, path, sql_count)
    with sql_count(again=True) as statements:
        await client.get(paths[0])
    # What is gone is not even looked for.
    assert SNAPSHOT not in statements
    assert len(statements) == 1


async def test_nothing_is_kept_where_it_is_switched_off(database: Database, settings: Settings) -> None:
    application = create_app(database, settings.model_copy(update={"keep_answers": "off"}))
    async with application.router.lifespan_context(application):
        assert application.state.services.kept is None
