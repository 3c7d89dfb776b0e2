"""`practice-exchange push`: our public practices into another exchange."""

import asyncio
from typing import Annotated

import typer

from app.cli.console import err, fail
from app.cli.migrate import prepare
from app.cli.partners import FollowOption, Narrator, TrialOption, UrlArgument, WholeOption, run
from app.cli.signals import stopped_by_signals
from app.cli.target import configuration, target
from app.database import Connection
from app.partners.push import Order, Push, open_push
from app.partners.remote import Remote, RemoteError, checked_url

LOOK_EVERY = 2.0
TRY_REFUSED_EVERY = 300
NetworkOption = Annotated[
    str, typer.Option("--network", help="The network there under whose name the records come in.")
]
IdOption = Annotated[
    str, typer.Option("--client-id", envvar="PX_PUSH_CLIENT_ID", help="Of a client of that network, with sync:write.")
]
SecretOption = Annotated[
    str, typer.Option("--client-secret", envvar="PX_PUSH_CLIENT_SECRET", help="Better in the environment than here.")
]
ExceptOption = Annotated[
    list[str] | None,
    typer.Option("--except-network", help="What this network brought in here is not sent; several times."),
]


def push(
    url: UrlArgument,
    network: NetworkOption,
    client_id: IdOption,
    client_secret: SecretOption,
    except_network: ExceptOption = None,
    *,
    follow: FollowOption = False,
    dry_run: TrialOption = False,
    whole: WholeOption = False,
) -> None:
    """Send our public practices to another exchange, from where the last push left off; what is gone is taken back.

    What came from there is not sent back. The place to go on from moves when the other side has answered: broken off at
    any moment, a few records are sent once more, and are unchanged there.
    """
    if follow and dry_run:
        fail("--dry-run ends; --follow does not.")
    try:
        address = checked_url(url)
    except RemoteError as reason:
        fail(str(reason))
    with stopped_by_signals(), target() as database:
        prepare(database)
        home = configuration().public_url
        if home is None:
            err.print("Note: PX_PUBLIC_URL is not set, so the records do not say where they can be seen.")
        order = Order(network, client_id, client_secret, home, except_network or [], whole, dry_run)
        narrator = Narrator(f"Pushing to {address} as {network}", is_trial=dry_run)

        async def session(connection: Connection, remote: Remote, narrator: Narrator) -> None:
            opened = await open_push(connection, remote, order, narrator.moved)
            await _catch_up(opened, narrator, refused=True)
            rounds = 0
            while follow:
                await asyncio.sleep(LOOK_EVERY)
                rounds += 1
                await _catch_up(opened, narrator, refused=rounds % TRY_REFUSED_EVERY == 0, always=False)

        run(address, database.url, narrator, session, follows=follow)


async def _catch_up(opened: Push, narrator: Narrator, *, refused: bool, always: bool = True) -> None:
    try:
        if refused:
            await opened.send_refused()
        await opened.catch_up()
    finally:
        narrator.tell(opened.tally, always=always)
