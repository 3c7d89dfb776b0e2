"""The README's commands run as they are printed, and its table of settings is the program's."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from app.config import Settings
from app.database import Database
from tests.factories import make_client

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks() -> list[str]:
    """The README's bash blocks."""
    return re.findall(r"```bash\n(.*?)```", README, re.DOTALL)


def test_every_setting_stands_in_the_table() -> None:
    listed = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))
    known = {
        str(field.validation_alias) if field.validation_alias else f"PX_{name.upper()}"
        for name, field in Settings.model_fields.items()
    }
    assert listed == known


@pytest.fixture
def address(database_url: str) -> Iterator[str]:
    """A server of our own on the test's database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "DATABASE_URL": database_url, "PX_LOG_LEVEL": "error"}
    command = [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app", "--port", str(port)]
    with subprocess.Popen([*command, "--log-level", "error"], env=environment) as server:
        base = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{base}/readyz", timeout=2):
                    break
            except OSError:
                time.sleep(0.1)
        yield base
        server.terminate()


async def test_the_first_exchange_and_the_copy_run_as_printed(address: str, database: Database, tmp_path: Path) -> None:
    client_id, secret = await make_client(database, "city:ca-montreal")
    environment = {**os.environ, "BASE": address, "CLIENT_ID": client_id, "CLIENT_SECRET": secret, "WAIT": "0"}
    script = "set -euo pipefail\n" + "\n".join(blocks())
    ran = await anyio.run_process(["bash", "-c", script], env=environment, cwd=tmp_path, check=False)
    output = ran.stdout.decode()
    assert ran.returncode == 0, ran.stderr.decode() + output
    assert '"status":"published"' in output
    assert await database.value("SELECT count(*) FROM practice WHERE status = 'published'") == 1
    assert await database.value("SELECT addressed_to FROM exchange_request") == ["city:gb-bristol"]
    lines = (tmp_path / "changes.ndjson").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
