"""A small exchange with something of everything, hidden things among it: every state, visibility, kind and region."""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from httpx import AsyncClient

from app.database import Database
from app.fields import AdoptionStage, PracticeStatus, RequestStatus, Stage
from app.identifiers import uuid7

CITIES = (
    "ca-montreal", "sl-freetown", "gb-bristol", "ug-kampala", "co-bogota", "jo-amman", "gr-athens", "us-new-york",
    "br-sao-paulo", "au-nhill",  # the last one answers nobody
)  # fmt: skip
TAGS = (
    "theme:municipal-id", "theme:housing", "gcm:4", "gcm:15", "gcm:7", "gcr:1", "gcr:2", "sdg:10", "sdg:10.7", "sdg:11",
)  # fmt: skip
FORMATS = ("format:webinar", "format:study-visit")
BANDS = ("xs", "s", "m", "l", "xl")
LANGUAGES = ("en", "fr", "es", "ar")
# The last and first moment of days, so that a period which is a moment too long or too short shows.
EDGES = [
    datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, 23, 59, 59, 999_999, UTC), datetime(2026, 4, 1, tzinfo=UTC),
    datetime(2026, 2, 28, 23, 59, 59, 999_999, UTC), datetime(2025, 7, 14, 12, tzinfo=UTC),
]  # fmt: skip


