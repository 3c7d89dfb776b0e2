"""What is asked for, and that all servers give the same answers."""

import json
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import asyncpg

from app.caller import scopes_for
from app.config import Settings
from app.database import open_database
from app.identifiers import uuid7
from app.keys import KeyRing, ensure_keys
from app.signing import sign
from app.web.tokens import AUDIENCE
from benchmarks.processes import Server
from benchmarks.streams import NETWORK
from benchmarks.wire import Answer, ask, request

RECORDS_ASKED_FOR = 300
FEED_PAGE = 100
FEED_PAGES = 10
TOKEN_SECONDS = 3600
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
WORDS = (
    "language courses", "legal advice", "affordable housing", "health services", "young people", "city council",
    "municipal identity", "women employment",
)  # fmt: skip
NEW_PRACTICE: dict[str, Any] = {
    "title": "Municipal identity card",
    "summary": "A city card for everybody who lives here, whatever their papers.",
    "description": "The council issues the card at every district office; clinics, schools and banks take it. " * 8,
    "language": "en",
    "tags": ["theme:municipal-id", "gcm:4"],
    "keywords": ["identity", "registration"],
    "implementers": [{"name": "Registry office"}],
    "year_start": 2024,
    "stage": "ongoing",
    "external_ids": [],
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is in the data set: ids to ask for, filters that find something, a token."""

    ids: list[str]
    filters: list[str]
    token: str
    network_token: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of request."""

    name: str
    title: str
    requests: Callable[[Server, Facts], Awaitable[list[bytes]]]
    status: int = 200
    servers: tuple[str, ...] = ("project", "anew", "plain", "ceiling")


async def gather_facts(url: str) -> Facts:
    """Look into the data set; makes a client of one of its cities, and a token for it."""
    connection = await asyncpg.connect(url)
    try:
        ids = await connection.fetch(
            "SELECT id FROM practice WHERE status = 'published' AND visibility = 'public'"
            " ORDER BY md5(id::text) LIMIT $1",
            RECORDS_ASKED_FOR,
        )
        countries = await connection.fetch("SELECT country FROM city GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 12")
        tags = await connection.fetch("SELECT id FROM tag WHERE scheme IN ('theme', 'gcm') ORDER BY id")
        city = await connection.fetchval("SELECT id FROM city ORDER BY id LIMIT 1")
        token = await _token(url, connection, f"city:{city}")
        network_token = await _token(url, connection, f"network:{NETWORK}")
    finally:
        await connection.close()
    chosen = random.Random(1)  # noqa: S311 - the same filters in each run
    filters = [
        urlencode(filters)
        for row in countries
        for filters in (
            [("tag", chosen.choice(tags)["id"]), ("stage", "ongoing")],
            [("country", row["country"]), ("language", "en")],
            [("any_tag", chosen.choice(tags)["id"]), ("any_tag", chosen.choice(tags)["id"]), ("evidence_min", "2")],
            [("country", row["country"]), ("tag", chosen.choice(tags)["id"])],
        )
    ]
    return Facts([str(row["id"]) for row in ids], filters, token, network_token)


async def _token(url: str, connection: asyncpg.Connection, organization: str) -> str:
    """An access token as the token endpoint gives it, but good for the whole run."""
    client_id, scopes = f"px_{uuid7().hex}", sorted(scopes_for(organization))
    await connection.execute(
        "INSERT INTO client (id, organization, name, scopes, secret_hash, secret_expires_at)"
        " VALUES ($1, $2, 'benchmark', $3, '', now() + interval '1 day')",
        client_id,
        organization,
        scopes,
    )
    database = await open_database(Settings(database_url=url))
    try:
        await ensure_keys(database)
        key = await KeyRing(database).signing_key()
    finally:
        await database.close()
    now = int(datetime.now().astimezone().timestamp())
    claims = {
        "iss": "http://127.0.0.1:8000", "aud": AUDIENCE, "sub": client_id, "client_id": client_id, "iat": now,
        "nbf": now, "exp": now + TOKEN_SECONDS, "jti": str(uuid7()), "scope": " ".join(scopes),
    }  # fmt: skip
    return sign(key, claims)


async def _first_page(_: Server, __: Facts) -> list[bytes]:
    return [request("/v1/practices")]


async def _filtered(_: Server, facts: Facts) -> list[bytes]:
    return [request(f"/v1/practices?{filters}") for filters in facts.filters]


async def _searched(_: Server, __: Facts) -> list[bytes]:
    return [request(f"/v1/practices?{urlencode({'q': words})}") for words in WORDS]


async def _counted(_: Server, facts: Facts) -> list[bytes]:
    return [request(f"/v1/practices/facets?{filters}") for filters in ("", *facts.filters[:15])]


async def _details(_: Server, facts: Facts) -> list[bytes]:
    return [request(f"/v1/practices/{id_}") for id_ in facts.ids]


async def _known(server: Server, facts: Facts) -> list[bytes]:
    paths = [f"/v1/practices/{id_}" for id_ in facts.ids]
    answers = await ask(server.port, [request(path) for path in paths])
    tags = [answer.header("etag") for answer in answers]
    return [request(path, f"If-None-Match: {tag}") for path, tag in zip(paths, tags, strict=True)]


async def _new(_: Server, facts: Facts) -> list[bytes]:
    body = json.dumps(NEW_PRACTICE).encode()
    return [request("/v1/practices", f"Authorization: Bearer {facts.token}", body=body, method="POST")]


async def _feed(server: Server, _: Facts) -> list[bytes]:
    path = f"/v1/changes?type=practice&limit={FEED_PAGE}"
    pages = [request(path)]
    while len(pages) < FEED_PAGES:
        [answer] = await ask(server.port, pages[-1:])
        page = json.loads(answer.body)
        if not page["has_more"]:
            break
        pages.append(request(f"{path}&{urlencode({'cursor': page['next_cursor']})}"))
    return pages


LIST = Scenario("list", "first page of the list (20)", _first_page)
FILTERED = Scenario("filtered", "list with two or three filters", _filtered)
DETAIL = Scenario("detail", "one practice", _details)
KNOWN = Scenario("304", "one practice, not modified", _known, status=304)
SEARCH = Scenario("search", "search by two usual words", _searched, servers=("project", "anew", "plain"))
FACETS = Scenario("facets", "facets, with none, one or two filters", _counted, servers=("project", "anew"))
CREATE = Scenario("create", "new practice, with a token", _new, status=201, servers=("project", "plain"))
FEED = Scenario("feed", f"page of the change feed ({FEED_PAGE})", _feed, servers=("project", "plain", "ceiling"))
SCENARIOS = (LIST, FILTERED, DETAIL, KNOWN, SEARCH, FACETS, CREATE, FEED)


async def check_equal(servers: list[Server], facts: Facts) -> int:
    """Make sure that all servers answer alike; gives how many answers were compared.

    Raises:
        AssertionError: two of them differ, or one does not answer with 200.
    """
    compared = 0
    for scenario, most in ((LIST, 1), (FILTERED, 100), (DETAIL, 50), (FEED, 5)):
        asked = [server for server in servers if server.name in scenario.servers]
        first, *others = [await ask(server.port, (await scenario.requests(server, facts))[:most]) for server in asked]
        for other, server in zip(others, asked[1:], strict=True):
            for number, (expected, given) in enumerate(zip(first, other, strict=True)):
                where = f"{scenario.name} {number}: {servers[0].name} and {server.name}"
                assert expected.status == given.status == scenario.status, where  # noqa: S101 - this is the check
                wanted, found = _members(expected), _members(given)
                differing = {name: (wanted.get(name), found.get(name)) for name in wanted | found}
                differing = {name: both for name, both in differing.items() if both[0] != both[1]}
                assert not differing, f"{where}: {differing}"  # noqa: S101 - this is the check
                compared += 1
    return compared


def _members(answer: Answer) -> Any:
    """The answer without what is each server's own: cursors, and how many digits a second has."""
    document = json.loads(answer.body, object_hook=_plain)
    document.pop("next_cursor", None)
    return document


def _plain(members: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value).isoformat(timespec="milliseconds")
        if isinstance(value, str) and MOMENT.fullmatch(value)
        else value
        for name, value in members.items()
    }
