"""`practice-exchange openapi`: the contract as a file."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import fail, out
from app.config import Settings

FILE = Path("openapi.json")


def openapi(
    output: Annotated[Path | None, typer.Option(help="Write to this file.")] = None,
    *,
    check: Annotated[bool, typer.Option("--check", help=f"Only compare with {FILE}; differing is a failure.")] = False,
) -> None:
    """Print the OpenAPI document, write it, or check that the file of it is true."""
    text = document()
    if check:
        path = output or FILE
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            fail(f"{path} is not what the code says. Run: make openapi")
        out.print(f"{path} is what the code says.", markup=False)
    elif output is not None:
        output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def document() -> str:
    """The document as the file has it; nothing of the environment is in it."""
    from app.main import create_app  # noqa: PLC0415 - takes its time, and few commands need it

    contract = create_app(configuration=Settings.model_construct()).openapi()
    return json.dumps(contract, ensure_ascii=False, indent=2) + "\n"
