"""`serve` with real processes: from an empty folder, again, twice at once, and what is left when it ends."""

import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cli.processes import PATIENCE, REPOSITORY, Serving, run

Start = Callable[..., Serving]
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes through /proc")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    begun: list[Serving] = []

    def begin(*arguments: str, **more: str) -> Serving:
        begun.append(Serving(tmp_path / "data", *arguments, **more))
        return begun[-1]

    yield begin
    for serving in begun:
        if serving.process.poll() is None:
            serving.process.terminate()
            serving.process.communicate(timeout=PATIENCE)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an exchange that has run once and has stopped."""
    folder = tmp_path_factory.mktemp("filled") / "data"
    assert Serving(folder).end()[0] == 0
    return folder


@pytest.fixture
def restart(start: Start, filled: Path, tmp_path: Path) -> Start:
    """As `start`, on a copy of the folder of an exchange that has run before."""
    subprocess.run(["cp", "-a", str(filled), str(tmp_path / "data")], check=True)
    return start


def descendants(folder: Path) -> set[int]:
    """Processes that work on a data folder: they have it in their environment, or hold its lock open."""
    found = set()
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            if str(folder).encode() in (process / "environ").read_bytes():
                found.add(int(process.name))
            for descriptor in (process / "fd").iterdir():
                if descriptor.readlink() == folder / "postgres.lock":
                    found.add(int(process.name))
        except OSError:
            continue
    return found


def gone(folder: Path) -> bool:
    deadline = time.monotonic() + PATIENCE
    while descendants(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def practices(serving: Serving) -> int:
    status, body = serving.get("/v1/practices?limit=100")
    assert status == 200
    page: Any = json.loads(body)
    assert page["next_cursor"] is None
    return len(page["items"])


def test_from_an_empty_folder_and_again(start: Start, tmp_path: Path) -> None:
    first = start()
    kept = tmp_path / "data" / "demo-client.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    shipped = len(json.loads((Path(__file__).parents[2] / "app/data/practices.json").read_text()))
    assert practices(first) == shipped
    assert any("201 cities" in line for line in first.printed)
    for path in ("/", "/docs", "/v1/practices"):
        assert first.get(path)[0] == 200
        assert any(line.split()[0] == first.url + path for line in first.printed if line.startswith("http"))
    code, out, err = first.end()
    assert (code, out) == (0, "")
    assert "Traceback" not in err
    assert all(json.loads(line) for line in err.splitlines() if line != "Stopped.")

    second = start()
    assert practices(second) == shipped
    assert second.said("client_id") == first.said("client_id")
    assert second.said("client_secret") == first.said("client_secret")
    assert second.end(signal.SIGTERM)[0] == 0


def test_the_printed_client_gets_a_token(restart: Start) -> None:
    serving = restart()
    credentials = f"client_id={serving.said('client_id')}&client_secret={serving.said('client_secret')}"
    form = f"grant_type=client_credentials&{credentials}"
    asked = subprocess.run(
        ["curl", "-s", "-d", form, f"{serving.url}/oauth/token"], capture_output=True, text=True, check=True
    )
    assert json.loads(asked.stdout)["token_type"].lower() == "bearer"


def test_a_second_serve_joins_and_the_first_goes_on(restart: Start) -> None:
    first, second = restart(), restart()
    assert practices(first) == practices(second)
    assert second.end()[0] == 0
    assert first.get("/readyz")[0] == 200


@needs_proc
@pytest.mark.parametrize("workers", ["1", "2"])
def test_nothing_is_left_when_it_is_killed(restart: Start, tmp_path: Path, workers: str) -> None:
    serving = restart("--workers", workers, TMPDIR=str(tmp_path))
    assert descendants(tmp_path / "data")
    serving.end(signal.SIGKILL)
    assert gone(tmp_path / "data")
    assert not list(tmp_path.glob("px-metrics-*"))


@needs_proc
def test_several_workers_share_metrics_and_end_together(restart: Start, tmp_path: Path) -> None:
    serving = restart("--workers", "2", TMPDIR=str(tmp_path))
    assert list(tmp_path.glob("px-metrics-*"))
    assert serving.get("/metrics")[0] == 200
    code, _, err = serving.end()
    assert code == 0
    assert "Traceback" not in err
    assert gone(tmp_path / "data")
    assert not list(tmp_path.glob("px-metrics-*"))


def test_a_worker_that_starts_slowly_is_waited_for(restart: Start, tmp_path: Path) -> None:
    # On a busy machine importing everything takes longer than the server's own patience, 5 seconds.
    slow = "import sys, time\nif '--multiprocessing-fork' in sys.orig_argv: time.sleep(6)\n"
    (tmp_path / "sitecustomize.py").write_text(slow)
    serving = restart("--workers", "2", PYTHONPATH=f"{tmp_path}{os.pathsep}{REPOSITORY}")
    assert "died" not in serving.end(signal.SIGTERM)[2]


def test_what_is_no_http_is_told_so(restart: Start) -> None:
    address = urlsplit(restart().url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(b"FOO /v1/practices HTTP/1.1\r\nHost: x\r\n\r\n")
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    problem = json.loads(body)
    assert (problem["status"], problem["type"]) == (400, "/problems/bad-request")
    assert problem["instance"].removeprefix("urn:request:").encode() in head


def test_no_samples_when_they_are_refused(start: Start) -> None:
    serving = start("--no-samples")
    assert practices(serving) == 0
    assert len(json.loads(serving.get("/v1/tags?limit=5")[1])["items"]) == 5
    assert any("client create" in line for line in serving.printed)


def test_a_taken_port_is_told_before_anything_is_started(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        ended = run(tmp_path / "data", "serve", "--port", str(port))
    assert ended.returncode == 1
    assert f"Port {port} at 127.0.0.1 cannot be had" in ended.stderr
    assert not (tmp_path / "data").exists()


async def test_a_database_of_ones_own_gets_no_samples_and_no_client(database_url: str, start: Start) -> None:
    serving = start(DATABASE_URL=database_url)
    assert practices(serving) == 0
    assert not any(line.startswith("client_id") for line in serving.printed)
    assert serving.end()[0] == 0
    filled = start("--samples", DATABASE_URL=database_url)
    assert practices(filled) > 0
