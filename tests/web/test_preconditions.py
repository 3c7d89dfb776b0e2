"""Lists in headers, changes that change nothing, and paths that only look like a record's."""

from typing import Any

import pytest
from httpx import AsyncClient

from tests.conftest import Token
from tests.factories import make_practice

MONTREAL = "city:ca-montreal"
Lines = list[tuple[str, str]]


@pytest.mark.parametrize("others", ['"999-1o"', '"0-1o"', 'W/"1-1o"', '"strange"'])
async def test_one_tag_of_a_list_will_do(client: AsyncClient, token: Token, others: str) -> None:
    owner = await token(MONTREAL)
    practice = await make_practice(client, owner, publish=False)
    path = f"/v1/practices/{practice['id']}"
    tag = (await client.get(path, headers=owner)).headers["etag"]
    answer = await client.patch(path, json={"title": "By a list"}, headers={**owner, "If-Match": f"{others}, {tag}"})
    assert answer.status_code == 200, answer.text
    answer = await client.patch(path, json={"title": "Too late"}, headers={**owner, "If-Match": f"{others}, {tag}"})
    assert answer.status_code == 412


async def test_lines_of_one_list_are_one_list(client: AsyncClient, token: Token) -> None:
    owner = await token(MONTREAL)
    practice = await make_practice(client, owner)
    path = f"/v1/practices/{practice['id']}"
    tag = (await client.get(path)).headers["etag"]
    asked: list[tuple[Lines, int]] = [
        ([("If-None-Match", '"a"'), ("If-None-Match", tag)], 304),
        ([("Accept", "text/html"), ("Accept", "application/json")], 200),
        ([("Accept", "")], 200),
        ([("Accept", "text/html"), ("Accept", "image/png")], 406),
    ]
    for lines, status in asked:
        assert (await client.get(path, headers=lines)).status_code == status, lines
    tag = (await client.get(path, headers=owner)).headers["etag"]
    lines = [*owner.items(), ("If-Match", '"a"'), ("If-Match", tag)]
    assert (await client.patch(path, json={"title": "Changed"}, headers=lines)).status_code == 200


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PUT"])
async def test_facets_are_no_practice(client: AsyncClient, token: Token, method: str) -> None:
    owner = await token(MONTREAL)
    for headers in ({}, {**owner, "If-Match": "*"}):
        answer = await client.request(method, "/v1/practices/facets", headers=headers)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_a_patch_that_changes_nothing_makes_no_version(client: AsyncClient, token: Token) -> None:
    owner, operator = await token(MONTREAL), await token("operator")
    practice = await make_practice(client, owner, external_ids=[{"scheme": "cms", "value": "1"}], year_start=2010)
    asked = {"kind": "seek", "title": "Help", "need": "Cards", "tags": ["theme:housing"]}
    request = (await client.post("/v1/exchange-requests", json=asked, headers=owner)).json()
    made = await client.post("/v1/clients", json={"name": "One"}, headers=owner)
    patches: list[tuple[str, dict[str, Any]]] = [
        (f"/v1/practices/{practice['id']}", {"title": practice["title"], "year_start": 2010, "results": None}),
        (f"/v1/practices/{practice['id']}", {"external_ids": practice["external_ids"], "tags": practice["tags"]}),
        (f"/v1/exchange-requests/{request['id']}", {"need": "Cards", "expires_at": request["expires_at"]}),
        ("/v1/cities/ca-montreal", {"name": "Montreal", "names": {"en": "Montreal"}, "country": None}),
        ("/v1/networks/mmc", {}),
        (made.headers["location"], {"name": "One", "scopes": made.json()["scopes"]}),
    ]
    for path, patch in patches:
        caller = operator if path.startswith("/v1/networks") else owner
        before = await client.get(path, headers=caller)
        same = {name: before.json()[name] if value is None else value for name, value in patch.items()}
        same |= {"website": before.json()["website"]} if "networks" in path else {}
        same.pop("country", None)
        start = (await client.get("/v1/changes")).json()["next_cursor"]
        after = await client.patch(path, json=same, headers={**caller, "If-Match": before.headers["etag"]})
        assert (after.status_code, after.headers["etag"]) == (200, before.headers["etag"]), after.text
        assert after.json() == before.json()
        assert not (await client.get("/v1/changes", params={"cursor": start})).json()["items"]
    stale = {**owner, "If-Match": '"99-1"'}
    assert (await client.patch(patches[0][0], json={}, headers=stale)).status_code == 412
