"""The PostgreSQL that comes along: a server of our own in the data folder, for a trial without a database server.

One file lock carries the whole arrangement. The owner takes it and hands it down to the server, so that it stays taken
until the owner *and* the last process of the server are gone. Who gets it therefore knows that nothing runs there, and
that a `postmaster.pid` which is still lying around is stale; who does not get it joins the server, or waits for it.

The data folder holds `postgres/` (the cluster), `postgres.log` and `postgres.lock`. On Linux the kernel ends the server
when its owner is killed; elsewhere such a server runs on, and the next command on the same folder joins it.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.embedded.lock import lock_or_join, open_lock
from app.embedded.programs import choose_account, find_programs, programs_for
from app.embedded.server import SETTINGS, serve
from app.embedded.site import EmbeddedPostgresError, Site, address_of

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "embedded_postgres"]


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running server.

    Attributes:
        dsn: Its address, for asyncpg and as `DATABASE_URL`.
        owned: Whether this call started it, and therefore stops it.
    """

    dsn: str
    owned: bool


@contextmanager
def embedded_postgres(
    data_dir: Path,
    *,
    timeout: float = 60,
    settings: Mapping[str, str] | None = None,
) -> Iterator[EmbeddedPostgres]:
    """Run the PostgreSQL of a data folder, or join the one that already runs there.

    Args:
        data_dir: The folder, made if it is missing. A relative or linked path is followed once, here.
        timeout: Seconds until the server has to answer.
        settings: Server settings over our own, for whoever starts the server; a later comer's have no effect.

    Yields:
        The server's address. Leaving the block stops the server if this call started it.

    Raises:
        EmbeddedPostgresError: No server can be had there.
    """
    deadline = time.monotonic() + timeout
    home = Path(os.path.realpath(data_dir))
    programs = find_programs()
    with open_lock(home) as lock:
        joined = lock_or_join(lock, programs, deadline)
        if joined is not None:
            yield EmbeddedPostgres(address_of(joined), owned=False)
            return
        account = choose_account(home / "postgres")
        site = Site(home, programs_for(account, programs), account, lock)
        with serve(site, deadline, SETTINGS | dict(settings or {})) as socket_folder:
            yield EmbeddedPostgres(address_of(socket_folder), owned=True)
