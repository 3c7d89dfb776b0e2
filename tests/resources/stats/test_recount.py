"""Every figure of reports and statistics, counted again: by its link, and by hand from the full lists."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from statistics import median
from typing import Any

import pytest
from httpx import AsyncClient

from app.areas import COUNTRIES
from app.database import Database
from tests.conftest import Token
from tests.factories import Headers
from tests.variety import Variety, closure, listed

KINDS = {"practices": "published_at", "exchange_requests": "created_at", "adoptions": "created_at"}
PATHS = {"practices": "practices", "exchange_requests": "exchange-requests", "adoptions": "adoptions"}
NOBODY, MEMBER, NETWORK, OPERATOR = "", "city:ca-montreal", "network:mmc", "operator"
CASES: list[tuple[str, dict[str, str]]] = [
    (NOBODY, {}), (MEMBER, {}), (NETWORK, {}), (OPERATOR, {"from": "2026-03-01", "to": "2026-03-31"}),
    (NOBODY, {"network": "mmc", "from": "2026-03-31"}), (MEMBER, {"region": "africa", "to": "2026-02-28"}),
    (NOBODY, {"region": "americas", "network": "mmc"}), (NETWORK, {"city": "gb-bristol", "to": "2026-03-31"}),
    (NOBODY, {"from": "2026-03-31", "to": "2026-03-31"}), (NOBODY, {"city": "xx-nowhere"}),
]  # fmt: skip


@pytest.fixture
async def callers(database: Database, token: Token) -> dict[str, Headers]:
    await Variety(database, seed=5).fill()
    return {NOBODY: {}, **{name: await token(name) for name in (MEMBER, NETWORK, OPERATOR)}}


def lines_of(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield report["total"]
    for section in ("gcm", "gcr", "sdg", "regions"):
        yield from report[section]


async def test_every_link_yields_its_figure(bare: AsyncClient, callers: dict[str, Headers]) -> None:
    for name, filters in CASES[:7]:
        report = (await bare.get("/v1/report", params=filters, headers=callers[name])).json()
        figures = [line[kind] for line in lines_of(report) for kind in KINDS]
        assert sum(figure["count"] for figure in figures) > 0, "a test of nothing"
        for figure in figures:
            found = await listed(bare, figure["href"], callers[name])
            assert len(found) == figure["count"], (name, figure)


async def test_every_number_recounted_from_the_full_lists(bare: AsyncClient, callers: dict[str, Headers]) -> None:
    world = await World.of(bare, callers[OPERATOR])
    for name, filters in CASES:
        headers = callers[name]
        seen = {kind: await listed(bare, f"/v1/{path}", headers) for kind, path in PATHS.items()}
        counted = {kind: [r for r in seen[kind] if world.chosen(kind, r, filters)] for kind in KINDS}
        report = (await bare.get("/v1/report", params=filters, headers=headers)).json()
        for line in lines_of(report):
            expected = {kind: sum(world.on(line["id"], kind, r) for r in counted[kind]) for kind in KINDS}
            assert {kind: line[kind]["count"] for kind in KINDS} == expected, (name, filters, line["id"])
            assert line["gap"] == (line["practices"]["count"] == 0)
        stats = (await bare.get("/v1/stats", params=filters, headers=headers)).json()
        del stats["generated_at"]
        assert stats == world.stats(counted, seen, filters), (name, filters)


async def test_every_flow_is_what_its_search_yields(bare: AsyncClient, callers: dict[str, Headers]) -> None:
    for name in (NOBODY, OPERATOR):
        flows = (await bare.get("/v1/stats", headers=callers[name])).json()["flows"]
        assert (
            {bool(flow["exchanges"]) for flow in flows} == {bool(flow["adoptions"]) for flow in flows} == {True, False}
        )
        for flow in flows:
            source, target = flow["source"]["id"], flow["target"]["id"]
            exchanges = f"/v1/exchange-requests?source={source}&target={target}"
            adoptions = f"/v1/adoptions?origin={source}&city={target}"
            assert len(await listed(bare, exchanges, callers[name])) == flow["exchanges"]
            assert len(await listed(bare, adoptions, callers[name])) == flow["adoptions"]


class World:
    """Everything there is, as the operator sees it, and what the definitions make of it."""

    def __init__(self, cities: list[dict[str, Any]], tags: list[dict[str, Any]]) -> None:
        self.cities = {city["id"]: city for city in cities}
        self.broader = {tag["id"]: tag["broader"] for tag in tags}
        self.practices: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, list[dict[str, Any]]] = {}
        self.networks = 0

    @classmethod
    async def of(cls, client: AsyncClient, operator: Headers) -> "World":
        world = cls(await listed(client, "/v1/cities", operator), await listed(client, "/v1/tags", operator))
        states = ("draft", "submitted", "changes_requested", "published", "archived", "withdrawn", "merged")
        for state in states:
            for practice in await listed(client, f"/v1/practices?status={state}", operator):
                world.practices[practice["id"]] = practice
        for request in await listed(client, "/v1/exchange-requests", operator):
            path = f"/v1/exchange-requests/{request['id']}/responses"
            world.answers[request["id"]] = await listed(client, path, operator)
            assert request["response_count"] == len(world.answers[request["id"]])
        world.networks = len(await listed(client, "/v1/networks", operator))
        return world

    def chosen(self, kind: str, record: dict[str, Any], filters: dict[str, str]) -> bool:
        brought = {origin["network"] for origin in record.get("origins", [])}
        day = record[KINDS[kind]][:10]
        return (
            self.at(record["city"]["id"], filters, brought)
            and filters.get("from", "") <= day <= filters.get("to", "9999-12-31")
        )  # fmt: skip

    def at(self, city_id: str, filters: dict[str, str], networks: set[str] | None = None) -> bool:
        city = self.cities[city_id]
        return (
            filters.get("network") in {None, *city["networks"], *(networks or ())}
            and filters.get("city") in {None, city_id}
            and ("region" not in filters or city["country"] in COUNTRIES[filters["region"]])
        )

    def on(self, line: str, kind: str, record: dict[str, Any]) -> bool:
        if line == "all":
            return True
        if line in COUNTRIES:
            return self.cities[record["city"]["id"]]["country"] in COUNTRIES[line]
        record = self.practices[record["practice_id"]] if kind == "adoptions" else record
        return line in closure(record["tags"], self.broader)

    def stats(
        self, counted: dict[str, list[dict[str, Any]]], seen: dict[str, list[dict[str, Any]]], filters: dict[str, str]
    ) -> dict[str, Any]:
        practices, requests, adoptions = counted.values()
        cities = [city for city in self.cities.values() if self.at(city["id"], filters)]
        ended = [r for r in requests if r["status"] in {"completed", "cancelled", "expired", "unfulfilled"}]
        completed = [r for r in requests if r["status"] == "completed"]
        named = {adoption["exchange_request_id"] for adoption in seen["adoptions"]}
        answered = [r for r in requests if r["response_count"]]
        waits = [min(hours(r, answer) for answer in self.answers[r["id"]]) for r in answered]
        return {
            "cities": {
                "total": len(cities), "members": sum(city["member"] for city in cities),
                "countries": len({city["country"] for city in cities}),
                "with_practices": len({practice["city"]["id"] for practice in practices}),
            },
            "networks": self.networks,
            "practices": {"published": len(practices), "adopted": sum(p["adoption_count"] > 0 for p in practices)},
            "exchange_requests": {
                "total": len(requests), "by_kind": Counter(r["kind"] for r in requests),
                "by_status": Counter(r["status"] for r in requests), "answered": len(answered),
                "median_hours_to_first_answer": tenth(median(waits)) if waits else None,
                "completion_rate": rate(len(completed), len(ended)),
                "adoption_rate": rate(sum(r["id"] in named for r in completed), len(completed)),
            },
            "adoptions": {
                "total": len(adoptions), "by_stage": Counter(a["stage"] for a in adoptions),
                "confirmed": sum(a["confirmed_by_origin"] for a in adoptions),
            },
            "answers_given": self.answers_given(seen["exchange_requests"], filters),
            "flows": self.flows(requests, adoptions),
        }  # fmt: skip

    def answers_given(self, requests: list[dict[str, Any]], filters: dict[str, str]) -> dict[str, Any]:
        waits = []
        for request in requests:
            for answer in self.answers[request["id"]]:
                is_refusal = answer["status"] == "declined" and answer["version"] == 1
                day = answer["created_at"][:10]
                is_in_time = filters.get("from", "") <= day <= filters.get("to", "9999-12-31")
                if not is_refusal and is_in_time and self.at(answer["city"]["id"], filters):
                    waits.append(hours(request, answer))
        return {"requests": len(waits), "median_hours": tenth(median(waits)) if waits else None}

    def flows(self, requests: list[dict[str, Any]], adoptions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        exchanges: Counter[tuple[str, str]] = Counter()
        taken: Counter[tuple[str, str]] = Counter()
        for request in requests:
            for answer in self.answers[request["id"]]:
                if request["status"] == "completed" and answer["status"] == "accepted":
                    sides = (answer["city"]["id"], request["city"]["id"])
                    exchanges[sides if request["kind"] == "seek" else sides[::-1]] += 1
        for adoption in adoptions:
            taken[self.practices[adoption["practice_id"]]["city"]["id"], adoption["city"]["id"]] += 1
        return [
            {
                "source": self.reference(pair[0]), "target": self.reference(pair[1]),
                "exchanges": exchanges[pair], "adoptions": taken[pair],
            }
            for pair in sorted({*exchanges, *taken}, key=lambda pair: (-exchanges[pair] - taken[pair], pair))
        ]  # fmt: skip

    def reference(self, city_id: str) -> dict[str, str]:
        return {name: self.cities[city_id][name] for name in ("id", "name", "country")}


def hours(request: dict[str, Any], answer: dict[str, Any]) -> float:
    # Answers here come whole minutes after their requests: milliseconds leave out the same from both.
    asked, answered = (datetime.fromisoformat(record["created_at"]) for record in (request, answer))
    return (answered - asked).total_seconds() / 3600


def tenth(value: float) -> float:
    return round(value + 1e-9, 1)


def rate(part: int, whole: int) -> float | None:
    return round(part / whole + 1e-12, 3) if whole else None
