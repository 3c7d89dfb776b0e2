"""The front page."""

import json
import time
from datetime import date

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.database import Database
from app.resources.home.queries import front_page
from app.web.addresses import base_url
from app.web.pages import CONTENT_SECURITY_POLICY, HomeFacts, LatestPractice, home_page
from app.web.world_map import MapCity

FRESH_SECONDS = 10.0


class FrontPage:
    """Answers `/`; the facts are counted anew every ten seconds at most."""

    def __init__(self) -> None:
        self._facts: HomeFacts | None = None
        self._counted = float("-inf")
        self._database: Database | None = None

    async def answer(self, request: Request) -> Response:
        """The page, with links for programs too (RFC 8631)."""
        database: Database = request.app.state.services.database
        if self._facts is None or self._database is not database or time.monotonic() - self._counted > FRESH_SECONDS:
            self._facts, self._database = await _count(database), database
            self._counted = time.monotonic()
        headers = {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "Cache-Control": "public, max-age=10",
            "Link": '</openapi.json>; rel="service-desc", </docs>; rel="service-doc", </v1/practices>; rel="item"',
        }
        return HTMLResponse(home_page(base_url(request.scope), self._facts), headers=headers)


async def _count(database: Database) -> HomeFacts:
    row = await database.row(*front_page().flat)
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    return HomeFacts(
        **{name: row[name] for name in ("cities", "countries", "networks", "practices", "requests_open")},
        map_cities=[
            MapCity(name, country, latitude, longitude, practices, f"/v1/practices?city={id_}")
            for name, country, latitude, longitude, practices, id_ in json.loads(row["map"])
        ],
        latest=[
            LatestPractice(title, city, f"/v1/practices/{id_}", date.fromisoformat(day))
            for title, city, id_, day in json.loads(row["latest"])
        ],
    )


ROUTES = [Route("/", FrontPage().answer)]
