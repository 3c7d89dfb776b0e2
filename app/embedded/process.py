"""A server's process, which lives no longer than we do."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from app.embedded.site import ENVIRONMENT

_LARGEST_LOG = 1_000_000
_STOP_SECONDS = 60
_PR_SET_PDEATHSIG = 1
# The C library is loaded here and not in the forked child, where loading could hang.
_prctl: Callable[[int, int], int] | None = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class Server:
    """A server process and the thread that started it.

    The kernel ends the process when the *thread* that forked it ends, so it gets a thread of its own, which lasts.
    """

    def __init__(self, command: list[str | Path], log: Path, **options: Any) -> None:
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
        """Whether the process runs."""
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
            env=ENVIRONMENT,
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


@contextmanager
def _open_log(path: Path) -> Iterator[Any]:
    with suppress(FileNotFoundError):
        if path.stat().st_size > _LARGEST_LOG:
            path.replace(path.with_name(path.name + ".1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "ab") as log:
        log.seek(0, os.SEEK_END)
        yield log
