"""The command line: `practice-exchange COMMAND`."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

# Each is a module of `app.cli`, with a function of the same name, or with the commands of a group.
NAMES = (
    "serve",
    "migrate",
    "load",
    "export",
    "pull",
    "push",
    "report",
    "worker",
    "openapi",
    "check-migrations",
    "doctor",
    "client",
    "feed",
    "keys",
)


class Modules(Mapping[str, Any]):
    """The commands by their names, each imported when it is looked up: what one of them needs the others do without."""

    def __getitem__(self, name: str) -> Any:
        """Import a command; raises KeyError where there is none of that name."""
        if name not in NAMES:
            raise KeyError(name)
        function = name.replace("-", "_")
        module = import_module(f"app.cli.{function}")
        if hasattr(module, "group"):
            group = typer.main.get_group(module.group)
            group.name = name
            return group
        alone = typer.Typer(add_completion=False)
        alone.command(name)(getattr(module, function))
        return typer.main.get_command(alone)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


class Commands(TyperGroup):
    """The group of all commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = Modules()  # type: ignore[assignment]  # nothing is added to it


app = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)


@app.callback()
def practice_exchange() -> None:
    """The exchange by which cities share what works for migrants and refugees."""


def main() -> None:
    """Run the command that was given."""
    app()


if __name__ == "__main__":
    main()
