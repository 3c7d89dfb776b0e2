"""The server: its process, its socket, and how it starts and stops."""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from app.embedded.cluster import discard_stale_files, prepare_cluster, reach
from app.embedded.lock import write_note
from app.embedded.process import Server
from app.embedded.programs import refuse_strangers
from app.embedded.site import NAME, PATIENCE, PORT, EmbeddedPostgresError, Site, ask, identity

_LONGEST_SOCKET_PATH = 107 if sys.platform == "linux" else 103
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "random_page_cost": "1.1",
    "max_wal_size": "512MB",
    # Nobody replicates a trial, and bulk loading writes less this way.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    # /dev/shm is 64 MB in a container, and systemd empties it when the user logs out.
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log keeps starts, stops and crashes; the statements that failed (and the data in them) stay out of it.
    "log_min_messages": "log",
    "log_checkpoints": "off",
}


@contextmanager
def serve(site: Site, deadline: float, settings: Mapping[str, str]) -> Iterator[Path]:
    """Run the server; yields the folder of its socket."""
    prepare_cluster(site, deadline, settings)
    socket_folder = choose_socket_folder(site)
    discard_stale_files(site.cluster, socket_folder)
    write_note(site.lock, socket_folder)
    server = _start(site, socket_folder, settings)
    try:
        _wait_until_ready(site, server, socket_folder, deadline)
        yield socket_folder
    finally:
        server.stop()
        if socket_folder != site.cluster:
            with suppress(OSError):
                socket_folder.rmdir()


def _start(site: Site, socket_folder: Path, settings: Mapping[str, str]) -> Server:
    with ExitStack() as reached:
        cluster, cluster_descriptors = reached.enter_context(reach(site.cluster, site.account))
        sockets, socket_descriptors = reached.enter_context(reach(socket_folder, site.account))
        quoted = sockets.replace('"', '""')
        command: list[str | Path] = [site.programs / "postgres", "-D", cluster]
        for name, value in {**settings, "unix_socket_directories": f'"{quoted}"'}.items():
            command += ["-c", f"{name}={value}"]
        descriptors = (*cluster_descriptors, *socket_descriptors, site.lock)
        try:
            return Server(command, site.home / "postgres.log", pass_fds=descriptors, **identity(site.account))
        except (OSError, subprocess.SubprocessError) as error:
            message = f"PostgreSQL could not be started: {error}."
            raise EmbeddedPostgresError(message) from error


def choose_socket_folder(site: Site) -> Path:
    """Use the cluster's own folder, or where a socket's path would not do one in the folder for temporary files."""
    if _fits(site.cluster):
        return site.cluster
    name = f"practice-exchange-{hashlib.sha256(os.fsencode(site.cluster)).hexdigest()[:16]}"
    folder = Path(tempfile.gettempdir()) / name
    if not _fits(folder):
        folder = Path("/tmp") / name  # noqa: S108 - checked right below
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    refuse_strangers(folder, {os.geteuid(), *([site.account.uid] if site.account else [])}, writable_by_others=0o077)
    site.give(folder)
    return folder


def _fits(folder: Path) -> bool:
    # Clients take a comma for the end of one host's name.
    path = os.fsencode(folder / f".s.PGSQL.{PORT}")
    return len(path) <= _LONGEST_SOCKET_PATH and b"," not in path


def _wait_until_ready(site: Site, server: Server, socket_folder: Path, deadline: float) -> None:
    """Wait until the server answers and make sure that the database is there."""
    known = f"SELECT count(*) FROM pg_database WHERE datname = '{NAME}'"
    while (answer := ask(site.programs, socket_folder, "postgres", known)) is None:
        if not server.alive:
            message = f"PostgreSQL could not be started on {site.cluster}:\n{server.said()}"
            raise EmbeddedPostgresError(message)
        if time.monotonic() > deadline:
            message = f"PostgreSQL did not become ready in time; {server.log} says why:\n{server.said()}"
            raise EmbeddedPostgresError(message)
        time.sleep(PATIENCE)
    if answer == "0" and ask(site.programs, socket_folder, "postgres", f"CREATE DATABASE {NAME}") is None:
        message = f"The database {NAME} could not be created; {server.log} says why."
        raise EmbeddedPostgresError(message)
