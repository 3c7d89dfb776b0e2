"""`practice-exchange migrate`: the database's schema and the service's role."""

import asyncio

from sqlalchemy.exc import DBAPIError

from app.cli.console import err, fail, out, step
from app.cli.target import Target, configuration, target
from app.schema import explained, grant_role, head, upgrade


def migrate() -> None:
    """Bring the database to the newest schema, and make the role of the running service where that is allowed."""
    with target() as database:
        prepare(database)
    out.print(f"The database is at migration {head()}.")


def prepare(database: Target) -> None:
    """Migrate and grant; says so if the service has to run with the rights of the URL's user."""
    role = configuration().database_role
    with step("Bringing the database up to date"):
        try:
            upgrade(database.url)
        except DBAPIError as reason:
            fail(f"The database could not be brought up to date.\n{explained(reason)}")
        taken = asyncio.run(grant_role(database.url, role))
    if not taken:
        err.print(
            f"The role {role} could not be made with this user's rights; the service runs with those of the URL's "
            f"user. To change that, have an administrator run: CREATE ROLE {role} NOLOGIN; GRANT {role} TO …"
        )
