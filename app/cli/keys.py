"""`practice-exchange keys`: the keys that sign access tokens."""

import asyncio

import typer

from app.cli.console import out
from app.cli.migrate import prepare
from app.cli.target import configuration, target
from app.database import open_database
from app.keys import PUBLISH_AHEAD, ensure_keys, rotate_keys

group = typer.Typer(help="The keys that sign access tokens.", no_args_is_help=True)


@group.callback()
def keys() -> None:
    """The keys that sign access tokens."""


@group.command()
def rotate() -> None:
    """Publish a new signing key, which takes over in a while; tokens of the old one stay good until they expire."""
    with target() as database:
        prepare(database)
        kid = asyncio.run(_rotate(database.url))
    minutes = int(PUBLISH_AHEAD.total_seconds() // 60)
    out.print(f"The key {kid} is published, and signs in {minutes} minutes.", markup=False)


async def _rotate(url: str) -> str:
    pools = await open_database(configuration(), database_url=url)
    try:
        await ensure_keys(pools)
        return await rotate_keys(pools)
    finally:
        await pools.close()
