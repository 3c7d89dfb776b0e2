"""`make bench`: measures the project, the plain version and the ceiling, and writes RESULTS.md with its plot."""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import typer
import uvloop
from rich.console import Console

from app.embedded import embedded_postgres
from benchmarks import processes
from benchmarks.data import prepare
from benchmarks.measure import Options, measure
from benchmarks.plot import plot
from benchmarks.report import Run, goals, main_run, report
from benchmarks.scenarios import check_equal, gather_facts
from benchmarks.streams import measure_streams

HERE = Path(__file__).parent
ROLE = "practice_exchange_app"
# The tables are loaded once and read often: what a bulk of writes leaves to do must not fall into the measurement.
POSTGRES = {"shared_buffers": "1GB", "max_wal_size": "4GB", "autovacuum_naptime": "1h"}
out = Console(stderr=True)


def bench(
    records: Annotated[str, typer.Option(help="Sizes of the data set, with commas.")] = "10000,100000",
    seconds: Annotated[float, typer.Option(help="How long each server is asked in a round.")] = 5,
    rounds: Annotated[int, typer.Option(min=1, help="How often each server has its turn.")] = 3,
    connections: Annotated[int, typer.Option(min=1, help="How many ask at once.")] = 16,
    data_dir: Annotated[Path | None, typer.Option(help="Keeps the data sets for the next run; unsaid: none.")] = None,
    *,
    bulk: Annotated[int, typer.Option(help="How many records are brought in at once.")] = 10_000,
    quick: Annotated[
        bool, typer.Option("--quick", help="10,000 practices, short rounds: to see that it runs.")
    ] = False,
    output: Annotated[Path, typer.Option(help="The folder for RESULTS.md and results.svg.")] = HERE,
) -> None:
    """Measure the project beside a plain version of itself and the bare ceiling."""
    if quick:
        records, seconds, rounds, bulk = "10000", 1, 1, 500
    options = Options(rounds, seconds, connections, bulk)
    sizes = sorted({int(size) for size in records.split(",")})
    with _folder(data_dir) as folder, embedded_postgres(folder, settings=POSTGRES) as server:
        postmaster = processes.postmaster(folder)
        runs = [_run(server.dsn, postmaster, size, options) for size in sizes]
        version = asyncio.run(_version(server.dsn))
    main = main_run(runs)
    output.mkdir(parents=True, exist_ok=True)
    (output / "results.svg").write_text(plot(main.results, main.records), encoding="utf-8")
    (output / "RESULTS.md").write_text(report(runs, options, version, "results.svg"), encoding="utf-8")
    for goal in goals(runs):
        out.print(f"{'met    ' if goal.is_met else 'NOT MET'}  {goal.text}: {goal.measured}", markup=False)
    out.print(f"Written: {output / 'RESULTS.md'}", markup=False)


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="px-bench-") as folder:
        yield Path(folder)


def _run(server_url: str, postmaster: int, records: int, options: Options) -> Run:
    url = asyncio.run(_database(server_url, f"px_bench_{records}"))
    with _progress(f"{records:,} practices") as tell:
        tell("loading")
        prepare(url, ROLE, records)
    return uvloop.run(_measured(url, postmaster, records, options))


async def _measured(url: str, postmaster: int, records: int, options: Options) -> Run:
    facts = await gather_facts(url)
    with (
        processes.project(url, ROLE) as project,
        processes.project(url, ROLE, keeps=False) as anew,
        processes.plain(url) as plain,
        processes.ceiling(url) as ceiling,
        _progress(f"{records:,} practices") as tell,
    ):
        servers = [project, anew, plain, ceiling]
        compared = await check_equal(servers, facts)
        results = await measure(servers, facts, postmaster, options, tell)
        memory = {server.name: server.peak_memory for server in servers}
        streams = await measure_streams(
            project, url, facts.network_token, records=records, bulk=options.bulk, rounds=options.rounds,
            progress=tell,
        )  # fmt: skip
        grown = project.peak_memory - memory["project"]
    await _forget_new(url)
    return Run(records, results, memory, compared, streams, grown)


@contextlib.contextmanager
def _progress(subject: str) -> Iterator[Callable[[str], None]]:
    """Tells what is done now: in one line of a terminal, else in a line each."""
    with out.status("") as status:

        def tell(what: str) -> None:
            status.update(f"{subject}: {what}")
            if not out.is_terminal:
                out.print(f"{subject}: {what}", markup=False, highlight=False)

        yield tell


async def _database(server_url: str, name: str) -> str:
    connection = await asyncpg.connect(server_url)
    try:
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name):
            await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


async def _forget_new(url: str) -> None:
    """Take away the drafts that were made, so that the next run finds the data set as it was."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DELETE FROM practice WHERE title = 'Municipal identity card' AND status = 'draft'")
        await connection.execute("VACUUM (ANALYZE) practice")
    finally:
        await connection.close()


async def _version(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()


if __name__ == "__main__":
    typer.run(bench)
