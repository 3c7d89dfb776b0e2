"""The cluster: made beside its place and moved there whole, checked, and rid of what a killed server left."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.embedded.programs import major_version
from app.embedded.site import NAME, PORT, Account, EmbeddedPostgresError, Site, identity, run

_INITDB_OPTIONS = (
    f"--username={NAME}",
    "--auth=trust",  # who may open the socket is said by the file system: 0700
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=PG_UNICODE_FAST",
    "--locale=C",
    # pg_trgm looks at this one although the provider is the built-in one; under C it would drop every letter like É.
    "--lc-ctype=C.UTF-8" if sys.platform == "linux" else "--lc-ctype=en_US.UTF-8",
    "--text-search-config=simple",
    "--data-checksums",
)
SOCKET_LINE = 4  # of postmaster.pid, counted from 0


def prepare_cluster(site: Site, deadline: float, settings: Mapping[str, str]) -> None:
    """Leave a cluster of our version that belongs to the account, or say what is in the way."""
    if not site.cluster.exists():
        _create_cluster(site, deadline, sync=settings.get("fsync") != "off")
    version_file = site.cluster / "PG_VERSION"
    if not version_file.exists():
        message = f"{site.cluster} holds no PostgreSQL cluster. Move it away; a new one is made then."
        raise EmbeddedPostgresError(message)
    found, ours = version_file.read_text().strip(), major_version(site.programs, site.account)
    if found != ours:
        message = (
            f"{site.cluster} was made by PostgreSQL {found}, and this program brings {ours}. Dump it with the older "
            "release, or move it away for an empty one; another folder can be named with PX_DATA_DIR."
        )
        raise EmbeddedPostgresError(message)
    if site.account is not None and site.cluster.stat().st_uid == 0:  # put back by root, from a backup
        for path in (*site.cluster.rglob("*"), site.cluster):
            site.give(path)


def _create_cluster(site: Site, deadline: float, *, sync: bool) -> None:
    """Make a cluster beside its place and move it there when it is complete."""
    unfinished = site.home / "postgres.new"
    shutil.rmtree(unfinished, ignore_errors=True)  # of a start that was killed; its initdb is gone, for it had the lock
    unfinished.mkdir(mode=0o700)
    site.give(unfinished)
    options = _INITDB_OPTIONS if sync else (*_INITDB_OPTIONS, "--no-sync")
    with reach(unfinished, site.account) as (path, descriptors):
        command = [site.programs / "initdb", *options, "-D", path]
        seconds = max(deadline - time.monotonic(), 1)
        try:
            result = run(command, pass_fds=(*descriptors, site.lock), timeout=seconds, **identity(site.account))
        except subprocess.TimeoutExpired as error:
            message = f"Making the database in {site.home} took longer than {seconds:.0f} s."
            raise EmbeddedPostgresError(message) from error
    if result.returncode != 0:
        message = f"initdb could not make the database in {site.home}:\n{result.stdout.strip()}"
        raise EmbeddedPostgresError(message)
    unfinished.rename(site.cluster)


def discard_stale_files(cluster: Path, socket_folder: Path) -> None:
    """Remove what a killed server left, as its process number may be somebody else's by now and would stop the start.

    We hold the lock, so no server of ours is alive. One that was started by hand would be: it answers where the file
    says.
    """
    pid_file = cluster / "postmaster.pid"
    if pid_file.exists():
        lines = pid_file.read_text(errors="replace").splitlines()
        if len(lines) > SOCKET_LINE and lines[SOCKET_LINE]:
            if _is_answered(Path(lines[SOCKET_LINE]) / f".s.PGSQL.{lines[3]}"):
                message = (
                    f"A PostgreSQL that was started by another program (process {lines[0]}) runs on {cluster}. "
                    "Stop it, or name another folder with PX_DATA_DIR."
                )
                raise EmbeddedPostgresError(message)
            pid_file.unlink()
    for name in (f".s.PGSQL.{PORT}.lock", f".s.PGSQL.{PORT}"):
        (socket_folder / name).unlink(missing_ok=True)


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError, NotADirectoryError):
            return False
        except PermissionError:
            return True
    return True


@contextmanager
def reach(folder: Path, account: Account | None) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Give a path, and the descriptors to pass on, by which the account reaches a folder of its own.

    It may not pass every parent of the folder. An open descriptor leads there all the same, and nothing is opened up.
    """
    if account is None or not Path("/proc/self/fd").is_dir():
        yield str(folder), ()
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield f"/proc/self/fd/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)
