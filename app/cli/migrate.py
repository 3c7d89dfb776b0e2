"""`practice-exchange migrate`: the database's schema and the service's role."""

import asyncio

from app.cli.console import err, fail, out, step
from app.cli.target import Target, configuration, connect, target
from app.schema import grant_role, head, is_current


def migrate() -> None:
    """Bring the database to the newest schema, and make the role of the running service where that is allowed."""
    with target() as database:
        prepare(database)
    out.print(f"The database is at migration {head()}.")


def prepare(database: Target) -> None:
    """Migrate and grant; says so if the service has to run with the rights of the URL's user."""
    role = configuration().database_role
    with step("Bringing the database up to date"):
        if not asyncio.run(_is_current(database.url)):
            _upgrade(database.url)
        taken = asyncio.run(grant_role(database.url, role))
    if not taken:
        err.print(
            f"The role {role} could not be made with this user's rights; the service runs with those of the URL's "
            f"user. To change that, have an administrator run: CREATE ROLE {role} NOLOGIN; GRANT {role} TO …"
        )


async def _is_current(url: str) -> bool:
    connection = await connect(url)
    try:
        return await is_current(connection)
    finally:
        await connection.close()


def _upgrade(url: str) -> None:
    from app.migrating import DBAPIError, explained, upgrade  # noqa: PLC0415 - memory, spent only if there is need

    try:
        upgrade(url)
    except DBAPIError as reason:
        fail(f"The database could not be brought up to date.\n{explained(reason)}")
