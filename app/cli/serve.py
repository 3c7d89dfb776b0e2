"""`practice-exchange serve`: everything, from the database to the answers."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess

from app.cli.console import fail, out, step
from app.cli.demo import Credentials, demo_client
from app.cli.migrate import prepare
from app.cli.signals import run, stopped_by_signals
from app.cli.target import Target, configuration, connect, target
from app.loading import load_samples, load_vocabularies
from app.logs import configure_logs

GRACE = 20
# A worker on a busy machine takes long to start; whoever is given up meanwhile is started again, for ever.
WORKER_SILENCE = 60
COUNTS = """
SELECT (SELECT count(*) FROM city) AS cities, (SELECT count(*) FROM practice WHERE status = 'published') AS practices,
       (SELECT count(*) FROM exchange_request) AS requests"""


def serve(
    host: Annotated[str, typer.Option(help="The address to listen at; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that serve.")] = 1,
    samples: Annotated[
        bool | None,
        typer.Option("--samples/--no-samples", help="Sample data; unsaid: only into an empty database of our own."),
    ] = None,
    timeout_keep_alive: Annotated[int, typer.Option(min=1, help="Seconds an idle connection is kept open.")] = 75,
) -> None:
    """Serve the exchange; without DATABASE_URL with its own PostgreSQL and sample data."""
    with stopped_by_signals(), _listening(host, port) as listener, target() as database:
        prepare(database)
        with step("Loading the vocabularies"):
            run(load_vocabularies(database.url))
        counts, credentials = run(_fill(database, samples=samples))
        _announce(listener, counts, credentials, database)
        _serve(listener, workers, timeout_keep_alive)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Take the port first: if that cannot be had, nothing else need be started."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as reason:
        fail(f"{host} is not an address of this machine: {reason.strerror}.")
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(2048)
        except PermissionError:
            fail(f"Port {port} is reserved for the administrator. Choose one from 1024: --port 8000")
        except OSError as reason:
            fail(f"Port {port} at {host} cannot be had: {reason.strerror}. Choose another one: --port {port + 1}")
        yield listener


async def _fill(database: Target, *, samples: bool | None) -> tuple[Any, Credentials | None]:
    """Load the sample data where they belong; gives how much there is, and credentials to try it with."""
    connection = await connect(database.url)
    try:
        counts = await connection.fetchrow(COUNTS)
        assert counts is not None  # noqa: S101 - an aggregate always gives a row
        wanted = samples if samples is not None else database.is_embedded and not any(counts.values())
        if wanted:
            with step("Loading the sample data"):
                await load_samples(database.url)
            counts = await connection.fetchrow(COUNTS)
        credentials = await demo_client(connection, configuration().data_dir) if database.is_embedded else None
    finally:
        await connection.close()
    return counts, credentials


def _announce(listener: socket.socket, counts: Any, credentials: Credentials | None, database: Target) -> None:
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - names it
    base = f"http://{shown}:{port}"
    lines = [
        f"Practice Exchange at {base}",
        f"  {base}/              what this is",
        f"  {base}/docs          try the API",
        f"  {base}/v1/practices  the practices",
        f"{counts['cities']:,} cities, {counts['practices']:,} practices, {counts['requests']:,} exchange requests",
    ]
    if credentials is not None:
        lines += [
            "A client of Montréal to try it with:",
            f"  client_id      {credentials.client_id}",
            f"  client_secret  {credentials.client_secret}",
        ]
    else:
        where = "" if database.is_embedded else " (with the same DATABASE_URL)"
        lines.append(f"A client to try it with{where}: practice-exchange client create --organization city:…")
    out.print("\n".join(lines), markup=False)
    out.print("Ctrl-C stops it.")


def _serve(listener: socket.socket, workers: int, timeout_keep_alive: int) -> None:
    configure_logs(configuration().log_level)
    config = uvicorn.Config(
        "app.cli.process:create_worker" if workers > 1 else "app.main:create_app",
        factory=True,
        workers=workers,
        loop="uvloop",
        http="app.cli.protocol:Protocol",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=timeout_keep_alive,
        timeout_graceful_shutdown=GRACE,
        timeout_worker_healthcheck=WORKER_SILENCE,
    )
    if workers == 1:
        server = uvicorn.Server(config)
        server.run(sockets=[listener])
        if not server.started:
            raise typer.Exit(1)
        return
    metrics = Path(tempfile.mkdtemp(prefix="px-metrics-"))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
    try:
        Multiprocess(config, sockets=[listener]).run()
    finally:
        shutil.rmtree(metrics, ignore_errors=True)