async def listed(client: AsyncClient, address: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    """All records of a search, page by page."""
    items: list[dict[str, Any]] = []
    more: str | None = f"{address}{'&' if '?' in address else '?'}limit=100"
    while more:
        answer = await client.get(more, headers=headers)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        more = answer.links.get("next", {}).get("url")
    return items


def closure(tags: Iterable[str], broader: Mapping[str, str | None]) -> set[str]:
    """The tags and all that are broader."""
    found: set[str] = set()
    for tag in tags:
        wider: str | None = tag
        while wider is not None:
            found.add(wider)
            wider = broader[wider]
    return found


class Variety:
    """Fills a database by SQL, so that states and times can be chosen freely; the same for the same seed."""

    def __init__(self, database: Database, seed: int) -> None:
        self._database = database
        self.random = random.Random(seed)
        self.practices: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []

    async def fill(self, practices: int = 120, requests: int = 90, adoptions: int = 60) -> None:
        """Make so many records, answers to the requests among them."""
        await self._profile_cities()
        for number in range(practices):
            self.practices.append(await self._practice(number))
        for number in range(requests):
            self.requests.append(await self._request(number))
        for _ in range(adoptions):
            await self._adoption()

    async def _profile_cities(self) -> None:
        for city in CITIES:
            await self._database.execute(
                "UPDATE city SET languages = $2, roles = $3, mandates = $4, population = $5 WHERE id = $1", city,
                self._some(LANGUAGES), self._some(("origin", "transit", "destination")),
                self._some(("housing", "health", "registration")), self.random.choice((20_000, 200_000, 900_000, None)),
            )  # fmt: skip

    async def _practice(self, number: int) -> dict[str, Any]:
        status = self.random.choice([*["published"] * 12, *get_args(PracticeStatus)])
        at = self._moment()
        values = {
            "id": uuid7(), "title": f"Practice {number}", "summary": "What was done.",
            "language": self.random.choice(LANGUAGES), "tags": self._some(TAGS), "offers": self._some(FORMATS),
            "city_id": self.random.choice(CITIES), "stage": self.random.choice(get_args(Stage)), "status": status,
            "visibility": self.random.choice(["public"] * 5 + ["members", "network:mmc", "network:uclg"]),
            "networks": self._some(("mmc", "uclg"), chance=0.15), "accepting_exchanges": self.random.random() < 0.8,
            "submitted_to": "mmc" if status == "submitted" else None, "published_at": at, "listed_at": at,
            "created_at": at, "successor": None,
        }  # fmt: skip
        if status == "merged":
            values["successor"] = self.practices[0]["id"] if self.practices else None
            values["status"] = "merged" if self.practices else "published"
        if values["status"] in {"draft", "submitted", "changes_requested"}:
            values["published_at"] = None
        await self._insert("practice", values)
        return values

    async def _request(self, number: int) -> dict[str, Any]:
        status = self.random.choice([*["open", "completed"] * 4, *get_args(RequestStatus)])
        visibility = self.random.choice(["public"] * 4 + ["members", "addressed"])
        city = self.random.choice(CITIES)
        is_addressed = visibility == "addressed" or self.random.random() < 0.2
        at = self._moment()
        values = {
            "id": uuid7(), "kind": self.random.choice(["seek", "seek", "offer"]), "title": f"Request {number}",
            "need": "What is needed.", "language": self.random.choice(LANGUAGES), "languages": self._some(LANGUAGES),
            "formats": self._some(FORMATS), "tags": self._some(TAGS), "city_id": city,
            "addressed_to": [self._organization(city)] if is_addressed else [], "visibility": visibility,
            "status": status, "closed_reason": "no_match" if status == "cancelled" else None, "created_at": at,
            "expires_at": at + timedelta(days=900), "preferred_countries": self._some(("CA", "GB", "SL"), chance=0.3),
            "preferred_population_band": self.random.choice([None, None, *BANDS]),
            "preferred_roles": self._some(("origin", "destination"), chance=0.2), "response_count": 0,
        }  # fmt: skip
        responders = self.random.sample([other for other in CITIES[:-1] if other != city], self.random.randrange(4))
        if status in {"matched", "in_progress", "completed"} and not responders and number % 7:
            responders = [next(other for other in CITIES if other != city)]
        values["response_count"] = len(responders)
        await self._insert("exchange_request", values)
        for place, responder in enumerate(responders):
            await self._response(values, responder, is_match=place == 0)
        return {**values, "responders": responders}

    async def _response(self, request: dict[str, Any], city: str, *, is_match: bool) -> None:
        status, version = self.random.choice([("proposed", 1), ("tentative", 1), ("declined", 1), ("declined", 2)])
        if is_match and request["status"] in {"matched", "in_progress", "completed"}:
            status, version = "accepted", 2
        at = request["created_at"] + timedelta(minutes=self.random.randrange(30_000))
        values = {
            "id": uuid7(), "request_id": request["id"], "city_id": city, "message": "We did this.", "status": status,
            "version": version, "created_at": at, "updated_at": at,
        }  # fmt: skip
        await self._insert("response", values)

    async def _adoption(self) -> None:
        practice = self.random.choice(self.practices)
        city = self.random.choice([other for other in CITIES if other != practice["city_id"]])
        own = [request["id"] for request in self.requests if request["city_id"] == city]
        stage = self.random.choice(get_args(AdoptionStage))
        values = {
            "id": uuid7(), "practice_id": practice["id"], "practice_version": 1, "city_id": city, "stage": stage,
            "why_stopped": "No money." if stage == "stopped" else None, "created_at": self._moment(),
            "exchange_request_id": self.random.choice([None, *own]), "confirmed_by_origin": self.random.random() < 0.4,
        }  # fmt: skip
        await self._insert("adoption", values)
        await self._database.execute(
            "UPDATE practice p SET adoption_count = (SELECT count(*) FROM adoption WHERE practice_id = p.id)"
            " WHERE id = $1",
            practice["id"],
        )

    async def _insert(self, table: str, values: dict[str, Any]) -> None:
        places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
        plain = [json.dumps(value) if isinstance(value, dict) else value for value in values.values()]
        await self._database.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places}) ON CONFLICT DO NOTHING", *plain
        )

    def _organization(self, city: str) -> str:
        return self.random.choice(["network:mmc", *(f"city:{other}" for other in CITIES if other != city)])

    def _moment(self) -> datetime:
        return self.random.choice([*EDGES, EDGES[0] + timedelta(minutes=self.random.randrange(-200_000, 40_000))])

    def _some(self, values: Sequence[str], *, chance: float = 0.35) -> list[str]:
        return [value for value in values if self.random.random() < chance]
