"""The database's schema: which migration it stands at, and the role that the running service takes."""

import contextlib
import re
from functools import cache
from pathlib import Path

import asyncpg

from app.database import Connection, plain_url

MIGRATIONS = Path(__file__).parents[1] / "migrations"
APPEND_ONLY = frozenset({"audit", "transition", "practice_version"})
HIDDEN = frozenset({"alembic_version"})
# As Alembic writes them into the files of migrations.
REVISION = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)
FOLLOWED = re.compile(r'^down_revision = "(\w+)"$', re.MULTILINE)


@cache
def head() -> str:
    """The newest migration that this program brings: the one that no other follows."""
    texts = [path.read_text(encoding="utf-8") for path in (MIGRATIONS / "versions").glob("*.py")]
    [newest] = {match[1] for text in texts for match in REVISION.finditer(text)} - {
        match[1] for text in texts for match in FOLLOWED.finditer(text)
    }
    return newest


async def is_current(connection: Connection) -> bool:
    """Whether the database stands at the newest migration."""
    try:
        return bool(await connection.fetchval("SELECT version_num = $1 FROM alembic_version", head()))
    except asyncpg.UndefinedTableError:
        return False


async def grant_role(url: str, role: str) -> bool:
    """Make the role of the running service where we may, with the rights it needs and no others.

    Returns:
        Whether the service can take the role; else it runs with the rights of the URL's own user.
    """
    connection = await asyncpg.connect(plain_url(url), timeout=10)
    try:
        member = "SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = $1"
        known = await connection.fetchval(member, role)
        with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
            # Roles belong to the whole cluster: another database's `migrate` may make the same one at this moment.
            with contextlib.suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
                if known is None:
                    await connection.execute(f"CREATE ROLE {role} NOLOGIN")
            if not await connection.fetchval(member, role):
                await connection.execute(f"GRANT {role} TO CURRENT_USER")
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(hashtext('practice-exchange role'))")
                await connection.execute(await _grants(connection, role))
        return bool(await connection.fetchval(member, role))
    finally:
        await connection.close()


async def _grants(connection: Connection, role: str) -> str:
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    statements = [
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {role}",
    ]
    for (table,) in rows:
        rights = (
            "SELECT"
            if table in HIDDEN
            else "SELECT, INSERT"
            if table in APPEND_ONLY
            else "SELECT, INSERT, UPDATE, DELETE"
        )
        statements.append(f'REVOKE ALL ON "{table}" FROM {role}; GRANT {rights} ON "{table}" TO {role}')
    return "; ".join(statements)
