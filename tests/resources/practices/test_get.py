"""GET /v1/practices/{id}: who sees it, entity tags, what is left of an ended one."""

from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import Headers, make_practice

OWNER = "city:ca-montreal"
# Montréal and Bristol are in mmc, Toronto is in no network, Vienna in others.
CALLERS = ("anonymous", "city:ca-toronto", "city:gb-bristol", "network:mmc", "network:c40", OWNER, "operator")
CONTACT = {"unit": "Office for Newcomers", "email": "newcomers@montreal.example"}
SEEN_BY = {
    "public": set(CALLERS),
    "members": set(CALLERS) - {"anonymous"},
    "network:mmc": {"city:gb-bristol", "network:mmc", OWNER, "operator"},
    "network:c40": {"network:c40", OWNER, "operator"},
}


async def headers_of(token: Token, caller: str) -> Headers:
    return {} if caller == "anonymous" else await token(caller)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("visibility", SEEN_BY)
async def test_who_sees_a_published_practice(client: AsyncClient, token: Token, visibility: str, caller: str) -> None:
    made = await make_practice(client, await token(OWNER), visibility=visibility, contact=CONTACT)
    headers = await headers_of(token, caller)
    response = await client.get(f"/v1/practices/{made['id']}", headers=headers)
    listed = (await client.get("/v1/practices", headers=headers)).json()["items"]
    timeline = await client.get(f"/v1/practices/{made['id']}/transitions", headers=headers)
    if caller in SEEN_BY[visibility]:
        assert (response.status_code, timeline.status_code, len(listed)) == (200, 200, 1)
        assert response.json()["contact"] == (None if caller == "anonymous" else CONTACT)
        assert ("published" in str(response.json()["allowed_transitions"])) is False
    else:
        assert (response.status_code, timeline.status_code, listed) == (404, 404, [])


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(
    ("moves", "status", "seen_by"),
    [
        ([], "draft", {OWNER, "operator"}),
        ([{"to": "submitted", "network": "mmc"}], "submitted", {OWNER, "operator", "network:mmc"}),
        ([{"to": "published"}, {"to": "archived"}], "archived", {OWNER, "operator"}),
    ],
)
async def test_who_sees_what_is_not_published(
    client: AsyncClient, token: Token, moves: list[dict[str, Any]], status: str, seen_by: set[str], caller: str
) -> None:
    owner = await token(OWNER)
    made = await make_practice(client, owner, publish=False)
    for move in moves:
        moved = await client.post(f"/v1/practices/{made['id']}/transitions", json=move, headers=owner)
        assert moved.status_code == 200, moved.text
    headers = await headers_of(token, caller)
    response = await client.get(f"/v1/practices/{made['id']}", headers=headers)
    listed = (await client.get(f"/v1/practices?status={status}", headers=headers)).json()["items"]
    unsaid = (await client.get("/v1/practices", headers=headers)).json()["items"]
    expected = (200, 1) if caller in seen_by else (404, 0)
    assert (response.status_code, len(listed), unsaid) == (*expected, [])


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("visibility", SEEN_BY)
async def test_who_sees_a_tombstone(client: AsyncClient, token: Token, visibility: str, caller: str) -> None:
    owner = await token(OWNER)
    made = await make_practice(client, owner, visibility=visibility)
    move = {"to": "withdrawn", "note": "We stopped it."}
    moved = await client.post(f"/v1/practices/{made['id']}/transitions", json=move, headers=owner)
    headers = await headers_of(token, caller)
    response = await client.get(f"/v1/practices/{made['id']}", headers=headers)
    if caller not in SEEN_BY[visibility]:
        assert response.status_code == 404
        return
    assert response.status_code == 410
    assert response.json()["tombstone"] == moved.json()
    assert moved.json() | {"id": made["id"], "status": "withdrawn", "note": "We stopped it.", "successor": None} == (
        moved.json()
    )
    known = {**headers, "If-None-Match": moved.headers["etag"]}
    assert (await client.get(f"/v1/practices/{made['id']}", headers=known)).status_code == 410


