"""The HTML pages, filled in from templates: no routes and no database here.

`root` is the address that users see, without a slash at the end (`https://exchange.example/api`). Links use its path
only, so that a page works under every name the server has; the command to copy uses the whole.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from app.web.templates import Html, fill
from app.web.world_map import MapCity, city_list, world_map

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# ReDoc writes styles while it runs and searches in a worker made from a blob: this one is for its path only.
REDOC_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; worker-src blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# What the pages ask for under `{root}/assets/`; the folder also holds templates and licences.
ASSETS = {
    "favicon.svg": "image/svg+xml",
    "redoc-init.js": "text/javascript",
    "redoc.standalone.js": "text/javascript",
    "site.css": "text/css",
    "swagger-init.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}


class LatestPractice(NamedTuple):
    """A practice as the front page lists it."""

    title: str
    city: str
    href: str
    date: date


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """What the front page tells of the exchange as it stands."""

    cities: int
    countries: int
    networks: int
    practices: int
    requests_open: int
    map_cities: list[MapCity]
    latest: list[LatestPractice]


class ProblemRow(NamedTuple):
    """A problem type as the index lists it."""

    slug: str
    title: str
    status: int


def home_page(root: str, facts: HomeFacts) -> str:
    """The front page: what this is, for whom, and how it stands."""
    latest = "\n".join(map(_latest_item, facts.latest)) or "<li>None yet: yours can be the first.</li>"
    return _page(
        "home",
        root,
        title="Practice exchange: what works for migrants and refugees, from city to city",
        description="Cities share what works for migrants and refugees, and help each other to do it.",
        address=quote(root, safe=":/[]@%"),
        cities=f"{facts.cities:,}",
        countries=f"{facts.countries:,}",
        networks=f"{facts.networks:,}",
        practices=f"{facts.practices:,}",
        requests_open=f"{facts.requests_open:,}",
        map=Html(world_map(facts.map_cities)),
        city_list=Html(city_list(facts.map_cities)),
        latest=Html(latest),
    )


def docs_page(root: str) -> str:
    """Swagger UI; goes out with `CONTENT_SECURITY_POLICY`."""
    return _page("docs", root, title="Try the API · Practice exchange", description="Every operation, ready to run.")


def redoc_page(root: str) -> str:
    """ReDoc; goes out with `REDOC_CONTENT_SECURITY_POLICY`."""
    return _page("redoc", root, title="Reference · Practice exchange", description="The whole API, to read.")


def problem_page(
    root: str,
    slug: str,
    title: str,
    status: int,
    text: str,
    example_json: str,
) -> str:
    """The documentation behind the `type` of a problem; `text` may hold code between backticks."""
    return _page(
        "problem",
        root,
        title=f"{title} · Practice exchange",
        description=f"What the problem type {slug} means and what to do.",
        heading=title,
        slug=slug,
        status=str(status),
        text=Html(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))),
        example=example_json,
    )


def problem_index_page(root: str, rows: Iterable[ProblemRow]) -> str:
    """All problem types, in the order given."""
    return _page(
        "problems",
        root,
        title="Problem types · Practice exchange",
        description="Why a request could not be answered as asked, and what to do.",
        rows=Html("\n".join(_problem_row(urlsplit(root).path, row) for row in rows)),
    )


def _latest_item(latest: LatestPractice) -> str:
    link = f'<a href="{escape(latest.href)}"><bdi>{escape(latest.title)}</bdi></a>'
    day = f'<time datetime="{latest.date:%Y-%m-%d}">{latest.date.day} {latest.date:%B %Y}</time>'
    return f"<li>{link} <small><bdi>{escape(latest.city)}</bdi> · {day}</small></li>"


def _problem_row(path: str, row: ProblemRow) -> str:
    link = f'<a href="{escape(path)}/problems/{escape(row.slug)}">{escape(row.title)}</a>'
    return f"<li><b>{row.status}</b> <span>{link} <code>{escape(row.slug)}</code></span></li>"


def _page(kind: str, root: str, *, title: str, description: str, **values: str) -> str:
    path = urlsplit(root).path
    return fill(
        "page",
        root=path,
        kind=kind,
        title=title,
        description=description,
        main=fill(kind, root=path, **values),
        docs_current=_current_if(kind, "docs"),
        redoc_current=_current_if(kind, "redoc"),
        footer=fill("footer", root=path) if kind not in {"docs", "redoc"} else "",
    )


def _current_if(kind: str, page: str) -> Html:
    return Html(' aria-current="page"' if kind == page else "")
