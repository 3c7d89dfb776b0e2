"""The command line: `practice-exchange COMMAND`."""

import typer

from app.cli import client, feed, keys
from app.cli.check_migrations import check_migrations
from app.cli.doctor import doctor
from app.cli.export import export
from app.cli.load import load
from app.cli.migrate import migrate
from app.cli.openapi import openapi
from app.cli.pull import pull
from app.cli.push import push
from app.cli.report import report
from app.cli.serve import serve
from app.cli.worker import worker

app = typer.Typer(
    help="The exchange by which cities share what works for migrants and refugees.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
for command in (serve, migrate, load, export, pull, push, report, worker, openapi, check_migrations, doctor):
    app.command()(command)
app.add_typer(client.group, name="client")
app.add_typer(feed.group, name="feed")
app.add_typer(keys.group, name="keys")


def main() -> None:
    """Run the command that was given."""
    app()


if __name__ == "__main__":
    main()
