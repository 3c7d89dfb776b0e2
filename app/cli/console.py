"""What people read: results on standard output, faults and progress on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: str) -> NoReturn:
    """Say in plain words what is wrong, and end with exit code 1."""
    err.print(message, style="red", markup=False)
    raise typer.Exit(1)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show on a terminal what takes its time."""
    if not err.is_terminal:
        yield
        return
    with err.status(f"{what} …"):
        yield
