"""`practice-exchange export`: everything as one file."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.caller import ANONYMOUS
from app.cli.console import err, fail
from app.cli.migrate import prepare
from app.cli.target import configuration, connect, target
from app.database import Connection
from app.resources.export.lines import lines, snapshot
from app.resources.export.parts import PARTS
from app.resources.export.queries import OPERATOR

STANDARD_OUTPUT = Path("-")
FileArgument = Annotated[Path, typer.Argument(help="The file to write; - for standard output.")]
PublicOption = Annotated[
    bool, typer.Option("--public", help="Only what everybody may see, as GET /v1/export gives it.")
]
HOW_MANY = f"SELECT {' + '.join(f'(SELECT count(*) FROM {part.table})' for part in PARTS)}"


def export(file: FileArgument = STANDARD_OUTPUT, *, public: PublicOption = False) -> None:
    """Write everything to a file that `load` takes back: records, vocabularies, networks, timelines and messages.

    All of it is of one moment. The file appears when it is whole. Clients, secrets, webhooks and the audit trail are
    not in it: to move an exchange with all of these, use pg_dump.
    """
    with target() as database:
        prepare(database)
        try:
            with _written(file) as out:
                count = asyncio.run(_export(database.url, out, is_public=public))
        except BrokenPipeError:
            # Whoever read has seen enough; nothing more can be said on a closed pipe.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except OSError as reason:
            fail(f"{file} cannot be written: {reason.strerror or reason}.")
    err.print(f"{count:,} records written.", markup=False)


async def _export(url: str, out: BinaryIO, *, is_public: bool) -> int:
    connection = await connect(url)
    written = 0
    try:
        async with snapshot(connection):
            caller = ANONYMOUS if is_public else OPERATOR
            with _bar(await _expected(connection)) as advance:
                source = configuration().public_url
                async for records, piece in lines(connection, caller, source, with_messages=not is_public):
                    out.write(piece)
                    advance(records)
                    written += records
    finally:
        await connection.close()
    return written


async def _expected(connection: Connection) -> int | None:
    """How many records there are at most; asked only where somebody looks at the bar."""
    return int(await connection.fetchval(HOW_MANY)) if err.is_terminal else None


@contextmanager
def _bar(total: int | None) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("Exporting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.advance(task, count)


@contextmanager
def _written(file: Path) -> Iterator[BinaryIO]:
    """The file to write into: it takes its name when it is whole and on the disk, and never before."""
    if file == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if file.exists() and not file.is_file():
        with file.open("wb") as device:
            yield device
        return
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        # It may hold what only members see.
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
