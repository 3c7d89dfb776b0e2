"""The embedded PostgreSQL, with real processes: who starts it, who joins it, and what is left when one is killed."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from app.embedded import EmbeddedPostgresError, embedded_postgres, programs

REPOSITORY = Path(__file__).parents[1]
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
PROGRAM = f"""
import sys
from pathlib import Path
from app.embedded import embedded_postgres
with embedded_postgres(Path(sys.argv[1]), settings={FAST}) as server:
    print("owner" if server.owned else "guest", server.dsn, flush=True)
    sys.stdin.read()
"""
needs_proc = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="looks at processes through /proc")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about root, whom PostgreSQL refuses")


class Command:
    """Another program of ours on a data folder, which ends when its input does."""

    def __init__(self, folder: Path, **environment: str) -> None:
        environment = {"PYTHONPATH": str(REPOSITORY), **environment}
        command = [sys.executable, "-c", PROGRAM, str(folder)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)

    def ready(self) -> tuple[str, str]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            pytest.fail(self.process.communicate()[1])
        role, dsn = line.split()
        return role, dsn

    def end(self) -> int:
        self.process.communicate("")
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


Start = Callable[..., Command]


@pytest.fixture
def start() -> Iterator[Start]:
    commands: list[Command] = []

    def one(folder: Path, **environment: str) -> Command:
        commands.append(Command(folder, **environment))
        return commands[-1]

    yield one
    for command in commands:
        if command.process.returncode is None:
            command.end()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder for temporary files that every account reaches: those of pytest are closed to others."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def ask(dsn: str, statement: str) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def servers(folder: Path) -> dict[int, int]:
    """The processes of PostgreSQL on a data folder and whose they are: each works in the cluster's folder."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == folder.resolve() / "postgres":
                    found[int(entry.name)] = entry.stat().st_uid
            except OSError:  # it ended meanwhile, or is somebody else's
                continue
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


