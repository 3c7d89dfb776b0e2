"""`practice-exchange report`: the report to the review forums as a file: HTML, JSON or CSV."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from app.caller import ANONYMOUS
from app.cli.console import err, fail, out, step
from app.cli.migrate import prepare
from app.cli.target import configuration, connect, target
from app.database import Connection, Statement
from app.resources.stats import queries
from app.resources.stats.report import as_csv, as_json, moment, put_together
from app.resources.stats.schemas import StatsQuery
from app.web.addresses import FALLBACK
from app.web.flow_map import Place
from app.web.report_page import ReportFacts, report_page

STANDARD_OUTPUT = Path("-")


def report(
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it: one HTML file; - prints it.")] = None,
    json_: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="As JSON; - prints it.")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="As CSV; - prints it.")] = None,
    network: Annotated[str | None, typer.Option(metavar="ID", help="Of this network's cities.")] = None,
    region: Annotated[str | None, typer.Option(help="africa, americas, asia, europe or oceania.")] = None,
    city: Annotated[str | None, typer.Option(metavar="ID", help="Of this city alone.")] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="DAY", help="The first day, as in 2026-01-31.")] = None,
    to: Annotated[str | None, typer.Option(metavar="DAY", help="The last day, included.")] = None,
) -> None:
    """Write the report: practices, exchanges and adoptions per objective, goal and region, flows, gaps.

    It is of public records only, so that it can be handed on, and shows what the database holds.
    """
    files = {"html": html, "json": json_, "csv": csv}
    if not any(files.values()):
        fail("Say what to write: --html FILE, --json FILE or --csv FILE; - prints it.")
    if list(files.values()).count(STANDARD_OUTPUT) > 1:
        fail("Only one of them can be printed.")
    query = _query(network=network, region=region, city=city, from_=from_, to=to)
    with target() as database:
        prepare(database)
        with step("Counting"):
            facts = asyncio.run(_facts(database.url, query))
    texts = {
        "html": lambda: report_page(facts),
        "json": lambda: as_json(facts.report),
        "csv": lambda: as_csv(facts.report),
    }
    for kind, path in files.items():
        if path is not None:
            _write(path, texts[kind]())
    if configuration().public_url is None:
        err.print(f"Its links lead to {facts.base}; PX_PUBLIC_URL says where the exchange really is.", markup=False)


def _query(**filters: str | None) -> StatsQuery:
    given = {name.replace("from_", "from"): value for name, value in filters.items() if value is not None}
    try:
        return StatsQuery.model_validate(given)
    except ValidationError as reason:
        faults = (f"--{'.'.join(map(str, fault['loc'])) or 'from, --to'}: {fault['msg']}" for fault in reason.errors())
        fail("\n".join(faults))


async def _facts(url: str, query: StatsQuery) -> ReportFacts:
    connection = await connect(url)
    try:
        # One snapshot, so that the figures agree with each other however much is written meanwhile.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _read(connection, query)
    finally:
        await connection.close()


async def _read(connection: Connection, query: StatsQuery) -> ReportFacts:
    base = configuration().public_url or FALLBACK
    network = await _name(connection, "network", query.network)
    city = await _name(connection, "city", query.city)
    report = put_together(await _body(connection, queries.report(ANONYMOUS, query)), query, base)
    stats: dict[str, Any] = json.loads(await _body(connection, queries.stats(ANONYMOUS, query)))
    ids = {flow[side]["id"] for flow in stats["flows"] for side in ("source", "target")}
    rows = await connection.fetch(*queries.places(sorted(ids)).flat)
    places = {row["id"]: Place(row["name"], row["latitude"], row["longitude"]) for row in rows}
    return ReportFacts(base, report, {"generated_at": moment(), **stats}, places, network, city)


async def _name(connection: Connection, table: str, id_: str | None) -> str | None:
    if id_ is None:
        return None
    name: str | None = await connection.fetchval(f"SELECT name FROM {table} WHERE id = $1", id_)
    if name is None:
        fail(f"There is no {table} {id_}.")
    return name


async def _body(connection: Connection, statement: Statement) -> str:
    row = await connection.fetchrow(*statement.flat)
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    return str(row["body"])


def _write(path: Path, text: str) -> None:
    if path == STANDARD_OUTPUT:
        sys.stdout.write(text)
        return
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as reason:
        fail(f"{path} cannot be written: {reason.strerror}.")
    out.print(f"{path} is written.", markup=False)
