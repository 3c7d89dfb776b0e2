"""What everybody here works with: the data folder, who runs the server, and how programs are run."""

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

NAME = "exchange"  # of the superuser and of the database, so that the address is the same everywhere
PORT = 5432  # only a part of the socket's name: no TCP port is opened
PATIENCE = 0.05  # seconds between two looks

# Nothing of the caller's environment (LANG, PGPORT, PGOPTIONS, …) may change what the server and psql do.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be had; the message tells a person what is wrong and what to do."""


@dataclass(frozen=True)
class Account:
    """The account that the server runs as, when we ourselves are root."""

    uid: int
    gid: int
    name: str


@dataclass(frozen=True)
class Site:
    """What an owner works with: the data folder, the programs, who runs them, and the lock that they inherit."""

    home: Path
    programs: Path
    account: Account | None
    lock: int

    @property
    def cluster(self) -> Path:
        """The folder of the cluster."""
        return self.home / "postgres"

    def give(self, path: Path) -> None:
        """Hand a file of ours to the account."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)


def identity(account: Account | None) -> dict[str, Any]:
    """Options that make a process run as the account."""
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def run(command: list[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run one of the programs, untouched by the environment, and give what it said."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=ENVIRONMENT,
        cwd="/",
        check=False,
        **options,
    )


def ask(programs: Path, socket_folder: Path, database: str, statement: str) -> str | None:
    """Run a statement; None when the server does not answer it."""
    where = ["-h", str(socket_folder), "-p", str(PORT), "-U", NAME, "-d", database]
    with suppress(subprocess.TimeoutExpired):
        result = run([programs / "psql", "-XwAtq", *where, "-c", statement], timeout=30)
        if result.returncode == 0:
            return result.stdout.strip()
    return None


def address_of(socket_folder: Path) -> str:
    """Give the address of the server whose socket lies in that folder."""
    # The port is named because a PGPORT in the environment would be used otherwise.
    return f"postgresql://{NAME}@/{NAME}?host={quote(str(socket_folder), safe='/')}&port={PORT}"
