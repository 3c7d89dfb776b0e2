"""GET /v1/practices/{id}/similar: who is found, in which order, and that the reasons are true."""

import math
import random
import re
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import Headers, make_practice

TAGS = ["theme:housing", "theme:municipal-id", "theme:access-without-fear", "gcm:4", "gcm:15", "gcr:2", "sdg:10.7"]
WORDS = ["card", "housing", "tenants", "library", "clinic", "residents", "mediation", "shelter", "with", "the"]
CITIES = ["ca-montreal", "sl-freetown", "gb-bristol"]


async def similar(client: AsyncClient, id_: str, headers: Headers | None = None, **params: Any) -> list[dict[str, Any]]:
    response = await client.get(f"/v1/practices/{id_}/similar", params=params, headers=headers or {})
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


@pytest.fixture
async def practices(client: AsyncClient, token: Token) -> list[dict[str, Any]]:
    """Twenty-four public practices of three cities."""
    pick, headers = random.Random(7), {city: await token(f"city:{city}") for city in CITIES}
    return [
        await make_practice(
            client, headers[pick.choice(CITIES)], tags=pick.sample(TAGS, pick.randint(0, 4)),
            title=" ".join(pick.sample(WORDS, 3)), summary=" ".join(pick.sample(WORDS, 4)),
            keywords=pick.sample(WORDS, pick.randint(0, 2)),
        )
        for _ in range(24)
    ]  # fmt: skip


def words_of(practice: dict[str, Any]) -> set[str]:
    """The words of four letters or more that are no English stop words."""
    text = " ".join([practice["title"], practice["summary"], *practice["keywords"]])
    return {word for word in re.findall(r"\w+", text.lower()) if len(word) >= 4} - {"with"}


def jaccard(left: list[str], right: list[str]) -> float:
    return len({*left} & {*right}) / (len({*left} | {*right}) or 1)


async def test_scores_and_order_are_those_of_the_formula(
    client: AsyncClient, database: Database, practices: list[dict[str, Any]]
) -> None:
    cities = {id_: (await client.get(f"/v1/cities/{id_}")).json() for id_ in CITIES}
    closures = {
        str(row["id"]): set(row["tag_closure"]) for row in await database.rows("SELECT id, tag_closure FROM practice")
    }
    counts = {tag: sum(tag in closure for closure in closures.values()) for tag in set().union(*closures.values())}
    weights = {tag: math.log(1 + len(practices) / (1 + count)) for tag, count in counts.items()}

    def score(one: dict[str, Any], other: dict[str, Any]) -> Any:
        left, right = closures[one["id"]], closures[other["id"]]
        first, own = {*one["tags"][:1], *other["tags"][:1]}, {*one["tags"], *other["tags"]}
        worth = {tag: weights[tag] * (2 if tag in first else 1 if tag in own else 0.35) for tag in left | right}
        shared, either = sum(worth[tag] for tag in left & right), sum(worth.values())
        mine, theirs = words_of(one), words_of(other)
        here, there = cities[one["city"]["id"]], cities[other["city"]["id"]]
        return (
            0.6 * (shared / either if either else 0)
            + 0.25 * len(mine & theirs) / math.sqrt(len(mine) * len(theirs))
            + 0.05 * (here["population_band"] == there["population_band"])
            + 0.05 * jaccard(here["roles"], there["roles"])
            + 0.05 * jaccard(here["mandates"], there["mandates"])
        )

    for one in practices:
        expected = {other["id"]: value for other in practices if other is not one and (value := score(one, other))}
        items = await similar(client, one["id"], limit=50)
        assert {item["id"] for item in items} == set(expected)
        assert [item["score"] for item in items] == sorted((item["score"] for item in items), reverse=True)
        for item in items:
            assert item["score"] == pytest.approx(expected[item["id"]], abs=0.0004)
            assert item["score"] == pytest.approx(sum(reason["score"] for reason in item["reasons"]))
        assert [item["id"] for item in await similar(client, one["id"], limit=3)] == [item["id"] for item in items[:3]]


