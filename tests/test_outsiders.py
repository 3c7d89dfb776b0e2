"""An outsider's crawl: whatever anybody may ask, nothing that is not for them comes back, and nothing tells of it."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from httpx import AsyncClient

from tests.conftest import Token
from tests.factories import Headers
from tests.hidden_words import World, make_world, plant_members, plant_parts, plant_records

OUTSIDERS = ("anonymous", "city:gb-bristol", "network:mmc")
UNWRITTEN = "jwvkpblorft"
NOWHERE = "01a00000-0000-7000-8000-000000000000"
# What tells of the server, and not of its records.
ELSEWHERE = re.compile(r"^/(metrics|livez|readyz|docs|redoc|openapi|assets|problems|favicon)")
VOLATILE = re.compile(
    r'urn:request:[0-9a-f]+|"(generated|exported)_at":"[^"]*"|"next_cursor":"[^"]*"|<(updated|responseDate)>[^<]*<'
)
# Forms that a path has beside the plain one.
FORMS: dict[str, list[dict[str, str]]] = {
    "/v1/practices/{id}": [{"Accept": "application/ld+json"}, {"Accept": "text/markdown"}, {"Accept-Language": "fr"}],
    "/v1/changes": [{"Accept": "application/x-ndjson"}],
}
HARVESTED = (
    "Identify", "ListSets", "ListMetadataFormats", "ListRecords&metadataPrefix=oai_dc",
    "ListIdentifiers&metadataPrefix=oai_dc",
)  # fmt: skip
Address = tuple[str, dict[str, str]]


class Crawl:
    """Every GET operation of the document, with every id that there is and every value that a parameter lists."""

    def __init__(self, document: dict[str, Any], world: World) -> None:
        self._document, self._world = document, world

    def addresses(self) -> Iterator[Address]:
        """All that may be asked, each with the headers that choose a form."""
        for path, item in self._document["paths"].items():
            if "get" not in item or ELSEWHERE.match(path):
                continue
            parameters = [p for p in item["get"].get("parameters", []) if p["in"] == "query"]
            names = {parameter["name"] for parameter in parameters}
            whole = "limit=100" if "limit" in names else ""
            asked = [whole, *self._choices(parameters, whole)]
            for address in self._addresses(path):
                for query, form in itertools.product(asked, [{}, *FORMS.get(path, [])]):
                    yield f"{address}?{query}".rstrip("?"), form
        for verb in HARVESTED:
            yield f"/oai?verb={verb}", {}
        for id_ in self._world.ids["practice"]:
            yield f"/oai?verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:127.0.0.1:{id_}", {}
        yield "/", {}

    def searches(self) -> list[str]:
        """The paths that are searched by words; of the files, which share their search, one."""
        items = self._document["paths"].items()
        found = [p for p, item in items if any(q["name"] == "q" for q in item.get("get", {}).get("parameters", []))]
        return [
            address
            for path in found
            for address in self._addresses(path)
            if address.endswith(".csv") or "." not in address
        ]

    def _addresses(self, path: str) -> list[str]:
        names = re.findall(r"{(\w+)}", path)
        values = [self._values(path, name) for name in names]
        filled = []
        for chosen in itertools.product(*values):
            address = path
            for name, value in zip(names, chosen, strict=True):
                address = address.replace(f"{{{name}}}", value)
            filled.append(address)
        return filled

    def _values(self, path: str, name: str) -> list[str]:
        ids = self._world.ids
        if name == "id":
            kind = path.split("/")[2]
            places = {"cities": ["ca-montreal"], "networks": ["uclg"], "tags": ["theme:municipal-id"]}
            return places.get(kind) or ids[{"practices": "practice", "webhooks": "webhook"}.get(kind, "request")]
        return {
            "response_id": ids["response"], "adoption_id": ids["adoption"], "client_id": ids["client"],
            "version": ["1", "2", "3", "4"], "language": ["fr"], "network": ["eurocities"], "external_id": ["hidden-1"],
            "city_id": ["ca-montreal"], "format": ["csv", "ndjson", "geojson", "jsonld", "atom"],
        }[name]  # fmt: skip

    def _choices(self, parameters: list[dict[str, Any]], whole: str) -> list[str]:
        """Queries for every value of a parameter that chooses states or kinds."""
        chosen = [p for p in parameters if p["name"] in {"status", "type"}]
        pairs = [f"{p['name']}={value}" for p in chosen for value in _listed(p["schema"])]
        return [f"{pair}&{whole}".rstrip("&") for pair in pairs]


def _listed(schema: dict[str, Any]) -> list[Any]:
    """The values that a parameter lists."""
    kinds = [schema, *schema.get("anyOf", []), schema.get("items", {})]
    return [value for kind in kinds for value in kind.get("enum", [])]


class Outsider:
    """One who asks with what everybody, or every member, may ask with."""

    def __init__(self, name: str, client: AsyncClient, headers: Headers) -> None:
        self.name, self._client, self._headers = name, client, headers

    async def read(self, url: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """The status, and the answer without what differs each time."""
        answer = await self._client.get(url, headers={**self._headers, **(form or {})})
        assert answer.status_code < 500, (url, answer.text)
        return answer.status_code, VOLATILE.sub("", answer.text)

    async def read_all(self, urls: list[Address]) -> dict[str, tuple[int, str]]:
        """The same for many, by address and form."""
        return {f"{url} {form}": await self.read(url, form) for url, form in urls if self._may_change(url)}

    def _may_change(self, url: str) -> bool:
        # Its own credentials and deeds are an outsider's own business.
        return self.name == "anonymous" or not url.startswith(("/v1/clients", "/v1/audit", "/v1/me", "/v1/webhooks"))


async def test_nothing_hidden_comes_back(app: FastAPI, bare: AsyncClient, token: Token) -> None:
    world = await make_world(bare, token)
    crawl = Crawl(app.openapi(), world)
    anonymous, city, network = [
        Outsider(name, bare, {} if name == "anonymous" else await token(name)) for name in OUTSIDERS
    ]
    public = list(crawl.addresses())

    # What they see of a world that hides nothing is what they see of one that hides much: no count tells of it.
    before = {who: await who.read_all(public) for who in (anonymous, city, network)}
    await plant_records(world, bare)
    for who, seen in before.items():
        assert await who.read_all(public) == seen, who.name
    await plant_members(world, bare)
    assert await anonymous.read_all(public) == before[anonymous]
    # A record that one may not see is no other than one that does not exist.
    for url, form in crawl.addresses():
        hidden = next((id_ for ids in world.ids.values() for id_ in ids[1:] if id_ in url), None)
        if hidden is not None:
            status, text = await anonymous.read(url, form)
            assert (status, text.replace(hidden, NOWHERE)) == await anonymous.read(url.replace(hidden, NOWHERE), form)

    await plant_parts(world, bare)
    await every_word_is_there(world, bare, crawl)
    for who in (anonymous, city, network):
        words = world.words | (world.for_members if who is anonymous else set())
        await no_word_comes_back(who, crawl, words)
        await no_search_tells(who, crawl, words)


async def no_word_comes_back(who: Outsider, crawl: Crawl, words: set[str]) -> None:
    for url, form in crawl.addresses():
        _, text = await who.read(url, form)
        found = [hidden for hidden in words if hidden in text.lower()]
        assert not found, (who.name, url, form, found)


async def every_word_is_there(world: World, client: AsyncClient, crawl: Crawl) -> None:
    """Those who wrote the words find them."""
    missing = world.words | world.for_members
    for name, headers in world.headers.items():
        insider = Outsider(name, client, headers)
        for url, form in crawl.addresses():
            if not form and "." not in url:
                _, text = await insider.read(url)
                missing = {hidden for hidden in missing if hidden not in text.lower()}
    assert not missing


async def no_search_tells(who: Outsider, crawl: Crawl, words: set[str]) -> None:
    """A hidden word, whole, unfinished or misspelt, finds what a word finds that nobody has written."""
    for path in crawl.searches() if who.name == "anonymous" else ["/v1/practices", "/v1/exchange-requests"]:
        _, expected = await who.read(f"{path}?q={UNWRITTEN}")
        is_thorough = who.name == "anonymous" and path in {"/v1/practices", "/v1/exchange-requests"}
        for hidden in sorted(words):
            for asked in (hidden, hidden[:-1], hidden[:-2] + "q" + hidden[-1]) if is_thorough else (hidden,):
                _, text = await who.read(f"{path}?q={asked}")
                assert text.replace(asked, UNWRITTEN) == expected, (who.name, path, asked)
