"""Matches of many requests, reckoned again from nothing but what the same caller reads: who, why, and how much."""

from collections import Counter
from math import log
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import Token
from tests.factories import Headers
from tests.variety import Variety, closure, listed

NOBODY, MEMBER, OPERATOR = "", "city:ca-montreal", "operator"
SHARES = {
    "tags": 0.45, "related_tags": 0.10, "formats": 0.15, "languages": 0.10, "population_band": 0.05, "roles": 0.05,
    "mandates": 0.03, "country": 0.02, "answered": 0.05,
}  # fmt: skip
MOST = 50
Reasons = dict[str, tuple[list[str], float]]


async def test_every_match_and_every_reason(bare: AsyncClient, database: Database, token: Token) -> None:
    await Variety(database, seed=3).fill(practices=150, requests=110, adoptions=0)
    operator = await token(OPERATOR)
    everything = await listed(bare, "/v1/exchange-requests", operator)
    answers = {
        request["id"]: await listed(bare, f"/v1/exchange-requests/{request['id']}/responses", operator)
        for request in everything
    }
    told: Counter[str] = Counter()
    for name in (NOBODY, MEMBER, OPERATOR):
        headers = await token(name) if name else {}
        model = await Model.of(bare, name, headers, answers)
        for request in [r for r in model.requests if r["status"] == "open"][:25]:
            path = f"/v1/exchange-requests/{request['id']}/matches"
            items = (await bare.get(path, params={"limit": MOST}, headers=headers)).json()["items"]
            expected = await model.matches(request)
            found = {(item["type"], item["id"]): item for item in items}
            assert len(found) == len(items) == min(MOST, len(expected))
            assert set(found) <= set(expected)
            best = sorted((score_of(reasons) for reasons in expected.values()), reverse=True)[:MOST]
            assert [item["score"] for item in items] == pytest.approx(best, abs=1e-3)
            for key, item in found.items():
                assert item["score"] == pytest.approx(sum(reason["score"] for reason in item["reasons"]))
                given = {reason["kind"]: (reason["values"], reason["score"]) for reason in item["reasons"]}
                assert given.keys() == expected[key].keys(), (request, item)
                for kind, (values, score) in given.items():
                    told[kind] += 1
                    assert sorted(values) == sorted(expected[key][kind][0]), (kind, item)
                    assert score == pytest.approx(expected[key][kind][1], abs=1e-4), (kind, item)
            told.update(item["type"] for item in items)
    assert told.keys() == {*SHARES, "practice", "city", "exchange_request"}, "something was never tried"


def score_of(reasons: Reasons) -> float:
    return sum(score for _, score in reasons.values())


