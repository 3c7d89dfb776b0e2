"""Fixtures: a database of its own for every test, the real application on it, a client that checks the contract."""

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from app.config import Settings
from app.database import Database, open_database
from app.main import create_app
from tests.contract import Contract
from tests.factories import Headers, make_token
from tests.postgres import SERVER, cloned_database, make_template, test_server
from tests.receiver import Receiver
from tests.webhooks import sender_at_work

Token = Callable[..., Awaitable[Headers]]
SqlCount = Callable[..., contextlib.AbstractContextManager[list[str]]]
_server = contextlib.ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Start the run's PostgreSQL once, in the process that leads it; workers find it in their environment."""
    # A test may be one of many on a busy machine: who asks it for a lot at once waits, and isn't told to come again.
    os.environ.setdefault("PX_POOL_TIMEOUT", "30")
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        os.environ[SERVER] = _server.enter_context(test_server())
        make_template(os.environ[SERVER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop it."""
    if not hasattr(config, "workerinput"):
        _server.close()


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
def server() -> str:
    """The address of the run's PostgreSQL."""
    return os.environ[SERVER]


@pytest.fixture
async def database_url(server: str) -> AsyncIterator[str]:
    """A migrated database with vocabularies, cities and networks."""
    async with cloned_database(server) as url:
        yield url


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Settings for tests: no limits of rate, no periodic tasks, webhooks may lead to this machine."""
    return Settings(database_url=database_url, rate_limit="off", worker="off", pool_size=5, webhook_private="allow")


class CountingDatabase(Database):
    """Pools that remember the statements they ran."""

    statements: list[str]

    async def _acquire(self, pool: Any) -> Any:
        connection = await super()._acquire(pool)
        raw = connection._con  # noqa: SLF001 - the pool's proxy forgets loggers at each release
        if not raw._query_loggers:  # noqa: SLF001
            raw.add_query_logger(lambda query: self.statements.append(query.query))
        return connection


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[CountingDatabase]:
    """The application's pools."""
    opened = await open_database(settings)
    counting = CountingDatabase(opened.primary, opened.replica, settings)
    counting.statements = []
    yield counting
    await counting.close()


@pytest.fixture
async def app(database: Database, settings: Settings) -> AsyncIterator[FastAPI]:
    """The application, started."""
    application = create_app(database, settings)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver of webhooks."""
    async with Receiver().listening() as listening:
        yield listening


@pytest.fixture
async def sending(app: FastAPI, database: Database, settings: Settings) -> AsyncIterator[None]:
    """The sender of webhooks, at work."""
    assert app.state.services.sender is None
    async with sender_at_work(database, settings):
        yield


contracts: dict[str, Contract] = {}


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A client that checks every answer against the OpenAPI document."""
    if "contract" not in contracts:
        contracts["contract"] = Contract(app.openapi())
    contract = contracts["contract"]

    async def check(response: Response) -> None:
        await response.aread()
        contract.check(response)

    transport = ASGITransport(app, raise_app_exceptions=False)
    async with AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8000", event_hooks={"response": [check]}
    ) as asking:
        yield asking


@pytest.fixture
async def bare(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A client that checks nothing, for answers to be read as they come."""
    transport = ASGITransport(app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as asking:
        yield asking


@pytest.fixture
def token(database: Database) -> Token:
    """`await token("city:ca-montreal", "practices:write")` gives the header; without scopes: all that suit."""

    async def make(organization: str, *scopes: str) -> Headers:
        return await make_token(database, organization, scopes)

    return make


@pytest.fixture
def sql_count(database: CountingDatabase, app: FastAPI) -> SqlCount:
    """`with sql_count() as statements:` collects what the block runs, BEGIN and COMMIT left out.

    Every answer is made anew there; with `again=True` one that is kept may be given again.
    """

    @contextlib.contextmanager
    def count(*, again: bool = False) -> Iterator[list[str]]:
        services, counted = app.state.services, list[str]()
        kept, start = services.kept, len(database.statements)
        services.kept = kept if again else None
        try:
            yield counted
        finally:
            services.kept = kept
        ran = database.statements[start:]
        counted.extend(statement for statement in ran if not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK")))

    return count
