"""`practice-exchange pull`: records of another exchange, or of an OAI-PMH repository, into ours."""

import asyncio
from typing import Annotated

import typer

from app.cli.console import fail
from app.cli.migrate import prepare
from app.cli.partners import FollowOption, Narrator, TrialOption, UrlArgument, WholeOption, run
from app.cli.signals import stopped_by_signals
from app.cli.target import connect, target
from app.database import Connection
from app.partners.pull import LONG_POLL, Format, Pull, Wish, open_pull
from app.partners.remote import Remote, RemoteError, checked_url

FORMATS: dict[str, Format] = {"auto": "auto", "feed": "feed", "oai": "oai"}
USED = "SELECT DISTINCT network_id FROM partner WHERE direction = 'pull' AND url = $1"
KNOWN = "SELECT EXISTS (SELECT FROM network WHERE id = $1), EXISTS (SELECT FROM city WHERE id = $2)"
NetworkOption = Annotated[
    str | None, typer.Option("--network", help="The network here under whose name the records come in.")
]
FormatOption = Annotated[str, typer.Option("--format", help="feed (of an exchange), oai (OAI-PMH 2.0), or auto.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="What to copy: a filter of the feed such as country=CA, several times; or a set of OAI."
    ),
]
CityOption = Annotated[
    str | None, typer.Option("--city", help="OAI: the city here of records that name none of our cities.")
]
PlacesOption = Annotated[
    bool,
    typer.Option("--places/--no-places", help="Make cities, themes and groups that are not here as they are there."),
]
EveryOption = Annotated[int, typer.Option("--every", min=1, help="Seconds between two harvests, with --follow.")]


def pull(
    url: UrlArgument,
    network: NetworkOption = None,
    format: FormatOption = "auto",
    chosen: SetOption = None,
    city: CityOption = None,
    every: EveryOption = 300,
    *,
    places: PlacesOption = True,
    follow: FollowOption = False,
    dry_run: TrialOption = False,
    whole: WholeOption = False,
) -> None:
    """Bring in what a partner publishes, from where the last pull left off; what is gone there is taken back.

    Each batch is one transaction with the place to go on from: it can be stopped, or killed, at any moment. Records
    that were made here are known when they come back, and left alone.
    """
    if format not in FORMATS:
        fail(f"--format is one of {', '.join(FORMATS)}, not {format}.")
    if follow and dry_run:
        fail("--dry-run ends; --follow does not.")
    try:
        address = checked_url(url)
    except RemoteError as reason:
        fail(str(reason))
    with stopped_by_signals(), target() as database:
        prepare(database)
        name = asyncio.run(_network(database.url, address, network, city))
        wish = Wish(name, FORMATS[format], chosen or [], city, places, whole, dry_run)
        narrator = Narrator(f"Pulling {address} as {name}", is_trial=dry_run)

        async def session(connection: Connection, remote: Remote, narrator: Narrator) -> None:
            if dry_run:
                await _try(connection, remote, wish, narrator)
                return
            opened = await open_pull(connection, remote, wish, narrator.moved)
            await _catch_up(opened, narrator)
            while follow:
                if not opened.waits:
                    await asyncio.sleep(every)
                await _catch_up(opened, narrator, wait=LONG_POLL, always=False)

        run(address, database.url, narrator, session, follows=follow)


async def _catch_up(opened: Pull, narrator: Narrator, *, wait: int = 0, always: bool = True) -> None:
    try:
        await opened.catch_up(wait)
    finally:
        narrator.tell(opened.tally, always=always)


async def _try(connection: Connection, remote: Remote, wish: Wish, narrator: Narrator) -> None:
    """Do everything, and undo it."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await _catch_up(await open_pull(connection, remote, wish, narrator.moved), narrator)
    finally:
        await transaction.rollback()


async def _network(database_url: str, url: str, network: str | None, city: str | None) -> str:
    """The network to pull for; unsaid it is the one of earlier pulls of this address."""
    connection = await connect(database_url)
    try:
        if network is None:
            used = [row["network_id"] for row in await connection.fetch(USED, url)]
            if len(used) != 1:
                fail("Name the network under whose name the records come in: --network mmc")
            network = str(used[0])
        has_network, has_city = await connection.fetchrow(KNOWN, network, city) or (False, False)
    finally:
        await connection.close()
    if not has_network:
        fail(f"There is no network {network} here; the operator makes one with POST /v1/networks, or load.")
    if city is not None and not has_city:
        fail(f"There is no city {city} here.")
    return network
