"""Pools, transactions, and what a driver's error means to a caller."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import asyncpg

from app.config import Settings
from app.errors import Conflict, InvalidInput, Problem, ServiceUnavailable, error

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
Row = asyncpg.Record
BROKEN = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,
)
UNREACHABLE = (
    *BROKEN,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    ConnectionError,
    OSError,
    TimeoutError,
)


class Statement(NamedTuple):
    """One SQL statement with its arguments."""

    sql: str
    arguments: list[Any]

    @property
    def flat(self) -> tuple[Any, ...]:
        """The text and the arguments in a row, as the driver's functions take them."""
        return (self.sql, *self.arguments)


class Arguments:
    """Collects a statement's arguments and gives each its placeholder: `f"city_id = {arg(city)}"`."""

    def __init__(self, *values: Any) -> None:
        self.values: list[Any] = list(values)

    def __call__(self, value: Any) -> str:
        """Take a value; gives its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}"


class Database:
    """The pools of one process: `primary` for writes, `replica` for what may lag a little."""

    def __init__(self, primary: asyncpg.Pool, replica: asyncpg.Pool, settings: Settings) -> None:
        self.primary = primary
        self.replica = replica
        self._timeout = settings.pool_timeout

    @property
    def has_spare(self) -> bool:
        """Whether a connection to the primary can be had without waiting for one."""
        return self.primary.get_idle_size() > 0 or self.primary.get_size() < self.primary.get_max_size()

    async def read(self, statement: Statement, *, may_lag: bool) -> list[Row]:
        """The rows of one statement that only reads; from the replica, where there is one, if it may lag a little."""
        rows: list[Row] = await self._read(
            self.replica if may_lag else self.primary, "fetch", statement.sql, tuple(statement.arguments)
        )
        return rows

    async def row(self, sql: str, *arguments: Any) -> Row | None:
        """The first row of one statement that only reads, or None."""
        row: Row | None = await self._read(self.primary, "fetchrow", sql, arguments)
        return row

    async def rows(self, sql: str, *arguments: Any) -> list[Row]:
        """All rows of one statement that only reads."""
        rows: list[Row] = await self._read(self.primary, "fetch", sql, arguments)
        return rows

    async def value(self, sql: str, *arguments: Any) -> Any:
        """The first value of one statement that only reads, or None."""
        return await self._read(self.primary, "fetchval", sql, arguments)

    async def execute(self, sql: str, *arguments: Any) -> str:
        """Run one statement that is a transaction of its own; gives PostgreSQL's command tag."""
        async with self.connection() as connection:
            return str(await connection.execute(sql, *arguments))

    async def write(self, sql: str, *arguments: Any) -> list[Row]:
        """Run one writing statement that is a transaction of its own; gives the rows it returns."""
        async with self.connection() as connection:
            return list(await connection.fetch(sql, *arguments))

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection to the primary, outside any transaction. Raises ServiceUnavailable when none is free in time."""
        connection = await self._acquire(self.primary)
        try:
            yield connection
        except BROKEN:
            connection.terminate()
            raise
        finally:
            await self.primary.release(connection)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection with a transaction: committed at the end of the block, rolled back by any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def close(self) -> None:
        """Close the pools; connections still in use are given five seconds."""
        for pool in {self.primary, self.replica}:
            try:
                async with asyncio.timeout(5):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    async def _read(self, pool: asyncpg.Pool, method: str, sql: str, arguments: tuple[Any, ...]) -> Any:
        # A server that was restarted leaves dead connections in the pool: a read is simply tried once more.
        for attempt in (1, 2):
            connection = await self._acquire(pool)
            try:
                return await getattr(connection, method)(sql, *arguments)
            except (*BROKEN, asyncpg.InvalidCachedStatementError) as reason:
                if isinstance(reason, BROKEN):
                    # The pool would hand it out again before it has noticed that nobody is there.
                    connection.terminate()
                if attempt == 2:  # noqa: PLR2004 - the second attempt is the last
                    raise
            except asyncpg.LockNotAvailableError as reason:
                # Who reads waits for nobody but a change of the schema.
                detail = "The database is being changed."
                raise ServiceUnavailable(detail, headers={"Retry-After": "2"}) from reason
            finally:
                await pool.release(connection)
        return None

    async def _acquire(self, pool: asyncpg.Pool) -> Any:
        try:
            # With a timeout of its own, the pool would start a task for each acquisition.
            async with asyncio.timeout(self._timeout):
                return await pool.acquire()
        except TimeoutError as reason:
            raise ServiceUnavailable("All database connections are in use.", headers={"Retry-After": "1"}) from reason
        except asyncpg.PostgresError as reason:
            # Whatever the server says to a new connection (no such database, no more logins), it does not serve us now.
            raise ServiceUnavailable("The database cannot be reached.", headers={"Retry-After": "2"}) from reason


async def open_database(settings: Settings, *, database_url: str | None = None) -> Database:
    """Connect the pools.

    Args:
        settings: this process's settings.
        database_url: overrides the setting, for the embedded server and for tests.

    Raises:
        OSError or asyncpg.PostgresError: when the server cannot be reached or refuses.
    """
    url = database_url or settings.database_url
    if url is None:
        message = "DATABASE_URL is not set"
        raise ValueError(message)
    primary = await _pool(url, settings, read_only=False)
    replica_url = settings.database_replica_url
    replica = await _pool(replica_url, settings, read_only=True) if replica_url else primary
    return Database(primary, replica, settings)


async def _pool(url: str, settings: Settings, *, read_only: bool) -> asyncpg.Pool:
    url = plain_url(url)
    server_settings = {
        "application_name": "practice-exchange",
        "statement_timeout": str(int(settings.statement_timeout * 1000)),
        "lock_timeout": str(int(settings.lock_timeout * 1000)),
        "idle_in_transaction_session_timeout": "60000",
        "timezone": "UTC",
        "jit": "off",
    }
    if read_only:
        server_settings["default_transaction_read_only"] = "on"
    if await _may_become(url, settings.database_role):
        server_settings["role"] = settings.database_role
    return await asyncpg.create_pool(
        url,
        min_size=min(2, settings.pool_size),
        max_size=settings.pool_size,
        # The server cancels what takes too long; this is for when nothing is heard of it any more.
        command_timeout=settings.statement_timeout + 1,
        statement_cache_size=1024,
        max_cached_statement_lifetime=0,
        max_inactive_connection_lifetime=300,
        server_settings=server_settings,
        reset=_nothing_to_reset,
        timeout=10,
    )


async def _may_become(url: str, role: str) -> bool:
    """Whether the role is there for us; roles belong to a whole cluster, so its rights in this database count too."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return bool(
            await connection.fetchval(
                "SELECT pg_has_role(oid, 'MEMBER') AND has_table_privilege(oid, to_regclass('public.audit'), 'INSERT')"
                " FROM pg_roles WHERE rolname = $1",
                role,
            )
        )
    finally:
        await connection.close()