async def test_a_merged_one_leads_to_its_successor(client: AsyncClient, token: Token) -> None:
    owner = await token(OWNER)
    old, new = await make_practice(client, owner), await make_practice(client, owner)
    move = {"to": "merged", "successor": new["id"]}
    await client.post(f"/v1/practices/{old['id']}/transitions", json=move, headers=owner)
    response = await client.get(f"/v1/practices/{old['id']}")
    assert (response.status_code, response.headers["location"]) == (301, f"/v1/practices/{new['id']}")
    assert response.json()["successor"] == new["id"]
    assert "max-age=0" in response.headers["cache-control"]
    assert (await client.get(f"/v1/practices/{old['id']}", follow_redirects=True)).json()["id"] == new["id"]


@pytest.mark.parametrize(
    "id_", ["0198c0de-0000-7000-8000-000000000000", "1", "None", "%00", "0198c0de", "..%2F..%2Fetc", "x" * 5000]
)
async def test_what_is_not_there(client: AsyncClient, id_: str) -> None:
    response = await client.get(f"/v1/practices/{id_}")
    assert (response.status_code, response.json()["type"].rsplit("/", 1)[1]) == (404, "not-found")


async def test_the_etag_tells_versions_and_variants_apart(client: AsyncClient, token: Token) -> None:
    owner = await token(OWNER)
    path = f"/v1/practices/{(await make_practice(client, owner, contact=CONTACT))['id']}"
    tags = {
        caller: (await client.get(path, headers=await headers_of(token, caller))).headers["etag"] for caller in CALLERS
    }
    assert tags["anonymous"] != tags["city:ca-toronto"] != tags[OWNER]
    assert not any(tag.startswith("W/") for tag in tags.values())
    for caller in ("anonymous", OWNER):
        headers = await headers_of(token, caller)
        for sent in (tags[caller], f'"other", {tags[caller]}', f"W/{tags[caller]}", "*"):
            same = await client.get(path, headers={**headers, "If-None-Match": sent})
            assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tags[caller])
    assert (await client.get(path, headers={"If-None-Match": tags[OWNER]})).status_code == 200
    await client.patch(path, json={"stage": "pilot"}, headers={**owner, "If-Match": tags[OWNER]})
    assert (await client.get(path, headers={"If-None-Match": tags["anonymous"]})).status_code == 200


async def test_a_new_name_of_the_city_is_a_new_entity(client: AsyncClient, token: Token, database: Database) -> None:
    path = f"/v1/practices/{(await make_practice(client, await token(OWNER)))['id']}"
    tag = (await client.get(path)).headers["etag"]
    await database.execute("UPDATE city SET name = 'Tiohtià:ke', version = version + 1 WHERE id = 'ca-montreal'")
    renamed = await client.get(path, headers={"If-None-Match": tag})
    assert (renamed.status_code, renamed.json()["city"]["name"]) == (200, "Tiohtià:ke")


async def test_caches(client: AsyncClient, token: Token) -> None:
    owner = await token(OWNER)
    path = f"/v1/practices/{(await make_practice(client, owner))['id']}"
    anonymous, member = await client.get(path), await client.get(path, headers=owner)
    assert "public" in anonymous.headers["cache-control"]
    assert "private" in member.headers["cache-control"]
    assert {"Authorization", "Accept"} <= {part.strip() for part in anonymous.headers["vary"].split(",")}


async def test_one_statement(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    owner = await token(OWNER)
    path = f"/v1/practices/{(await make_practice(client, owner))['id']}"
    for headers in ({}, owner):
        tag = (await client.get(path, headers=headers)).headers["etag"]
        for sent in (headers, {**headers, "If-None-Match": tag}):
            with sql_count() as statements:
                await client.get(path, headers=sent)
            assert len(statements) == 1, statements
