"""`practice-exchange feed`: the feed of changes."""

import asyncio

import typer

from app.cli.console import out
from app.cli.migrate import prepare
from app.cli.target import configuration, target
from app.database import open_database
from app.feed import rotate_epoch

group = typer.Typer(help="The feed of changes.", no_args_is_help=True)


@group.callback()
def feed() -> None:
    """The feed of changes."""


@group.command()
def rotate() -> None:
    """Begin a new history: every cursor given out before answers 410, and partners take a new full copy.

    Needed after a restore that keeps the database's own identity, such as a copied data folder or a snapshot.
    """
    with target() as database:
        prepare(database)
        asyncio.run(_rotate(database.url))
    out.print("The feed has a new history; cursors given out before ask for a new full copy.")


async def _rotate(url: str) -> None:
    pools = await open_database(configuration(), database_url=url)
    try:
        await rotate_epoch(pools)
    finally:
        await pools.close()
