"""Exchange requests over HTTP: made, found, changed, cancelled, and over by the clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from app.resources.exchanges.commands import expire_due
from tests.conftest import SqlCount, Token
from tests.factories import Headers, make_practice, make_request, request_body

PATH = "/v1/exchange-requests"
MONTREAL, FREETOWN = "city:ca-montreal", "city:sl-freetown"


@pytest.fixture
async def owner(token: Token) -> Headers:
    return await token(MONTREAL)


async def found(client: AsyncClient, headers: Headers | None = None, **params: Any) -> list[str]:
    response = await client.get(PATH, params=params, headers=headers)
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]


async def test_a_request_is_open_for_ninety_days(client: AsyncClient, owner: Headers) -> None:
    made = await client.post(PATH, json=request_body(), headers=owner)
    assert made.status_code == 201
    document = made.json()
    assert made.headers["location"].endswith(f"{PATH}/{document['id']}")
    assert (document["status"], document["city"]["id"], document["version"]) == ("open", "ca-montreal", 1)
    assert document["allowed_transitions"] == ["cancelled"]
    left = datetime.fromisoformat(document["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < left <= timedelta(days=90)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"tags": ["theme:nothing"]}, "/tags/0"),
        ({"formats": ["theme:housing"]}, "/formats/0"),
        ({"practice_id": "01a0c45f-1200-7c3d-ba41-18d8c17a6c00"}, "/practice_id"),
        ({"addressed_to": ["city:xx-nowhere"]}, "/addressed_to/0"),
        ({"needed_by": "2020-01-01"}, "/needed_by"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2190-01-01T00:00:00Z"}, "/expires_at"),
        ({"title": ""}, "/title"),
        ({"kind": "beg"}, "/kind"),
        ({"unknown": 1}, "/unknown"),
    ],
)
async def test_what_is_refused(client: AsyncClient, owner: Headers, change: dict[str, Any], pointer: str) -> None:
    response = await client.post(PATH, json=request_body(**change), headers=owner)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"] == pointer
    assert await found(client, owner, mine=True) == []


async def test_a_request_for_those_addressed_must_address_someone(client: AsyncClient, owner: Headers) -> None:
    response = await client.post(PATH, json=request_body(visibility="addressed"), headers=owner)
    assert response.status_code == 422
    assert "address" in response.json()["errors"][0]["detail"]


async def test_an_operator_names_the_city(client: AsyncClient, token: Token) -> None:
    operator = await token("operator")
    missing = await client.post(PATH, json=request_body(), headers=operator)
    unknown = await client.post(PATH, json=request_body(city_id="xx-nowhere"), headers=operator)
    made = await client.post(PATH, json=request_body(city={"id": "sl-freetown"}), headers=operator)
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (422, "/city_id")
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/city_id")
    assert (made.status_code, made.json()["city"]["id"]) == (201, "sl-freetown")


async def test_filters(client: AsyncClient, owner: Headers, token: Token) -> None:
    seek = await make_request(client, owner, tags=["theme:municipal-id"], language="fr", languages=["fr", "en"])
    offer = await make_request(
        client, await token(FREETOWN), kind="offer", formats=["format:study-visit"], tags=["theme:housing"],
        languages=["pt"], addressed_to=[MONTREAL],
    )  # fmt: skip
    both = [offer["id"], seek["id"]]
    assert await found(client) == both
    assert await found(client, kind="offer") == both[:1]
    assert await found(client, format="format:webinar") == both[1:]
    assert await found(client, tag="theme:housing") == both[:1]
    assert await found(client, city="ca-montreal") == both[1:]
    assert await found(client, addressed_to=MONTREAL) == both[:1]
    assert await found(client, language="fr") == both[1:]
    assert await found(client, language="pt") == both[:1]
    assert await found(client, status="cancelled") == []
    assert await found(client, owner, mine=True) == both
    assert await found(client, await token("city:gb-bristol"), mine=True) == []
    assert (await client.get(PATH, params={"mne": "true"})).status_code == 400


async def test_a_tag_matches_its_narrower_ones(client: AsyncClient, owner: Headers) -> None:
    narrow = (await client.get("/v1/tags/sdg:10.7")).json()
    request = await make_request(client, owner, tags=["sdg:10.7"])
    assert await found(client, tag=narrow["broader"]) == [request["id"]]


async def test_visibility(client: AsyncClient, owner: Headers, token: Token) -> None:
    hidden = {"title": "hushword", "need": "hushword"}
    members = await make_request(client, owner, visibility="members", **hidden)
    addressed = await make_request(client, owner, visibility="addressed", addressed_to=[FREETOWN], **hidden)
    for headers, seen in (
        ({}, []),
        (await token("city:gb-bristol"), [members["id"]]),
        (await token(FREETOWN), [addressed["id"], members["id"]]),
        (await token(FREETOWN, "practices:write"), []),
        (owner, [addressed["id"], members["id"]]),
    ):
        assert await found(client, headers) == seen
        for request in (members, addressed):
            answer = await client.get(f"{PATH}/{request['id']}", headers=headers)
            assert answer.status_code == (200 if request["id"] in seen else 404)
            assert ("hushword" in answer.text) == (request["id"] in seen)
    feed = await client.get("/v1/changes", params={"limit": 1000, "type": "exchange_request"})
    assert "hushword" not in feed.text


async def test_a_patch_changes_what_it_names(client: AsyncClient, owner: Headers) -> None:
    request = await make_request(client, owner, preferred={"countries": ["FR"]}, expires_at="2027-06-01T00:00:00Z")
    path = f"{PATH}/{request['id']}"
    etag = (await client.get(path, headers=owner)).headers["etag"]
    patch = {"costs_covered": "travel", "preferred": None}
    changed = await client.patch(path, json=patch, headers={**owner, "If-Match": etag})
    assert changed.status_code == 200, changed.text
    same = {"updated_at": ..., "version": 2, "costs_covered": "travel", "preferred": None}
    assert {**changed.json(), "updated_at": ...} == {**request, **same}
    stale = await client.patch(path, json=patch, headers={**owner, "If-Match": etag})
    assert stale.status_code == 412
    assert (await client.patch(path, json=patch, headers=owner)).status_code == 428


async def test_a_cancelled_request_says_why_and_is_beyond_change(client: AsyncClient, owner: Headers) -> None:
    request = await make_request(client, owner)
    moves = f"{PATH}/{request['id']}/transitions"
    bare = await client.post(moves, json={"to": "cancelled"}, headers=owner)
    assert (bare.status_code, bare.json()["errors"][0]["pointer"]) == (422, "/reason")
    done = await client.post(moves, json={"to": "cancelled", "reason": "no_match", "note": "Alas"}, headers=owner)
    assert (done.json()["status"], done.json()["closed_reason"]) == ("cancelled", "no_match")
    assert done.json()["allowed_transitions"] == []
    again = await client.post(moves, json={"to": "cancelled", "reason": "no_match"}, headers=owner)
    assert (again.status_code, again.json()["allowed"]) == (409, [])
    patch = await client.patch(f"{PATH}/{request['id']}", json={"title": "x"}, headers={**owner, "If-Match": "*"})
    assert patch.status_code == 409
    for headers, note in ((owner, "Alas"), ({}, None)):
        steps = (await client.get(moves, headers=headers)).json()["items"]
        assert [(step["from"], step["to"], step["organization"], step["reason"], step["note"]) for step in steps] == [
            (None, "open", MONTREAL, None, None),
            ("open", "cancelled", MONTREAL, "no_match", note),
        ]


async def test_the_addressed_ask_for_more(client: AsyncClient, owner: Headers, token: Token) -> None:
    request = await make_request(client, owner, addressed_to=[FREETOWN])
    moves = f"{PATH}/{request['id']}/transitions"
    freetown = await token(FREETOWN)
    shown = await client.get(f"{PATH}/{request['id']}", headers=freetown)
    assert shown.json()["allowed_transitions"] == ["returned"]
    assert (await client.post(moves, json={"to": "returned"}, headers=freetown)).status_code == 422
    assert (await client.post(moves, json={"to": "returned", "note": "Which?"}, headers=owner)).status_code == 409
    returned = await client.post(moves, json={"to": "returned", "note": "Which papers?"}, headers=freetown)
    assert returned.json()["status"] == "returned"
    # It is opened again after a change, and by its city alone.
    early = await client.post(moves, json={"to": "open"}, headers=owner)
    assert (early.status_code, early.json()["allowed"]) == (409, ["cancelled"])
    patch = {"need": "We look for a city that takes any paper."}
    changed = await client.patch(f"{PATH}/{request['id']}", json=patch, headers={**owner, "If-Match": "*"})
    assert changed.json()["allowed_transitions"] == ["open", "cancelled"]
    assert (await client.post(moves, json={"to": "open"}, headers=freetown)).status_code == 409
    reopened = await client.post(moves, json={"to": "open"}, headers=owner)
    assert reopened.json()["status"] == "open"
    # A second return wants a second change; its note is for those who are concerned.
    await client.post(moves, json={"to": "returned", "note": "hushword: and who pays?"}, headers=freetown)
    assert (await client.post(moves, json={"to": "open"}, headers=owner)).status_code == 409
    for headers, is_told in ((owner, True), (freetown, True), (await token("city:gb-bristol"), False), ({}, False)):
        assert ("hushword" in (await client.get(moves, headers=headers)).text) == is_told


async def test_what_is_due_expires_once(client: AsyncClient, owner: Headers, database: Database) -> None:
    request = await make_request(client, owner)
    await make_request(client, owner)
    await database.execute(
        "UPDATE exchange_request SET created_at = now() - interval '2 days', expires_at = now() - interval '1 day'"
        " WHERE id = $1::uuid",
        request["id"],
    )
    async with database.transaction() as connection:
        assert await expire_due(connection) == 1
        assert await expire_due(connection) == 0
    document = (await client.get(f"{PATH}/{request['id']}", headers=owner)).json()
    assert (document["status"], document["allowed_transitions"]) == ("expired", ["open"])
    moves = f"{PATH}/{request['id']}/transitions"
    late = {"to": "open", "expires_at": (datetime.now(UTC) + timedelta(days=30)).isoformat()}
    assert (await client.post(moves, json={"to": "open"}, headers=owner)).status_code == 422
    assert (await client.post(moves, json=late, headers=owner)).json()["status"] == "open"
    steps = (await client.get(moves)).json()["items"]
    assert [step["to"] for step in steps] == ["open", "expired", "open"]
    assert steps[1]["organization"] == "system"
    first = (await client.get(moves, params={"limit": 1})).json()
    second = (await client.get(moves, params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert [first["items"], second["items"]] == [steps[:1], steps[1:2]]


async def test_reads_are_one_statement(client: AsyncClient, owner: Headers, sql_count: SqlCount) -> None:
    request = await make_request(client, owner)
    await client.get("/v1/me", headers=owner)
    for path in (PATH, f"{PATH}/{request['id']}", f"{PATH}/{request['id']}/transitions"):
        with sql_count() as statements:
            assert (await client.get(path, headers=owner)).status_code == 200
        assert len(statements) == 1, path


async def test_a_request_may_name_a_practice_that_its_city_sees(client: AsyncClient, owner: Headers) -> None:
    draft = await make_practice(client, owner, publish=False)
    request = await make_request(client, owner, kind="offer", practice_id=draft["id"])
    assert request["practice_id"] == draft["id"]
