"""Templates of HTML pages, from `assets/`: whatever is filled in is escaped, unless it says that it is markup."""

from functools import cache
from html import escape
from importlib.resources import files
from string import Template


class Html(str):
    """Markup that is safe as it stands; every other value is escaped when a template is filled in."""

    __slots__ = ()


def fill(template: str, **values: str) -> Html:
    """A template of `assets/`, named without `.html`, with these values."""
    safe = {name: value if isinstance(value, Html) else escape(value) for name, value in values.items()}
    return Html(_template(template).substitute(safe))


def asset(name: str) -> str:
    """The text of a file of `assets/`."""
    return (files("app.web") / "assets" / name).read_text(encoding="utf-8")


@cache
def _template(name: str) -> Template:
    return Template(asset(f"{name}.html"))
