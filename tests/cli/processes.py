"""Runs the command line in processes of its own, as a person does."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 30


def environment(folder: Path, **more: str) -> dict[str, str]:
    """No more of ours than what the process needs."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": str(REPOSITORY),
        "PX_DATA_DIR": str(folder),
        "PX_RATE_LIMIT": "off",
        **more,
    }


def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    command = [sys.executable, "-m", "app", *arguments]
    environ = environment(folder, COLUMNS="200", **more)
    return subprocess.run(
        command, cwd=REPOSITORY, env=environ, text=True, capture_output=True, timeout=120, check=False
    )


class Serving:
    """A `serve` of its own on a free port, ready to answer when it is made."""

    def __init__(self, folder: Path, *arguments: str, **more: str) -> None:
        command = [sys.executable, "-m", "app", "serve", "--port", "0", *arguments]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment(folder, **more), stdout=pipe, stderr=pipe, text=True
        )
        assert self.process.stdout is not None
        self.printed: list[str] = []
        while not self.printed or not self.printed[-1].startswith("Ctrl-C"):
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError(self.process.communicate()[1])
            self.printed.append(line.strip())
        self.url = self.printed[0].split()[-1]
        self._wait_until_ready()

    def get(self, path: str) -> tuple[int, str]:
        """Ask it; gives status and body."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def said(self, name: str) -> str:
        """The value of a line such as `client_id  px_…`."""
        return next(line.split()[-1] for line in self.printed if line.startswith(name))

    def end(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Send it a signal; gives its exit code and what it said on both streams after it was ready."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if self.get("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.process.kill()
                raise AssertionError(self.process.communicate()[1])
            time.sleep(0.05)
