"""GET /v1/practices: filters, paging, what it costs; who sees what is in test_visibility."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import AsyncClient, Response

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import make_practice

CITIES = {"a": "ca-montreal", "b": "gb-bristol", "c": "ug-kampala", "d": "ug-arua"}
RECORDS: dict[str, dict[str, Any]] = {
    "a": {
        "title": "Anna", "tags": ["theme:municipal-id", "gcm:4"], "language": "fr", "stage": "pilot",
        "budget_band": "under_10k", "evidence_level": 1, "offers": ["format:webinar"],
        "year_start": 2010, "year_end": 2012,
    },
    "b": {
        "title": "berta", "tags": ["theme:rights-and-documentation", "gcm:4", "gcm:15"], "language": "en",
        "stage": "ongoing", "budget_band": "over_5m", "evidence_level": 3,
        "offers": ["format:webinar", "format:study-visit"], "year_start": 2015,
    },
    "c": {
        "title": "Clara", "tags": ["theme:housing"], "language": "en", "stage": "completed", "evidence_level": 5,
        "year_start": 2011,
    },
    "d": {"title": "dora", "tags": [], "language": "en-GB", "year_end": 2009},
}  # fmt: skip


@pytest.fixture
async def ids(client: AsyncClient, token: Token, database: Database) -> dict[str, str]:
    """The ids of the records above, by their letters."""
    await database.execute("UPDATE city SET mandates = '{housing}' WHERE id = 'gb-bristol'")
    made = {}
    for letter, fields in RECORDS.items():
        headers = await token(f"city:{CITIES[letter]}")
        made[letter] = (await make_practice(client, headers, **fields))["id"]
    await database.execute("UPDATE practice SET published_at = now() - interval '3 years' WHERE id = $1", made["d"])
    return made


def letters_of(response: Response, ids: dict[str, str]) -> str:
    assert response.status_code == 200, response.text
    by_id = {id_: letter for letter, id_ in ids.items()}
    return "".join(by_id[item["id"]] for item in response.json()["items"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "dcba"),
        ("tag=theme:municipal-id", "a"),
        ("tag=theme:rights-and-documentation", "ba"),
        ("tag=theme:rights-and-documentation&tag=gcm:15", "b"),
        ("tag=gcm:4&tag=gcm:4", "ba"),
        ("tag=gcm:1", ""),
        ("tag=theme:no-such-tag", ""),
        ("any_tag=gcm:15&any_tag=theme:housing", "cb"),
        ("any_tag=theme:housing&tag=gcm:4", ""),
        ("city=gb-bristol", "b"),
        ("city=xx-nowhere", ""),
        ("country=UG", "dc"),
        ("network=mmc", "cba"),
        ("network=mmc-gcf", "dc"),
        ("language=en", "cb"),
        ("language=EN-gb", "d"),
        ("stage=pilot", "a"),
        ("budget_band=over_5m", "b"),
        ("population_band=l", "ca"),
        ("role=destination", "cba"),
        ("role=return", ""),
        ("mandate=housing", "b"),
        ("evidence_min=3", "cb"),
        ("evidence_min=0", "cba"),
        ("offers=format:webinar", "ba"),
        ("offers=format:study-visit", "b"),
        ("status=published", "dcba"),
        ("status=draft", ""),
        ("year_from=2013", "b"),
        ("year_from=2012", "ba"),
        ("year_from=2010", "cba"),
        ("year_to=2010", "da"),
        ("year_to=2010&year_from=2010", "a"),
        ("stale=true", "d"),
        ("stale=false", "cba"),
        ("country=UG&language=en&evidence_min=5", "c"),
        ("sort=title", "abcd"),
        ("sort=newest", "dcba"),
        ("sort=updated", "dcba"),
        ("updated_since=2199-12-31T00:00:00Z", ""),
        ("updated_since=1900-01-01T00:00:00%2B14:00", "dcba"),
        ("limit=2", "dc"),
    ],
)
async def test_filters(client: AsyncClient, ids: dict[str, str], query: str, expected: str) -> None:
    assert letters_of(await client.get(f"/v1/practices?{query}"), ids) == expected


async def test_what_is_newly_changed_comes_first_by_update_only(
    client: AsyncClient, token: Token, ids: dict[str, str]
) -> None:
    since = (datetime.now(UTC) + timedelta(milliseconds=1)).isoformat().replace("+00:00", "Z")
    await asyncio.sleep(0.005)
    headers = {**await token("city:ca-montreal"), "If-Match": "*"}
    assert (await client.patch(f"/v1/practices/{ids['a']}", json={"stage": "ongoing"}, headers=headers)).is_success
    assert letters_of(await client.get("/v1/practices?sort=updated"), ids) == "adcb"
    assert letters_of(await client.get("/v1/practices"), ids) == "dcba"
    assert letters_of(await client.get("/v1/practices", params={"updated_since": since}), ids) == "a"


@pytest.mark.parametrize("sort", ["newest", "updated", "title"])
@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_give_every_record_once_while_others_are_added(
    client: AsyncClient, token: Token, ids: dict[str, str], sort: str, limit: int
) -> None:
    headers = await token("city:de-berlin")
    address: str | None = f"/v1/practices?sort={sort}&limit={limit}"
    seen: list[str] = []
    while address:
        response = await client.get(address)
        assert len(response.json()["items"]) <= limit
        assert ("etag" in response.headers) == ("cursor" not in address)
        seen += [item["id"] for item in response.json()["items"]]
        address = response.links["next"]["url"] if "next" in response.links else None
        following = parse_qs(urlsplit(address).query)["cursor"] if address else [None]
        assert following == [response.json()["next_cursor"]]
        # `AAA` sorts before all that was seen: neither new nor old ones may shift the pages.
        await make_practice(client, headers, title="AAA", tags=[])
    assert seen == [ids[letter] for letter in {"title": "abcd"}.get(sort, "dcba")]


async def test_equal_keys_are_told_apart_by_id(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token("city:ca-montreal")
    made = {(await make_practice(client, headers, title="Same"))["id"] for _ in range(5)}
    await database.execute("UPDATE practice SET listed_at = now(), updated_at = now()")
    for sort in ("newest", "updated", "title"):
        seen, cursor = [], ""
        for _ in range(5):
            response = await client.get(f"/v1/practices?sort={sort}&limit=1{cursor}")
            seen.append(response.json()["items"][0]["id"])
            cursor = f"&cursor={response.json()['next_cursor']}"
        assert set(seen) == made, sort


async def test_a_cursor_fits_its_own_list_only(client: AsyncClient, ids: dict[str, str]) -> None:
    cursor = (await client.get("/v1/practices?language=en&limit=1")).json()["next_cursor"]
    good = await client.get(f"/v1/practices?language=en&limit=2&cursor={cursor}")
    assert letters_of(good, ids) == "b"
    timeline = f"/v1/practices/{ids['a']}/transitions"
    altered = cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")
    for address in (
        f"/v1/practices?limit=1&cursor={cursor}",
        f"/v1/practices?language=fr&cursor={cursor}",
        f"/v1/practices?language=en&sort=title&cursor={cursor}",
        f"{timeline}?cursor={cursor}",
        f"/v1/practices?language=en&cursor={altered}",
        f"/v1/practices?language=en&cursor={cursor}A",
        f"/v1/practices?language=en&cursor={cursor[1:]}",
        "/v1/practices?cursor=WyJhIl0",
        "/v1/practices?cursor=%F0%9F%99%82",
    ):
        refused = await client.get(address)
        assert refused.status_code == 400, address
        assert refused.json()["type"].endswith("/problems/invalid-cursor")


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ("tagg=theme:housing", 400, "?tagg"),
        ("words=housing", 400, "?words"),
        ("limit=1&limit=2", 400, "?limit"),
        ("limit=0", 422, "?limit"),
        ("limit=101", 422, "?limit"),
        ("limit=ten", 422, "?limit"),
        ("limit=99999999999999999999999", 422, "?limit"),
        ("tag=Housing", 422, "?tag"),
        ("country=ca", 422, "?country"),
        ("stage=running", 422, "?stage"),
        ("evidence_min=-1", 422, "?evidence_min"),
        ("evidence_min=6", 422, "?evidence_min"),
        ("year_from=1899", 422, "?year_from"),
        ("updated_since=yesterday", 422, "?updated_since"),
        ("updated_since=2026-02-30T00:00:00Z", 422, "?updated_since"),
        ("updated_since=2026-02-03", 422, "?updated_since"),
        ("sort=random", 422, "?sort"),
        ("stale=maybe", 422, "?stale"),
        ("status=lost", 422, "?status"),
        ("cursor=", 400, "?cursor"),
    ],
)
async def test_wrong_parameters_are_never_silence(client: AsyncClient, query: str, status: int, pointer: str) -> None:
    response = await client.get(f"/v1/practices?{query}")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (status, pointer)


async def test_the_first_page_has_an_etag(client: AsyncClient, token: Token) -> None:
    await make_practice(client, await token("city:gb-bristol"))
    first = await client.get("/v1/practices?limit=2")
    tag = first.headers["etag"]
    assert not tag.startswith("W/")
    for sent in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        same = await client.get("/v1/practices?limit=2", headers={"If-None-Match": sent})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    await make_practice(client, await token("city:ca-montreal"))
    assert (await client.get("/v1/practices?limit=2", headers={"If-None-Match": tag})).status_code == 200


async def test_caches_keep_what_anybody_sees(client: AsyncClient, token: Token) -> None:
    anonymous = await client.get("/v1/practices")
    member = await client.get("/v1/practices", headers=await token("city:ca-montreal"))
    assert "public" in anonymous.headers["cache-control"]
    assert "private" in member.headers["cache-control"]
    assert "Authorization" in anonymous.headers["vary"]


async def test_one_statement(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    headers = await token("city:ca-montreal")
    await client.get("/v1/practices", headers=headers)
    for sent in ({}, headers):
        with sql_count() as statements:
            await client.get("/v1/practices?tag=gcm:4&network=mmc&country=CA&limit=50", headers=sent)
        assert len(statements) == 1, statements