async def _nothing_to_reset(_: Any) -> None:
    """No statement of ours leaves anything behind in the session, so the round trip for a reset is saved."""


def plain_url(url: str) -> str:
    """The URL without SQLAlchemy's driver name, as asyncpg wants it."""
    return url.replace("+asyncpg", "", 1).replace("+psycopg", "", 1)


def problem_of(reason: BaseException) -> Problem | None:
    """What a database error means to the caller; None when it is a fault of ours."""
    if isinstance(reason, asyncpg.UniqueViolationError):
        return Conflict("A record with the same identity exists already.", constraint=reason.constraint_name)
    if isinstance(reason, asyncpg.ForeignKeyViolationError):
        return _unknown_reference(reason)
    if isinstance(reason, asyncpg.DataError | asyncpg.CheckViolationError):
        return InvalidInput("The input breaks a rule of the database.", errors=[error("", "refused", "refused value")])
    if isinstance(reason, asyncpg.LockNotAvailableError | asyncpg.DeadlockDetectedError | asyncpg.SerializationError):
        return Conflict("Another request is changing the same record; try again.", headers={"Retry-After": "1"})
    if isinstance(reason, (asyncpg.QueryCanceledError, asyncpg.InsufficientResourcesError, *UNREACHABLE)):
        return ServiceUnavailable("The database cannot answer just now.", headers={"Retry-After": "2"})
    return None


def _unknown_reference(reason: asyncpg.ForeignKeyViolationError) -> InvalidInput:
    # The rules in the database give the pointer into the input as detail; a plain foreign key names its column only.
    pointer = reason.detail or ""
    if not pointer.startswith("/"):
        table, name = reason.table_name or "", reason.constraint_name or ""
        pointer = "/" + name.removeprefix(f"fk_{table}_")
        detail = "This leads to nothing that exists."
    else:
        detail = f"{reason.args[0]}."
    return InvalidInput(f"{pointer}: {detail}", errors=[error(pointer, "unknown_reference", detail)])