async def test_reasons_are_true(client: AsyncClient, practices: list[dict[str, Any]]) -> None:
    vocabularies = [
        (await client.get(f"/v1/tags?scheme={name}&limit=100")).json()["items"] for name in ("theme", "sdg")
    ]
    broader = {tag["id"]: tag["broader"] for tags in vocabularies for tag in tags}
    cities = {id_: (await client.get(f"/v1/cities/{id_}")).json() for id_ in CITIES}
    kinds = set()
    for one in practices:
        for item in await similar(client, one["id"]):
            for reason in item["reasons"]:
                kinds.add(reason["kind"])
                for practice in (one, item):
                    known = {
                        "tags": {*practice["tags"], *(broader.get(tag) for tag in practice["tags"])},
                        "words": words_of(practice),
                        "population_band": {cities[practice["city"]["id"]]["population_band"]},
                        "roles": set(cities[practice["city"]["id"]]["roles"]),
                        "mandates": set(cities[practice["city"]["id"]]["mandates"]),
                    }[reason["kind"]]
                    assert reason["values"]
                    assert set(reason["values"]) <= known, (reason, practice)
    assert {"tags", "words", "population_band", "roles"} <= kinds


async def test_a_rare_tag_weighs_more_than_a_common_one(client: AsyncClient, token: Token) -> None:
    owner = await token("city:ca-montreal")
    for number in range(6):
        await make_practice(client, owner, publish=False, title=f"A{number}", tags=["gcm:4"])
    this = await make_practice(client, owner, title="This", tags=["gcm:4", "gcr:2"], summary="Zzz yyy.")
    for number in range(5):
        await make_practice(client, owner, title=f"C{number}", tags=["gcm:4"], summary=f"C{number}.")
    rare = await make_practice(client, owner, title="R", tags=["gcr:2"], summary="R.")
    first, *others = await similar(client, this["id"])
    assert first["id"] == rare["id"]
    assert first["reasons"][0]["values"] == ["gcr:2"]
    assert {item["reasons"][0]["values"][0] for item in others} == {"gcm:4"}
    assert len(others) == 5


async def test_what_one_may_not_see_is_not_found(client: AsyncClient, token: Token) -> None:
    owner, other = await token("city:ca-montreal"), await token("city:gb-bristol")
    this = await make_practice(client, owner)
    made = {
        "public": await make_practice(client, owner),
        "members": await make_practice(client, owner, visibility="members"),
        "draft": await make_practice(client, owner, publish=False),
        "c40": await make_practice(client, owner, visibility="network:c40"),
    }
    names = {practice["id"]: name for name, practice in made.items()}
    found = [
        {names[item["id"]] for item in await similar(client, this["id"], headers)} for headers in ({}, other, owner)
    ]
    assert found == [{"public"}, {"public", "members"}, {"public", "members", "c40"}]
    for name, status in (("public", 200), ("members", 404), ("draft", 404)):
        answer = await client.get(f"/v1/practices/{made[name]['id']}/similar")
        assert answer.status_code == status
    assert len(await similar(client, made["draft"]["id"], owner)) == 4


async def test_a_record_without_anything_in_common(client: AsyncClient, token: Token) -> None:
    this = await make_practice(client, await token("city:ca-montreal"), tags=[], title="X", summary="Y.")
    assert await similar(client, this["id"]) == []
    await make_practice(client, await token("city:ca-montreal"), tags=[], title="Z", summary="W.")
    [other] = await similar(client, this["id"])
    assert {reason["kind"] for reason in other["reasons"]} <= {"population_band", "roles", "mandates"}


async def test_one_statement_and_an_entity_tag(
    client: AsyncClient, practices: list[dict[str, Any]], sql_count: SqlCount
) -> None:
    path = f"/v1/practices/{practices[0]['id']}/similar"
    with sql_count() as statements:
        answer = await client.get(path)
    assert len(statements) == 1
    assert (await client.get(path, headers={"If-None-Match": answer.headers["etag"]})).status_code == 304


@pytest.mark.parametrize(
    ("more", "status"),
    [("?limit=0", 422), ("?limit=51", 422), ("?limit=x", 422), ("?cursor=a", 400), ("?tag=gcm:4", 400)],
)
async def test_what_is_refused(client: AsyncClient, token: Token, more: str, status: int) -> None:
    this = await make_practice(client, await token("city:ca-montreal"))
    assert (await client.get(f"/v1/practices/{this['id']}/similar{more}")).status_code == status


async def test_there_is_no_such_practice(client: AsyncClient) -> None:
    for id_ in ("01a0c45f-1200-7c3d-ba41-18d8c17a6cf0", "x", "%00"):
        assert (await client.get(f"/v1/practices/{id_}/similar")).status_code == 404
