"""Loads a file: checks records while the database writes the ones before, a chunk a transaction."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import asyncpg
from pydantic import ValidationError

from app.database import Connection, plain_url
from app.loading.bulk import Loader, Prepared, RefusedError, faults_of
from app.loading.names import load_names
from app.loading.places import CityLoader, NetworkLoader
from app.loading.practices import PracticeLoader
from app.loading.report import Fault, Report
from app.loading.requests import RequestLoader
from app.loading.sources import Entry, Kind, Progress, UnreadableFileError, kind_of
from app.loading.vocabularies import TagLoader

DATA = Path(__file__).parents[1] / "data"
SAMPLES: tuple[tuple[Kind, str], ...] = (
    ("networks", "networks.json"),
    ("cities", "cities.json"),
    ("practices", "practices.json"),
    ("requests", "exchange_requests.json"),
)
SETTINGS = {
    "application_name": "practice-exchange load",
    "timezone": "UTC",
    "jit": "off",
    "lock_timeout": "60000",
    # The tables grow while their statements run again and again: a plan made for an empty table must not stay.
    "plan_cache_mode": "force_custom_plan",
    # Chunks need not wait for the disk one by one; the last statement does, and brings all before it to the disk.
    "synchronous_commit": "off",
}
LOCK = "SELECT pg_advisory_lock(hashtext('practice-exchange load'))"
AUDIT = """
INSERT INTO audit (organization, action, record_type, record_id, changed)
VALUES ('operator', 'loaded', $1, $2, to_jsonb($3::text[]))"""
BROKEN_RULE = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError)


def _nobody(_: int) -> None:
    """Progress that nobody looks at."""


async def load_file(
    url: str,
    path: Path,
    *,
    kind: Kind | None = None,
    network: str | None = None,
    scheme: str = "load",
    progress: Progress = _nobody,
) -> Report:
    """Load one file; what is wrong stands in the report, and everything else is loaded.

    Args:
        url: the database.
        path: the file: JSON, NDJSON or CSV.
        kind: what it holds, if its name and its records do not tell.
        network: the network that brings the practices in, under ids of its own.
        scheme: the system that the external ids of the practices are from.
        progress: told how many bytes were read since it was last told.

    Raises:
        UnreadableFileError: the file as a whole cannot be read, or names a network that does not exist.
    """
    loader = _loader(kind or kind_of(path), scheme, network)
    async with _connected(url) as connection:
        try:
            await loader.begin(connection)
        except RefusedError as reason:
            raise UnreadableFileError(reason.faults[0][1]) from reason
        report = await _load(connection, loader, path, progress)
        await _settle(connection, loader, report)
    return report


async def load_vocabularies(url: str) -> Report:
    """Bring the vocabularies, and the names of countries and places, up to what ships with the program."""
    async with _connected(url) as connection:
        await load_names(connection)
    return await load_file(url, DATA / "vocabularies.json", kind="vocabularies")


async def load_samples(url: str, progress: Callable[[str], None] = lambda _: None) -> Report:
    """Load the sample cities, networks, practices and requests that ship with the program."""
    report = Report()
    for kind, name in SAMPLES:
        progress(f"sample {kind}")
        report.add(await load_file(url, DATA / name, kind=kind, scheme="sample"))
    return report


def _loader(kind: Kind, scheme: str, network: str | None) -> Loader:
    if kind == "practices":
        return PracticeLoader(scheme, network)
    if kind == "export":
        if network is not None:
            raise UnreadableFileError("--network is for practices; an export says itself who brought them in.")
        from app.loading.archive import ArchiveLoader  # noqa: PLC0415 - with the tables, which nothing else needs

        return ArchiveLoader()
    makers: dict[Kind, type[Loader]] = {"cities": CityLoader, "networks": NetworkLoader, "requests": RequestLoader}
    return makers.get(kind, TagLoader)()


@contextlib.asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(plain_url(url), timeout=10, server_settings=SETTINGS)
    try:
        await connection.execute(LOCK)
        yield connection
    finally:
        await connection.close()


async def _load(connection: Connection, loader: Loader, path: Path, progress: Progress) -> Report:
    report = Report()
    prepared = _prepared(loader, path, report, progress)
    writing: asyncio.Task[None] | None = None
    try:
        # Reading and checking run in a thread, so that the database works on one chunk while the next is made ready.
        while chunk := await asyncio.to_thread(lambda: list(islice(prepared, loader.chunk))):
            if writing is not None:
                await writing
            writing = asyncio.create_task(_write(connection, loader, path.name, chunk, report))
    finally:
        if writing is not None:
            await writing
    report.warnings = loader.warnings
    return report


def _prepared(loader: Loader, path: Path, report: Report, progress: Progress) -> Iterator[Prepared]:
    for entry in loader.read(path, progress):
        if entry.fault is not None:
            report.refuse(_fault(path.name, entry, "", entry.fault))
            continue
        try:
            yield loader.prepare(entry)
        except RefusedError as reason:
            report.refuse(*(_fault(path.name, entry, *fault) for fault in reason.faults))
        except ValidationError as reason:
            faults = faults_of(reason, loader, entry.record)
            report.refuse(*(_fault(path.name, entry, *fault) for fault in faults))


async def _write(connection: Connection, loader: Loader, file: str, chunk: Sequence[Prepared], report: Report) -> None:
    """Write a chunk in one transaction; where a rule of the database is broken, find the record by halving."""
    try:
        async with connection.transaction():
            created, updated = await loader.write(connection, chunk)
            if created or updated:
                first, last = chunk[0].entry, chunk[-1].entry
                which = f"{file} {first.number}-{last.number}"
                await connection.execute(AUDIT, loader.table, which, [f"{created} created", f"{updated} updated"])
    except BROKEN_RULE as reason:
        if len(chunk) == 1:
            report.refuse(_fault(file, chunk[0].entry, reason.column_name or "", str(reason)))
            return
        middle = len(chunk) // 2
        await _write(connection, loader, file, chunk[:middle], report)
        await _write(connection, loader, file, chunk[middle:], report)
        return
    report.created += created
    report.updated += updated
    report.unchanged += len(chunk) - created - updated


async def _settle(connection: Connection, loader: Loader, report: Report) -> None:
    """Wait until all that was loaded is on disk."""
    if report.created or report.updated:
        await connection.execute("SET synchronous_commit = on")
        await loader.finish(connection)


def _fault(file: str, entry: Entry, field: str, message: str) -> Fault:
    return Fault(file, entry.number, entry.line, field, message)
