"""The lock that carries the whole arrangement, and the note in it that tells where the server is."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.embedded.site import NAME, PATIENCE, EmbeddedPostgresError, ask


@contextmanager
def open_lock(home: Path) -> Iterator[int]:
    """Open the lock file of a data folder, without taking the lock."""
    path = home / "postgres.lock"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        message = (
            f"The data folder cannot be used: {error}. "
            "Work as its owner, or name a folder that you may write with PX_DATA_DIR."
        )
        raise EmbeddedPostgresError(message) from error
    try:
        yield lock
    finally:
        os.close(lock)


def lock_or_join(lock: int, programs: Path, deadline: float) -> Path | None:
    """Wait until the lock is ours (None) or a server answers (the folder of its socket)."""
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
        pid, socket_folder = _read_note(lock)
        if socket_folder is not None and ask(programs, socket_folder, NAME, "SELECT 1") is not None:
            return socket_folder
        if time.monotonic() > deadline:
            message = (
                f"Another program{f' (process {pid})' if pid else ''} holds postgres.lock in the data folder, "
                "but no PostgreSQL answers there. End that program, or name another folder with PX_DATA_DIR."
            )
            raise EmbeddedPostgresError(message)
        time.sleep(PATIENCE)


def write_note(lock: int, socket_folder: Path) -> None:
    """Tell later comers where the socket is: it need not be in a place that they would find by themselves."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, os.fsencode(f"{os.getpid()}\n{socket_folder}\n"), 0)


def _read_note(lock: int) -> tuple[str, Path | None]:
    pid, _, socket_folder = os.fsdecode(os.pread(lock, 10_000, 0)).partition("\n")
    return pid, Path(socket_folder[:-1]) if socket_folder.endswith("\n") else None
