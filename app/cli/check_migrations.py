"""`practice-exchange check-migrations`: whether the migrations make what the tables say, and can be undone."""

import tempfile
from pathlib import Path

from app.cli.console import fail, out, step
from app.embedded import EmbeddedPostgresError, embedded_postgres

QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def check_migrations() -> None:
    """On a PostgreSQL of its own: one head, up, no difference from the tables, down, up again."""
    from app.migrating import DifferenceError, check, heads  # noqa: PLC0415 - memory that other commands do not spend

    newest = heads()
    if len(newest) != 1:
        fail(f"There are {len(newest)} newest migrations ({', '.join(newest)}); merge them: alembic merge heads")
    with tempfile.TemporaryDirectory(prefix="px-migrations-") as folder, step("Checking the migrations"):
        try:
            with embedded_postgres(Path(folder), settings=QUICK) as server:
                check(server.dsn)
        except EmbeddedPostgresError as reason:
            fail(str(reason))
        except DifferenceError as reason:
            fail(f'{reason}\nThe tables say something that no migration makes. Run: make migration m="what changes"')
    out.print(f"The migrations up to {newest[0]} make what the tables say, and can be undone.")
