"""`practice-exchange client`: the programs that act for organizations."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.markup import escape
from rich.table import Table

from app.caller import Actor, Caller
from app.cli.console import fail, out
from app.cli.migrate import prepare
from app.cli.target import connect, target
from app.database import Connection
from app.errors import Problem
from app.resources.clients.commands import create_client, revoke_client, rotate_secret

Result = TypeVar("Result")
OPERATOR = Actor(
    Caller(organization="operator", kind="operator", scopes=frozenset({"operator"})), request_id="command line"
)
group = typer.Typer(help="Clients: the programs that act for organizations.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print client_id and client_secret as JSON.")]


@group.command()
def create(
    organization: Annotated[
        str, typer.Option(help="city:ca-montreal, network:mmc or operator.", metavar="ORGANIZATION")
    ],
    name: Annotated[str, typer.Option(help="What people call the program.")] = "Made on the command line",
    scope: Annotated[list[str] | None, typer.Option(help="A right; may be repeated. Unsaid: all that suit.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a client; its secret is shown this once."""
    client_id, secret = _run(lambda connection: create_client(connection, OPERATOR, organization, name, scope or None))
    _show(client_id, secret, as_json=as_json)


@group.command(name="list")
def list_clients(*, as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """Show all clients, without their secrets."""
    rows = _run(
        lambda connection: connection.fetch(
            "SELECT id, organization, name, array_to_string(scopes, ' ') AS scopes, created_at::date::text AS created,"
            " secret_expires_at::date::text AS expires, last_used_at::date::text AS last_used,"
            " revoked_at::date::text AS revoked FROM client ORDER BY organization, id"
        )
    )
    if as_json:
        sys.stdout.write(json.dumps([dict(row) for row in rows], ensure_ascii=False, indent=2) + "\n")
        return
    table = Table()
    for name in ("client id", "organization", "name", "expires", "last used", "revoked"):
        table.add_column(name, overflow="fold", no_wrap=name == "client id")
    for row in rows:
        shown = ("id", "organization", "name", "expires", "last_used", "revoked")
        table.add_row(*(escape(row[column] or "") for column in shown))
    out.print(table)


@group.command()
def rotate(client_id: str, *, as_json: AsJson = False) -> None:
    """Give a client a new secret; the old one goes on working for a while."""
    secret = _run(lambda connection: rotate_secret(connection, OPERATOR, client_id))
    _show(client_id, secret, as_json=as_json)


@group.command()
def revoke(client_id: str) -> None:
    """End a client: its secrets and its tokens are refused from now on."""
    _run(lambda connection: revoke_client(connection, OPERATOR, client_id))
    out.print(f"{client_id} is revoked.", markup=False)


def _run(work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Do something in one transaction of its own."""

    async def transaction(url: str) -> Result:
        connection = await connect(url)
        try:
            async with connection.transaction():
                return await work(connection)
        finally:
            await connection.close()

    with target() as database:
        prepare(database)
        try:
            return asyncio.run(transaction(database.url))
        except Problem as reason:
            fail(str(reason) or type(reason).__name__)


def _show(client_id: str, secret: str, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"client_id": client_id, "client_secret": secret}) + "\n")
        return
    out.print(f"client_id      {client_id}\nclient_secret  {secret}", markup=False)
    out.print("The secret is shown this once. Exchange both for a token at POST /oauth/token.")
