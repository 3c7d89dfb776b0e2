"""Adoptions over HTTP: who writes, what counts, the graph, and what a change of the practice means for them."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient

from tests.conftest import SqlCount, Token
from tests.factories import Headers, make_adoption, make_exchange, make_practice

ORIGIN, ADOPTER, THIRD = "city:ca-montreal", "city:sl-freetown", "city:gb-bristol"


@pytest.fixture
async def callers(token: Token) -> dict[str, Headers]:
    return {name: await token(name) for name in (ORIGIN, ADOPTER, THIRD)}


@pytest.fixture
async def practice(client: AsyncClient, callers: dict[str, Headers]) -> dict[str, Any]:
    return await make_practice(client, callers[ORIGIN], title="Identity card")


def path_of(adoption: dict[str, Any]) -> str:
    return f"/v1/practices/{adoption['practice_id']}/adoptions/{adoption['id']}"


async def patch(client: AsyncClient, headers: Headers, adoption: dict[str, Any], **changes: Any) -> Any:
    return await client.patch(path_of(adoption), json=changes, headers={**headers, "If-Match": "*"})


async def test_an_adoption_counts_and_changes_the_practice(
    client: AsyncClient, callers: dict[str, Headers], practice: dict[str, Any]
) -> None:
    path = f"/v1/practices/{practice['id']}"
    before = (await client.get(path)).headers["etag"]
    adoption = await make_adoption(client, callers[ADOPTER], practice["id"], what_was_kept="The idea")
    assert (adoption["city"]["id"], adoption["stage"], adoption["practice_version"], adoption["version"]) == (
        "sl-freetown", "adapting", practice["version"], 1,
    )  # fmt: skip
    after = await client.get(path)
    assert (after.json()["adoption_count"], after.headers["etag"] != before) == (1, True)
    assert (after.json()["version"], after.json()["updated_at"]) == (practice["version"], practice["updated_at"])
    again = await client.post(f"{path}/adoptions", json={}, headers=callers[ADOPTER])
    assert again.status_code == 409
    assert (await client.get(path)).json()["adoption_count"] == 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"stage": "stopped"}, "/why_stopped"),
        ({"stage": "done"}, "/stage"),
        ({"practice_version": 99}, "/practice_version"),
        ({"resulting_practice_id": "01a0c45f-1200-7c3d-ba41-18d8c17a6c00"}, "/resulting_practice_id"),
        ({"exchange_request_id": "01a0c45f-1200-7c3d-ba41-18d8c17a6c00"}, "/exchange_request_id"),
        ({"evidence_url": "javascript:alert(1)"}, "/evidence_url"),
        ({"confirmed_by_origin": True}, "/confirmed_by_origin"),
    ],
)
async def test_what_is_refused(
    client: AsyncClient, callers: dict[str, Headers], practice: dict[str, Any], changes: dict[str, Any], pointer: str
) -> None:
    path = f"/v1/practices/{practice['id']}/adoptions"
    response = await client.post(path, json=changes, headers=callers[ADOPTER])
    assert response.status_code == 422, response.text
    told = response.json()["errors"][0]
    assert told["pointer"] == pointer or pointer.strip("/") in told["detail"]
    assert (await client.get(path)).json()["items"] == []


async def test_only_the_adopting_city_writes_and_the_origin_confirms(
    client: AsyncClient, callers: dict[str, Headers], practice: dict[str, Any]
) -> None:
    adoption = await make_adoption(client, callers[ADOPTER], practice["id"])
    confirmation = f"{path_of(adoption)}/confirmation"
    for name in (ADOPTER, THIRD):
        assert (await client.post(confirmation, headers=callers[name])).status_code == 403
    confirmed = await client.post(confirmation, headers=callers[ORIGIN])
    assert (confirmed.json()["confirmed_by_origin"], confirmed.json()["version"]) == (True, 2)
    assert (await client.post(confirmation, headers=callers[ORIGIN])).json()["version"] == 2
    assert (await patch(client, callers[ORIGIN], adoption, stage="scaled")).status_code == 403
    same = await patch(client, callers[ADOPTER], adoption, stage="adapting")
    assert (same.json()["version"], same.json()["confirmed_by_origin"]) == (2, True)
    changed = await patch(client, callers[ADOPTER], adoption, stage="stopped", why_stopped="The law changed")
    assert (changed.json()["version"], changed.json()["confirmed_by_origin"]) == (3, False)
    stale = await client.patch(path_of(adoption), json={}, headers={**callers[ADOPTER], "If-Match": '"1-1"'})
    assert stale.status_code == 412
    assert (await client.patch(path_of(adoption), json={}, headers=callers[ADOPTER])).status_code == 428


async def test_null_removes_and_a_stopped_adoption_goes_on(
    client: AsyncClient, callers: dict[str, Headers], practice: dict[str, Any]
) -> None:
    adoption = await make_adoption(client, callers[ADOPTER], practice["id"], results="Many", started_on="2026-01-02")
    await client.post(f"{path_of(adoption)}/confirmation", headers=callers[ORIGIN])
    removed = (await patch(client, callers[ADOPTER], adoption, results=None, started_on=None)).json()
    assert (removed["results"], removed["started_on"], removed["confirmed_by_origin"]) == (None, None, False)
    assert removed["version"] == 3
    assert (await patch(client, callers[ADOPTER], adoption, stage="stopped")).status_code == 422
    stopped = (await patch(client, callers[ADOPTER], adoption, stage="stopped", why_stopped="No money")).json()
    assert (await patch(client, callers[ADOPTER], adoption, why_stopped=None)).status_code == 422
    running = (await patch(client, callers[ADOPTER], adoption, stage="running")).json()
    assert (stopped["stage"], running["stage"], running["why_stopped"]) == ("stopped", "running", "No money")


async def test_counts_after_adoptions_at_once(
    client: AsyncClient, callers: dict[str, Headers], practice: dict[str, Any]
) -> None:
    path = f"/v1/practices/{practice['id']}/adoptions"
    names = (ADOPTER, THIRD, ADOPTER, THIRD, ADOPTER)
    answers = await asyncio.gather(*(client.post(path, json={}, headers=callers[name]) for name in names))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409]
    listed = (await client.get("/v1/practices")).json()["items"]
    [told] = (await client.get("/v1/changes?type=practice")).json()["items"]
    single = (await client.get(f"/v1/practices/{practice['id']}")).json()
    counts = [item["adoption_count"] for item in (single, *listed, told["data"])]
    assert counts == [2, 2, 2] == [len((await client.get(path)).json()["items"])] * 3


async def test_a_variant_that_vanishes_is_no_longer_what_came_of_it(
    client: AsyncClient, callers: dict[str, Headers], practice: dict[str, Any]
) -> None:
    draft = await make_practice(client, callers[ADOPTER], publish=False)
    adoption = await make_adoption(client, callers[ADOPTER], practice["id"], resulting_practice_id=draft["id"])
    gone = await client.delete(f"/v1/practices/{draft['id']}", headers={**callers[ADOPTER], "If-Match": "*"})
    assert gone.status_code == 204
    left = (await client.get(path_of(adoption))).json()
    assert (left["resulting_practice_id"], left["version"]) == (None, 2)
    assert (await client.get("/v1/changes?type=adoption")).json()["items"][-1]["data"] == left


async def test_an_adoption_enters_the_feed_when_its_practice_becomes_public(
    client: AsyncClient, callers: dict[str, Headers]
) -> None:
    hidden = await make_practice(client, callers[ORIGIN], visibility="members")
    adoption = await make_adoption(client, callers[ADOPTER], hidden["id"])
    assert (await client.get("/v1/changes?type=adoption")).json()["items"] == []
    change = {"visibility": "public"}
    path = f"/v1/practices/{hidden['id']}"
    await client.patch(path, json=change, headers={**callers[ORIGIN], "If-Match": "*"})
    [told] = (await client.get("/v1/changes?type=adoption")).json()["items"]
    assert (told["op"], told["data"]) == ("upsert", (await client.get(path_of(adoption))).json())


async def test_an_exchange_that_the_city_had_part_in(
    client: AsyncClient, callers: dict[str, Headers], practice: dict[str, Any]
) -> None:
    request_id, _ = await make_exchange(client, callers[ADOPTER], callers[ORIGIN], visibility="members")
    adoption = await make_adoption(client, callers[ADOPTER], practice["id"], exchange_request_id=request_id)
    assert adoption["exchange_request_id"] == request_id
    outcome = {"summary": "Adopted", "useful": 5, "led_to": "adoption", "adoption_id": adoption["id"], "public": True}
    request = f"/v1/exchange-requests/{request_id}"
    told = await client.patch(request, json={"outcome": outcome}, headers={**callers[ADOPTER], "If-Match": "*"})
    assert told.json()["outcome"] == outcome
    wrong = {**outcome, "adoption_id": request_id}
    refused = await client.patch(request, json={"outcome": wrong}, headers={**callers[ADOPTER], "If-Match": "*"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/outcome/adoption_id")
    path = f"/v1/practices/{practice['id']}/adoptions"
    stranger = await client.post(path, json={"exchange_request_id": request_id}, headers=callers[THIRD])
    assert stranger.status_code == 422


async def test_lineage_up_and_down(client: AsyncClient, callers: dict[str, Headers], practice: dict[str, Any]) -> None:
    chain = [practice]
    for name in (ADOPTER, THIRD):
        variant = await make_practice(client, callers[name], title=f"As in {name}")
        await make_adoption(client, callers[name], chain[-1]["id"], resulting_practice_id=variant["id"])
        chain.append(variant)
    first, second, third = (item["id"] for item in chain)

    async def lineage(id_: str, depth: int = 3) -> tuple[list[tuple[str, int]], list[tuple[str, str]]]:
        graph = (await client.get(f"/v1/practices/{id_}/adoptions/lineage", params={"depth": depth})).json()
        nodes = [(node["id"], node["distance"]) for node in graph["nodes"]]
        return nodes, [(edge["from"], edge["to"]) for edge in graph["edges"]]

    edges = [(first, second), (second, third)]
    assert await lineage(first) == ([(first, 0), (second, 1), (third, 2)], edges)
    assert await lineage(second) == ([(first, -1), (second, 0), (third, 1)], edges)
    assert await lineage(third, depth=1) == ([(second, -1), (third, 0)], edges[1:])
    documented = await client.get(f"/v1/practices/{first}/adoptions/lineage?depth=2")
    assert (await client.get(f"/v1/practices/{first}/lineage?depth=2")).json() == documented.json()
    assert (await client.get(f"/v1/practices/{first}/adoptions/lineage?depth=11")).status_code == 422
    # A circle is refused, and what is not public ends the way.
    back = await client.post(
        f"/v1/practices/{third}/adoptions", json={"resulting_practice_id": first}, headers=callers[ORIGIN]
    )
    assert (back.status_code, back.json()["errors"][0]["code"]) == (422, "circle")
    move = {"to": "archived"}
    await client.post(f"/v1/practices/{second}/transitions", json=move, headers=callers[ADOPTER])
    assert await lineage(first) == ([(first, 0)], [])


async def test_two_links_at_once_make_no_circle(client: AsyncClient, callers: dict[str, Headers]) -> None:
    one = await make_practice(client, callers[ORIGIN])
    other = await make_practice(client, callers[ADOPTER])
    there = {"resulting_practice_id": other["id"]}
    back = {"resulting_practice_id": one["id"]}
    answers = await asyncio.gather(
        client.post(f"/v1/practices/{one['id']}/adoptions", json=there, headers=callers[ADOPTER]),
        client.post(f"/v1/practices/{other['id']}/adoptions", json=back, headers=callers[ORIGIN]),
    )
    assert sorted(answer.status_code for answer in answers) == [201, 422]


async def test_the_feed_shows_adoptions_while_their_practice_is_public(
    client: AsyncClient, callers: dict[str, Headers], practice: dict[str, Any]
) -> None:
    adoption = await make_adoption(client, callers[ADOPTER], practice["id"])

    async def last() -> dict[str, Any]:
        items: list[dict[str, Any]] = (await client.get("/v1/changes?type=adoption")).json()["items"]
        return items[-1] if items else {}

    assert (await last())["data"] == (await client.get(path_of(adoption))).json()
    cursor = (await client.get("/v1/changes?type=adoption")).json()["next_cursor"]
    for to, op, reason in (("archived", "delete", "archived"), ("published", "upsert", None)):
        path = f"/v1/practices/{practice['id']}/transitions"
        assert (await client.post(path, json={"to": to}, headers=callers[ORIGIN])).status_code == 200
        page = (await client.get("/v1/changes", params={"type": "adoption", "cursor": cursor})).json()
        assert [(item["op"], item["reason"]) for item in page["items"]] == [(op, reason)]
        cursor = page["next_cursor"]
    await client.patch(
        "/v1/cities/sl-freetown", json={"name": "Freetown City"}, headers={**callers[ADOPTER], "If-Match": "*"}
    )
    assert (await last())["data"]["city"]["name"] == "Freetown City"


async def test_filters_of_all_adoptions(
    client: AsyncClient, callers: dict[str, Headers], practice: dict[str, Any]
) -> None:
    housing = await make_practice(client, callers[ORIGIN], tags=["theme:housing"])
    hidden = await make_practice(client, callers[ORIGIN], visibility="members")
    first = await make_adoption(client, callers[ADOPTER], practice["id"], stage="running")
    second = await make_adoption(client, callers[THIRD], housing["id"])
    third = await make_adoption(client, callers[THIRD], hidden["id"])
    for params, expected in (
        ({}, [second, first]),
        ({"stage": "running"}, [first]),
        ({"tag": "theme:housing"}, [second]),
        ({"city": "gb-bristol"}, [second]),
        ({"country": "SL"}, [first]),
        ({"region": "africa"}, [first]),
        ({"region": "asia"}, []),
        ({"origin": "ca-montreal"}, [second, first]),
        ({"origin": "gb-bristol"}, []),
        ({"practice": practice["id"]}, [first]),
        ({"confirmed": "true"}, []),
        ({"created_to": "2020-01-01"}, []),
    ):
        listed = (await client.get("/v1/adoptions", params=params)).json()["items"]
        assert [item["id"] for item in listed] == [item["id"] for item in expected], params
    seen = (await client.get("/v1/adoptions", params={"limit": 1}, headers=callers[ADOPTER])).json()
    assert [item["id"] for item in seen["items"]] == [third["id"]]
    rest = await client.get("/v1/adoptions", params={"cursor": seen["next_cursor"]}, headers=callers[ADOPTER])
    assert [item["id"] for item in rest.json()["items"]] == [second["id"], first["id"]]


async def test_reads_are_one_statement(
    client: AsyncClient, callers: dict[str, Headers], practice: dict[str, Any], sql_count: SqlCount
) -> None:
    adoption = await make_adoption(client, callers[ADOPTER], practice["id"])
    base = f"/v1/practices/{practice['id']}"
    for path in ("/v1/adoptions", f"{base}/adoptions", path_of(adoption), f"{base}/adoptions/lineage"):
        with sql_count() as statements:
            assert (await client.get(path)).status_code == 200
        assert len(statements) == 1, path


async def test_what_is_hidden_is_not_named(client: AsyncClient, callers: dict[str, Headers], practice: Any) -> None:
    variant = await make_practice(client, callers[ADOPTER], title="Variant", publish=False)
    adoption = await make_adoption(client, callers[ADOPTER], practice["id"], resulting_practice_id=variant["id"])

    async def named(headers: Headers | None = None) -> list[str | None]:
        pages = [await client.get(path, headers=headers) for path in ("/v1/adoptions", path_of(adoption))]
        return [pages[0].json()["items"][0]["resulting_practice_id"], pages[1].json()["resulting_practice_id"]]

    async def fed(cursor: str | None = None) -> tuple[list[str | None], str]:
        asked = {"type": "adoption", **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/v1/changes", params=asked)).json()
        return [item["data"]["resulting_practice_id"] for item in page["items"]], page["next_cursor"]

    assert await named(callers[ADOPTER]) == [variant["id"]] * 2
    assert await named() == await named(callers[THIRD]) == [None, None]
    hidden = (await client.get(path_of(adoption))).headers["etag"]
    told, cursor = await fed()
    assert told == [None]
    move = f"/v1/practices/{variant['id']}/transitions"
    for to, expected in (("published", variant["id"]), ("archived", None)):
        assert (await client.post(move, json={"to": to}, headers=callers[ADOPTER])).status_code == 200
        assert await named() == [expected] * 2
        told, cursor = await fed(cursor)
        assert told == [expected]
        assert ((await client.get(path_of(adoption))).headers["etag"] == hidden) == (expected is None)
