"""The servers that are compared, and what the kernel says they cost."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 60
UVICORN = (
    sys.executable, "-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", "--no-access-log",
    "--no-server-header", "--timeout-keep-alive", "75", "--log-level", "warning",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    name: str
    port: int
    pid: int

    @property
    def peak_memory(self) -> float:
        """The most memory that it held at once, in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextlib.contextmanager
def project(database_url: str, role: str, *, keeps: bool = True) -> Iterator[Server]:
    """The project as `practice-exchange serve` runs it, without limits of rate.

    Args:
        database_url: the data set.
        role: the role of the running service.
        keeps: whether it gives answers again; if not, it is called `anew`, and the other one does the periodic tasks.
    """
    environment = {
        "DATABASE_URL": database_url,
        "PX_KEEP_ANSWERS": "on" if keeps else "off",
        "PX_WORKER": "on" if keeps else "off",
        "PX_RATE_LIMIT": "off",
        "PX_DATABASE_ROLE": role,
        "PX_TOKEN_LIFETIME": "3600",
    }
    port = _free_port()
    command = [sys.executable, "-m", "app", "serve", "--no-samples", "--port", str(port)]
    with _running("project" if keeps else "anew", command, port, environment) as server:
        yield server


@contextlib.contextmanager
def plain(database_url: str) -> Iterator[Server]:
    """The plain version."""
    port = _free_port()
    command = [*UVICORN, "--port", str(port), "benchmarks.plain.app:app"]
    with _running("plain", command, port, {"DATABASE_URL": database_url}) as server:
        yield server


@contextlib.contextmanager
def ceiling(database_url: str) -> Iterator[Server]:
    """The least: ASGI, asyncpg, and the project's statements."""
    port = _free_port()
    command = [*UVICORN, "--port", str(port), "benchmarks.ceiling:app"]
    with _running("ceiling", command, port, {"DATABASE_URL": database_url}) as server:
        yield server


def cpu_seconds(pid: int, *, family: bool = False) -> float:
    """Processor time that a process has used; with `family` that of its children too, those that ended included."""
    times = _times(pid)
    total = sum(times[:2])
    if family:
        total += sum(times[2:]) + sum(sum(_times(child)[:2]) for child in _children(pid))
    return total / TICKS


def postmaster(data_dir: Path) -> int:
    """The process id of the embedded PostgreSQL of a data folder."""
    return int((data_dir / "postgres" / "postmaster.pid").read_text(encoding="utf-8").split()[0])


@contextlib.contextmanager
def _running(name: str, command: list[str], port: int, environment: dict[str, str]) -> Iterator[Server]:
    with subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_until_open(name, process, port)
            yield Server(name, port, process.pid)
        finally:
            process.terminate()


def _wait_until_open(name: str, process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
            # The project takes its port before it is ready; an answer says that it is.
            connection.settimeout(PATIENCE)
            connection.sendall(b"GET /v1/practices?limit=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            if connection.recv(12) == b"HTTP/1.1 200":
                return
        if process.poll() is not None or time.monotonic() > deadline:
            message = f"The server {name} did not start; run it by hand to see why: {process.args!r}"
            raise RuntimeError(message)
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _times(pid: int) -> list[int]:
    """Ticks: user, system, and both again of children that ended; zeros for a process that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    except OSError:
        return [0, 0, 0, 0]
    return [int(field) for field in fields[11:15]]


def _children(pid: int) -> list[int]:
    return [
        int(child)
        for path in Path(f"/proc/{pid}/task").glob("*/children")
        for child in path.read_text(encoding="utf-8").split()
    ]
