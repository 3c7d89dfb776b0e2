"""`practice-exchange load`: records from files."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.cli.console import err, fail, out
from app.cli.migrate import prepare
from app.cli.target import target
from app.loading import KINDS, Kind, Report, UnreadableFileError, kind_of, load_file

ORDER: tuple[Kind, ...] = ("export", "vocabularies", "networks", "cities", "practices", "requests")
MOST_FAULTS_SHOWN = 100
Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, help="JSON, NDJSON or CSV.")]
KindOption = Annotated[str | None, typer.Option("--kind", help=f"What the files hold: {', '.join(KINDS)}.")]
NetworkOption = Annotated[
    str | None, typer.Option("--network", help="The network that brings the practices in, under its own ids.")
]


def load(files: Files, kind: KindOption = None, network: NetworkOption = None) -> None:
    """Load cities, networks, vocabularies, practices, requests and exports; what is wrong is reported by its place.

    An export gives every record back under its own id. Into an exchange that has records it is safe: none is doubled,
    and what is newer here stays as it is.
    """
    chosen = next((known for known in KINDS if known == kind), None)
    if kind is not None and chosen is None:
        fail(f"--kind is one of {', '.join(KINDS)}, not {kind}.")
    try:
        kinds = {path: chosen or kind_of(path) for path in files}
    except UnreadableFileError as reason:
        fail(str(reason))
    total = Report()
    with target() as database:
        prepare(database)
        for path in sorted(files, key=lambda file: ORDER.index(kinds[file])):
            try:
                with _bar(path) as advance:
                    report = asyncio.run(
                        load_file(database.url, path, kind=kinds[path], network=network, progress=advance)
                    )
            except UnreadableFileError as reason:
                fail(str(reason))
            out.print(f"{path}: {_numbers(report)}", markup=False)
            total.add(report)
    _tell(total)
    if total.invalid:
        raise typer.Exit(1)


@contextmanager
def _bar(path: Path) -> Iterator["_Advance"]:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        yield _Advance(progress, path)


class _Advance:
    """Moves the bar on by some bytes."""

    def __init__(self, progress: Progress, path: Path) -> None:
        self._progress = progress
        self._task = progress.add_task(path.name, total=path.stat().st_size)

    def __call__(self, read: int) -> None:
        self._progress.advance(self._task, read)


def _numbers(report: Report) -> str:
    names = ("created", "updated", "unchanged", "invalid")
    return ", ".join(f"{getattr(report, name):,} {name}" for name in names if getattr(report, name)) or "no records"


def _tell(report: Report) -> None:
    for warning, times in report.warnings.most_common(20):
        err.print(f"Note: {warning}" + (f" ({times} times)" if times > 1 else ""), markup=False)
    if not report.faults:
        return
    table = Table("file", "line", "record", "field", "what is wrong", title="Not loaded", title_justify="left")
    for fault in report.faults[:MOST_FAULTS_SHOWN]:
        cells = (fault.file, str(fault.line or ""), str(fault.record), fault.field, fault.message)
        table.add_row(*(escape(cell) for cell in cells))
    err.print(table)
    if len(report.faults) > MOST_FAULTS_SHOWN:
        err.print(f"… and more: {report.invalid:,} records in all.")
