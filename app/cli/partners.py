"""What `pull` and `push` have in common: they go on where they left off, and with --follow they go on for ever."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import asyncpg
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from app.cli.console import err, fail, out
from app.cli.signals import run as run_until_stopped
from app.cli.target import CANNOT_CONNECT, connect
from app.database import UNREACHABLE, Connection
from app.partners.batches import Tally
from app.partners.ledger import BusyError
from app.partners.remote import Remote, RemoteError

MOST_FAULTS_SHOWN = 20
# After a partner or the database could not be reached: the attempts before have waited already.
PAUSE = 60.0
Session = Callable[[Connection, Remote, "Narrator"], Awaitable[None]]

UrlArgument = Annotated[str, typer.Argument(metavar="URL", help="The partner's address.")]
FollowOption = Annotated[bool, typer.Option("--follow", help="Go on for ever; Ctrl-C ends it.")]
TrialOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
WholeOption = Annotated[bool, typer.Option("--whole", help="Begin anew with a full copy.")]


class Narrator:
    """Tells on a terminal how far it is, and on standard output what came of it."""

    def __init__(self, what: str, *, is_trial: bool) -> None:
        """Begin to tell of `what`."""
        self._what = f"{what} (dry run)" if is_trial else what
        self._told: Counter[str] = Counter()
        self._faults_told = 0
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        self.progress = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
        self._task = self.progress.add_task(self._what, total=None)

    def moved(self, tally: Tally) -> None:
        """Something was done."""
        self.progress.update(self._task, description=f"{self._what}: {_numbers(tally.counts)}")

    def waits(self, seconds: float, why: str) -> None:
        """The partner does not answer just now."""
        err.print(f"{why}; again in {seconds:.0f} s", markup=False)

    def tell(self, tally: Tally, *, always: bool = True) -> None:
        """Say what was done since this was said last."""
        done = tally.counts - self._told
        if done or always:
            out.print(f"{self._what}: {_numbers(done)}", markup=False)
        self._told = Counter(tally.counts)
        fresh = tally.faults[self._faults_told :]
        for external_id, why in fresh[:MOST_FAULTS_SHOWN]:
            err.print(f"Not taken: {external_id}: {why}", markup=False)
        if len(fresh) > MOST_FAULTS_SHOWN:
            err.print(f"… and {len(fresh) - MOST_FAULTS_SHOWN:,} more.")
        self._faults_told = len(tally.faults)


def run(url: str, database_url: str, narrator: Narrator, session: Session, *, follows: bool) -> None:
    """Run a session with a partner; one that follows is begun again when partner or database were away."""
    with narrator.progress, _told_plainly():
        run_until_stopped(_run(url, database_url, narrator, session, follows=follows))


async def _run(url: str, database_url: str, narrator: Narrator, session: Session, *, follows: bool) -> None:
    while True:
        try:
            connection = await connect(database_url)
            try:
                async with Remote(url, waiting=narrator.waits) as remote:
                    await session(connection, remote, narrator)
            finally:
                await connection.close(timeout=5)
        except (RemoteError, *UNREACHABLE) as reason:
            if not follows:
                raise
            narrator.waits(PAUSE, " ".join(str(reason).split()) or type(reason).__name__)
            await asyncio.sleep(PAUSE)
        else:
            return


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        yield
    except (RemoteError, BusyError) as reason:
        fail(str(reason))
    except asyncpg.PostgresError as reason:
        fail(f"The database refuses: {reason}")
    except CANNOT_CONNECT as reason:
        fail(f"The database cannot be reached any more: {' '.join(str(reason).split()) or type(reason).__name__}")


def _numbers(counts: Counter[str]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items()) if number) or "nothing new"