class Model:
    """What a caller reads, and the matches that follow from it."""

    def __init__(
        self, client: AsyncClient, name: str, headers: Headers, answers: dict[str, list[dict[str, Any]]]
    ) -> None:
        self._client, self._name, self._headers, self._answers = client, name, headers, answers
        self.requests: list[dict[str, Any]] = []
        self._practices: list[dict[str, Any]] = []
        self._cities: dict[str, dict[str, Any]] = {}
        self._broader: dict[str, str | None] = {}
        self._crosswalk: dict[str, list[str]] = {}
        self._weights: dict[str, float] = {}
        self._given: dict[str, dict[str, Any]] = {}

    @classmethod
    async def of(
        cls, client: AsyncClient, name: str, headers: Headers, answers: dict[str, list[dict[str, Any]]]
    ) -> "Model":
        model = cls(client, name, headers, answers)
        model.requests = await listed(client, "/v1/exchange-requests", headers)
        model._practices = await listed(client, "/v1/practices", headers)
        model._cities = {city["id"]: city for city in await listed(client, "/v1/cities", headers)}
        tags = await listed(client, "/v1/tags", headers)
        model._broader = {tag["id"]: tag["broader"] for tag in tags}
        model._crosswalk = {tag["id"]: tag["related"] for tag in tags}
        newest = (await listed(client, "/v1/practices?sort=newest", {}))[:1000]
        seen = Counter(tag for practice in newest for tag in closure(practice["tags"], model._broader))
        model._weights = {tag: log(1 + len(newest) / (1 + seen[tag])) for tag in model._broader}
        return model

    async def matches(self, request: dict[str, Any]) -> dict[tuple[str, str], Reasons]:
        found: dict[tuple[str, str], Reasons] = {}
        for type_, id_, city, tags, formats, languages in self._candidates(request):
            common = await self._reasons(request, city, tags, formats, languages)
            if {"tags", "related_tags", "formats"} & common.keys():
                found[type_, id_] = common
        return found

    def _candidates(self, request: dict[str, Any]) -> list[tuple[str, str, str, set[str], set[str], set[str]]]:
        """Type, id, city, tags with all broader ones, formats and languages of all who could answer."""
        if request["kind"] == "offer":
            return [
                (
                    "exchange_request", other["id"], other["city"]["id"], closure(other["tags"], self._broader),
                    set(other["formats"]), {other["language"], *other["languages"]},
                )
                for other in self.requests
                if (other["status"], other["kind"]) == ("open", "seek")
                and self._may_answer(request, other["city"]["id"])
                and self._is_among(request["city"]["id"], other["addressed_to"])
            ]  # fmt: skip
        listed_ = [
            (
                "practice", practice["id"], practice["city"]["id"], closure(practice["tags"], self._broader),
                set(practice["offers"]), {practice["language"]},
            )
            for practice in self._practices
            if practice["accepting_exchanges"] and self._may_answer(request, practice["city"]["id"])
        ]  # fmt: skip
        cities: dict[str, tuple[set[str], set[str], set[str]]] = {}
        for _, _, city, *parts in listed_:
            for whole, part in zip(cities.setdefault(city, (set(), set(), set())), parts, strict=True):
                whole.update(part)
        return [*listed_, *(("city", city, city, *parts) for city, parts in cities.items())]

    def _may_answer(self, request: dict[str, Any], city: str) -> bool:
        is_owner = self._name in {OPERATOR, f"city:{request['city']['id']}"}
        states = {answer["status"] for answer in self._answers[request["id"]] if answer["city"]["id"] == city}
        has_ended = bool(states) and states <= {"declined", "withdrawn"}
        return (
            city != request["city"]["id"]
            and not (is_owner and has_ended)
            and self._is_among(city, request["addressed_to"])
        )  # fmt: skip

    def _is_among(self, city: str, addressed: list[str]) -> bool:
        names = {f"city:{city}", *(f"network:{network}" for network in self._cities[city]["networks"])}
        return not addressed or bool(names & set(addressed))

    async def _reasons(
        self, request: dict[str, Any], city_id: str, tags: set[str], formats: set[str], languages: set[str]
    ) -> Reasons:
        city, asking = self._cities[city_id], self._cities[request["city"]["id"]]
        preferred = request["preferred"] or {"countries": [], "population_band": None, "roles": []}
        own = set(request["tags"])
        related = {tag for one in own for tag in self._crosswalk[one]} - own
        band = preferred["population_band"] or asking["population_band"]
        roles = set(preferred["roles"] or asking["roles"])
        parts = {
            "tags": (own & tags, self._weight(own & tags, own)),
            "related_tags": (related & tags, self._weight(related & tags, related)),
            "formats": (formats & set(request["formats"]), share(formats, request["formats"])),
            "languages": (common := {request["language"], *request["languages"]} & {*languages, *city["languages"]},
                          bool(common)),
            "population_band": ({band} if band and band == city["population_band"] else set(), 1),
            "roles": (roles & set(city["roles"]), share(city["roles"], roles)),
            "mandates": ({*asking["mandates"]} & {*city["mandates"]}, share(city["mandates"], asking["mandates"])),
            "country": ({city["country"]} & set(preferred["countries"]), 1),
        }  # fmt: skip
        reasons: Reasons = {kind: (list(given), SHARES[kind] * part) for kind, (given, part) in parts.items() if given}
        answered = await self._answers_given(city_id)
        if number := answered["requests"]:
            words = [f"{number} request{'s' * (number > 1)}", f"median {answered['median_hours']:g} hours"]
            reasons["answered"] = (words, SHARES["answered"] * min(number, 5) / 5)
        return reasons

    def _weight(self, part: set[str], whole: set[str]) -> float:
        return sum(self._weights[tag] for tag in part) / (sum(self._weights[tag] for tag in whole) or 1)

    async def _answers_given(self, city: str) -> dict[str, Any]:
        if city not in self._given:
            stats = await self._client.get("/v1/stats", params={"city": city}, headers=self._headers)
            self._given[city] = stats.json()["answers_given"]
        return self._given[city]


def share(offered: Any, asked: Any) -> float:
    return len(set(offered) & set(asked)) / (len(set(asked)) or 1)