@needs_proc
def test_a_second_start_finds_the_data_again(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path, settings=FAST) as server:
        assert server.owned
        ask(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert servers(tmp_path)
    assert servers(tmp_path) == {}
    with embedded_postgres(tmp_path, settings=FAST) as server:
        assert ask(server.dsn, "SELECT answer FROM kept") == 42


def test_our_settings_and_those_of_the_caller_hold(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path, settings={**FAST, "max_connections": "17"}) as server:
        wanted = {"listen_addresses": "", "TimeZone": "UTC", "shared_buffers": "128MB", "max_connections": "17"}
        assert {name: ask(server.dsn, f"SHOW {name}") for name in wanted} == wanted
        assert ask(server.dsn, "SELECT current_user || ' ' || current_database()") == "exchange exchange"
        folder = Path(parse_qs(urlsplit(server.dsn).query)["host"][0])
        assert folder.stat().st_mode & 0o077 == 0
        assert (folder / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0


def test_a_dropped_database_is_made_again(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path, settings=FAST) as server:
        ask(server.dsn.replace("/exchange?", "/postgres?"), "DROP DATABASE exchange")
    with embedded_postgres(tmp_path, settings=FAST) as server:
        assert ask(server.dsn, "SELECT current_database()") == "exchange"


def test_an_environment_without_language_still_knows_letters(tmp_path: Path, start: Start) -> None:
    role, dsn = start(tmp_path, PGPORT="1", PGOPTIONS="-c nonsense=1").ready()
    assert role == "owner"
    assert ask(dsn, "SELECT lower('É') || upper('straße')") == "éSTRASSE"
    ask(dsn, "CREATE EXTENSION pg_trgm")
    ask(dsn, "CREATE EXTENSION unaccent")
    assert ask(dsn, "SELECT word_similarity('Łódź', 'z Łodzi do Łódź')") == 1
    assert ask(dsn, "SELECT show_trgm('é') <> '{}'") is True
    assert ask(dsn, "SELECT unaccent('Écoles Łódź')") == "Ecoles Lodz"


def test_four_programs_at_once_share_one_server(tmp_path: Path, start: Start) -> None:
    commands = [start(tmp_path) for _ in range(4)]
    roles, addresses = zip(*[command.ready() for command in commands], strict=True)
    assert sorted(roles) == ["guest", "guest", "guest", "owner"]
    assert len(set(addresses)) == 1
    assert len({ask(address, "SELECT pg_postmaster_start_time()") for address in addresses}) == 1


@needs_proc
def test_a_guest_does_not_stop_the_server_and_its_owner_does(tmp_path: Path, start: Start) -> None:
    owner, guest = start(tmp_path), None
    _, dsn = owner.ready()
    guest = start(tmp_path)
    assert guest.ready() == ("guest", dsn)
    assert guest.end() == 0
    with embedded_postgres(tmp_path) as server:
        assert not server.owned
    assert ask(dsn, "SELECT 1") == 1
    assert owner.end() == 0
    assert servers(tmp_path) == {}


@needs_proc
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the server runs on, and is joined")
def test_a_killed_owner_leaves_no_server(tmp_path: Path, start: Start) -> None:
    owner = start(tmp_path)
    _, dsn = owner.ready()
    ask(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    with psycopg.connect(dsn):  # an open connection must not keep it alive
        owner.kill()
        wait_until(lambda: servers(tmp_path) == {})
    with embedded_postgres(tmp_path, settings=FAST) as server:
        assert server.owned
        assert ask(server.dsn, "SELECT answer FROM kept") == 42


@needs_proc
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the server runs on, and is joined")
def test_those_who_wait_take_over_from_a_killed_owner(tmp_path: Path, start: Start) -> None:
    owner = start(tmp_path)
    wait_until((tmp_path / "postgres.new").exists)  # killed while the cluster is made
    others = [start(tmp_path) for _ in range(2)]
    owner.kill()
    assert sorted(other.ready()[0] for other in others) == ["guest", "owner"]


@needs_proc
def test_a_new_owner_comes_while_the_old_server_still_stops(tmp_path: Path, start: Start) -> None:
    for _ in range(5):
        owner = start(tmp_path)
        _, dsn = owner.ready()
        ask(dsn, "CREATE TABLE IF NOT EXISTS bulk AS SELECT repeat('x', 1000) FROM generate_series(1, 5000)")
        owner.kill()
    with embedded_postgres(tmp_path, settings=FAST) as server:
        assert ask(server.dsn, "SELECT count(*) FROM bulk") == 5000


@needs_proc
def test_a_killed_postgres_leaves_files_that_do_not_hinder(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path, settings={"fsync": "off"}) as server:
        ask(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        pid_file = tmp_path / "postgres" / "postmaster.pid"
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
        wait_until(lambda: servers(tmp_path) == {})
    assert pid_file.exists()
    # The number is another process's by now, of the same account: PostgreSQL by itself would not start.
    pid_file.write_text("\n".join([str(os.getppid()), *pid_file.read_text().splitlines()[1:]]))
    with embedded_postgres(tmp_path, settings=FAST) as server:
        assert ask(server.dsn, "SELECT answer FROM kept") == 42


def test_a_long_or_odd_path_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    for name in ("long" * 30, 'odd, with "é" and 100 %'):
        with embedded_postgres(tmp_path / name, settings=FAST) as server:
            folder = Path(parse_qs(urlsplit(server.dsn).query)["host"][0])
            assert not folder.is_relative_to(tmp_path)
            assert folder.stat().st_mode & 0o077 == 0
            assert ask(server.dsn, "SELECT 1") == 1
            with embedded_postgres(tmp_path / name) as joined:
                assert joined.dsn == server.dsn
        assert not folder.exists()


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    with embedded_postgres(home, settings=FAST) as server:
        folder = Path(parse_qs(urlsplit(server.dsn).query)["host"][0])
    folder.mkdir()
    folder.chmod(0o777)
    try:
        with pytest.raises(EmbeddedPostgresError, match="is not ours"), embedded_postgres(home):
            pass
    finally:
        folder.rmdir()


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres.new"
    (unfinished / "base").mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with embedded_postgres(tmp_path, settings=FAST) as server:
        assert ask(server.dsn, "SELECT 1") == 1
    assert not unfinished.exists()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [("PG_VERSION", "15\n", r"PostgreSQL 15, and this program brings 18"), ("notes", "", "holds no PostgreSQL")],
)
def test_a_foreign_folder_is_refused(tmp_path: Path, file: str, content: str, message: str) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / file).write_text(content)
    with pytest.raises(EmbeddedPostgresError, match=message), embedded_postgres(tmp_path):
        pass


def test_a_lock_of_a_foreign_program_is_told(tmp_path: Path) -> None:
    with (tmp_path / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedPostgresError, match="Another program"), embedded_postgres(tmp_path, timeout=0.2):
            pass


def test_a_server_that_does_not_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    wrong = embedded_postgres(tmp_path, settings={**FAST, "shared_buffers": "nonsense"})
    with pytest.raises(EmbeddedPostgresError, match='invalid value for parameter "shared_buffers"'), wrong:
        pass


def test_a_missing_wheel_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(EmbeddedPostgresError, match="Set DATABASE_URL"), embedded_postgres(tmp_path):
        pass


def test_a_server_started_by_hand_is_left_alone(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path, settings=FAST) as server:
        # What a start sees that got the lock although a server runs, as on a file system without locks.
        folder = Path(parse_qs(urlsplit(server.dsn).query)["host"][0])
        pid_file = tmp_path / "postgres" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([*lines[:4], str(folder), *lines[5:]]))
        (tmp_path / "postgres.lock").unlink()
        with pytest.raises(EmbeddedPostgresError, match="started by another program"), embedded_postgres(tmp_path):
            pass
        assert ask(server.dsn, "SELECT 1") == 1


def test_a_large_log_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    log.write_bytes(b"x" * 1_000_001)
    with embedded_postgres(tmp_path, settings=FAST):
        assert b"ready to accept connections" in log.read_bytes()
    assert (tmp_path / "postgres.log.1").stat().st_size == 1_000_001


@needs_root
@needs_proc
def test_root_needs_no_folder_opened(tmp_path: Path, open_folder: Path, start: Start) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    packages = Path(programs.find_programs()).parents[2]
    for folder in packages.glob("embedded_postgres*"):
        shutil.copytree(folder, closed / folder.name)
    role, dsn = start(closed / "data", PYTHONPATH=f"{closed}:{REPOSITORY}", TMPDIR=str(open_folder)).ready()
    assert role == "owner"
    assert ask(dsn, "SELECT lower('É')") == "é"
    ask(dsn, "CREATE EXTENSION pg_trgm")
    assert closed.stat().st_mode & 0o777 == 0o700
    owners = servers(closed / "data").values()
    assert owners
    assert 0 not in owners
