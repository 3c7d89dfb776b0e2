"""GET /v1/practices/{id}/versions and /{version}: every published version, whoever wrote it, and for whom."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from httpx import AsyncClient

from app.database import Database
from app.loading import load_file
from tests.conftest import SqlCount, Token
from tests.factories import Headers, make_practice, practice_body

OWNER, OTHER, NETWORK = "city:ca-montreal", "city:sl-freetown", "network:mmc"


@pytest.fixture
async def owner(token: Token) -> Headers:
    return await token(OWNER)


async def patch(client: AsyncClient, path: str, headers: Headers, **changes: Any) -> None:
    answer = await client.patch(path, json=changes, headers={**headers, "If-Match": "*"})
    assert answer.status_code == 200, answer.text


async def move(client: AsyncClient, path: str, headers: Headers, to: str, **more: Any) -> None:
    answer = await client.post(f"{path}/transitions", json={"to": to, **more}, headers=headers)
    assert answer.status_code == 200, answer.text


async def versions(client: AsyncClient, path: str, headers: Headers | None = None) -> list[dict[str, Any]]:
    answer = await client.get(f"{path}/versions", headers=headers or {})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_every_writer_makes_a_version(
    client: AsyncClient, token: Token, database_url: str, tmp_path: Path, owner: Headers
) -> None:
    """A network brings a record in; it is changed by everything that changes records."""
    network, other = await token(NETWORK), await token(OTHER)
    source = "/v1/sources/mmc/practices/v-1"
    identity = {"scheme": "atlas", "value": "1", "url": None}
    made = await client.put(source, json=practice_body(city_id="ca-montreal", external_ids=[identity]), headers=network)
    id_ = made.json()["id"]
    path = f"/v1/practices/{id_}"
    body = practice_body(city_id="ca-montreal", title="Second", external_ids=[{**identity, "value": "2"}])
    assert (await client.put(source, json=body, headers=network)).json()["result"] == "updated"
    line = json.dumps({"external_id": "v-1", **body, "title": "Third"})
    bulk = await client.post(
        "/v1/sources/mmc/practices", content=line, headers={**network, "Content-Type": "application/x-ndjson"}
    )
    assert json.loads(bulk.text)["result"] == "updated"
    claimed = await client.post(f"{path}/claim", headers=owner)
    assert claimed.status_code == 200, claimed.text
    await patch(client, path, owner, title="Fifth", external_ids=[])
    put = f"{path}/translations/fr"
    assert (await client.put(put, json={"title": "Sixième"}, headers=owner)).status_code == 201
    again = await client.put(put, json={"title": "Septième"}, headers={**owner, "If-Match": "*"})
    assert again.status_code == 200
    assert (await client.delete(put, headers={**owner, "If-Match": "*"})).status_code == 204
    assert (await client.post(f"{path}/verification", headers=owner)).status_code == 200
    assert (await client.post(f"{path}/endorsements", json={}, headers=other)).status_code == 201
    file = tmp_path / "practices.ndjson"
    file.write_text(json.dumps({"id": id_, **practice_body(title="Loaded", city_id="ca-montreal")}), encoding="utf-8")
    report = await load_file(database_url, file)
    assert report.updated == 1, report.faults
    await move(client, path, owner, "archived")
    await patch(client, path, owner, title="Not published")
    await move(client, path, owner, "published")

    told = [(v["version"], v["organization"], v["action"], v["changed"]) for v in await versions(client, path)]
    assert told[::-1] == [
        (1, NETWORK, "created", []),
        (2, NETWORK, "updated", ["title", "external_ids"]),
        (3, NETWORK, "updated", ["title"]),
        (4, OWNER, "claimed", []),
        (5, OWNER, "updated", ["title", "external_ids"]),
        (6, OWNER, "translated", ["translations"]),
        (7, OWNER, "translated", ["translations"]),
        (8, OWNER, "translated", ["translations"]),
        (9, OWNER, "verified", ["last_verified_at"]),
        (10, OTHER, "endorsed", []),
        (11, "operator", "loaded", ["title"]),
        (14, OWNER, "transitioned", ["title"]),
    ]
    for number, title, value in (
        (1, made_title := "Municipal identity card", "1"),
        (2, "Second", "2"),
        (5, "Fifth", None),
    ):
        document = (await client.get(f"{path}/versions/{number}")).json()
        assert (document["version"], document["title"]) == (number, title or made_title)
        assert [entry["value"] for entry in document["external_ids"]] == ([value] if value else [])
    for number in (12, 13, 15, 2_147_483_647):
        assert (await client.get(f"{path}/versions/{number}")).status_code == 404


async def test_a_version_is_what_was_read_then(client: AsyncClient, owner: Headers) -> None:
    made = await make_practice(
        client, owner, contact={"unit": "Office", "email": "office@example.org"}, staff_fte=2.5,
        partner_cities=["gb-bristol"], indicators=[{"name": "cards", "value": 1e3}], results="One.\nTwo.\nThree.",
    )  # fmt: skip
    path = f"/v1/practices/{made['id']}"
    await client.put(f"{path}/translations/fr", json={"title": "Carte", "status": "machine"}, headers=owner)
    read = [
        {
            who: (await client.get(path, headers=who_headers)).json()
            for who, who_headers in (("public", {}), ("owner", owner))
        }
    ]
    await patch(
        client,
        path,
        owner,
        title="Another",
        results="One.\nTwo and a half.\nThree.",
        partner_cities=[],
        contact=None,
        staff_fte=None,
        tags=["gcm:4"],
    )
    read.append({"public": (await client.get(path)).json(), "owner": (await client.get(path, headers=owner)).json()})
    for before in read:
        for who, headers in (("public", {}), ("owner", owner)):
            then = before[who]
            now = (await client.get(f"{path}/versions/{then['version']}", headers=headers)).json()
            shared = then.keys() & now.keys()
            assert {name: now[name] for name in shared} == {name: then[name] for name in shared}
            assert then.keys() - shared == {
                "endorsements", "origins", "adoption_count", "status", "successor", "allowed_transitions",
            }  # fmt: skip
    assert (await client.get(f"{path}/versions/1", headers=owner)).status_code == 404  # it was a draft


async def test_what_differs(client: AsyncClient, token: Token, owner: Headers) -> None:
    made = await make_practice(client, owner, results="One.\nTwo.\nThree.", contact={"unit": "hushword"})
    path = f"/v1/practices/{made['id']}"
    await patch(client, path, owner, title="Another", results="One.\nTwo and a half.\nThree.", contact={"unit": "hush"})
    await client.put(f"{path}/translations/fr", json={"title": "Carte"}, headers=owner)
    forth = (await client.get(f"{path}/versions/4?diff=2")).json()
    assert (forth["title"], forth["changed"]) == ("Another", ["translations"])
    assert (forth["diff"]["from"], forth["diff"]["to"]) == (2, 4)
    fields = forth["diff"]["fields"]
    assert fields.keys() == {"title", "results", "translations"}
    assert fields["title"] == {"from": "Municipal identity card", "to": "Another", "unified": None}
    assert fields["results"]["unified"].splitlines()[3:] == [" One.", "-Two.", "+Two and a half.", " Three."]
    assert fields["translations"]["from"] == {}
    assert fields["translations"]["to"] == {"fr": {"status": "human", "title": "Carte"}}
    back = (await client.get(f"{path}/versions/2?diff=4")).json()["diff"]
    assert {name: (c["to"], c["from"]) for name, c in back["fields"].items()} == {
        name: (c["from"], c["to"]) for name, c in fields.items()
    }
    assert (await client.get(f"{path}/versions/4?diff=4")).json()["diff"]["fields"] == {}
    member = (await client.get(f"{path}/versions/3?diff=2", headers=await token(OTHER))).json()
    assert member["diff"]["fields"]["contact"]["from"] == {"unit": "hushword", "email": None}
    assert "contact" in member["changed"]
    assert (await client.get(f"{path}/versions/4?diff=1")).status_code == 404
    assert (await client.get(f"{path}/versions/4?diff=0")).status_code == 422
    assert (await client.get(f"{path}/versions/0")).status_code == 404


async def test_what_was_not_public_stays_so(client: AsyncClient, token: Token, owner: Headers) -> None:
    """Published for members, then for a network, then for all: nobody is told of what was not for them."""
    made = await make_practice(
        client, owner, publish=False, title="hushword of a draft", visibility="members", lessons="hushword for members",
        contact={"unit": "hushword of a contact"},
    )  # fmt: skip
    path = f"/v1/practices/{made['id']}"
    await move(client, path, owner, "published")
    await patch(client, path, owner, title="hushword for members too")
    await client.put(f"{path}/translations/fr", json={"title": "hushword traduit"}, headers=owner)
    await client.delete(f"{path}/translations/fr", headers={**owner, "If-Match": "*"})
    await patch(client, path, owner, visibility="network:uclg", summary="hushword for a network")
    member, outsider = await token("network:uclg"), await token(OTHER)
    await patch(client, path, owner, visibility="public", title="Open", summary="For all", lessons=None)
    await patch(client, path, owner, title="More open")
    await move(client, path, owner, "archived")
    await patch(client, path, owner, title="hushword of an archive")
    await patch(client, path, owner, title="Reopened")
    await move(client, path, owner, "published")
    await patch(client, path, owner, visibility="members", title="hushword for members again")
    assert (await client.get(f"{path}/versions")).status_code == 404
    assert (await client.get(f"{path}/versions/7")).status_code == 404
    await patch(client, path, owner, visibility="public", title="Open again")

    everyone, some, one = [7, 8, 12, 14], [2, 3, 4, 5, 7, 8, 12, 13, 14], [2, 3, 4, 5, 6, 7, 8, 12, 13, 14]
    for headers, seen in (
        ({}, everyone),
        (outsider, some),
        (member, one),
        (owner, one),
        (await token("operator"), one),
    ):
        listed = await versions(client, path, headers)
        assert [v["version"] for v in listed][::-1] == seen
        for number in range(1, 16):
            expected = 200 if number in seen else 404
            answer = await client.get(f"{path}/versions/{number}", headers=headers)
            compared = await client.get(f"{path}/versions/14?diff={number}", headers=headers)
            assert (answer.status_code, compared.status_code) == (expected, expected), number
            if headers == {}:
                assert "hushword" not in answer.text + compared.text
    first = (await versions(client, path))[-1]
    assert (first["version"], first["changed"]) == (7, [])
    assert (await versions(client, path))[1]["changed"] == ["title"]


async def test_the_end_of_a_practice_ends_its_versions(client: AsyncClient, owner: Headers) -> None:
    gone, heir, merged = [(await make_practice(client, owner))["id"] for _ in range(3)]
    await patch(client, f"/v1/practices/{gone}", owner, title="hushword")
    await move(client, f"/v1/practices/{gone}", owner, "withdrawn", note="A mistake")
    await move(client, f"/v1/practices/{merged}", owner, "merged", successor=heir)
    for path in ("versions", "versions/2", "versions/3?diff=2"):
        for headers in ({}, owner):
            answer = await client.get(f"/v1/practices/{gone}/{path}", headers=headers)
            assert (answer.status_code, answer.json()["tombstone"]["note"]) == (410, "A mistake")
            assert "hushword" not in answer.text
    led = await client.get(f"/v1/practices/{merged}/versions")
    assert (led.status_code, led.headers["location"]) == (301, f"/v1/practices/{heir}/versions")
    single = await client.get(f"/v1/practices/{merged}/versions/2")
    assert (single.status_code, single.json()["tombstone"]["successor"]) == (410, heir)


async def test_pages_and_caches(client: AsyncClient, owner: Headers, sql_count: SqlCount) -> None:
    made = await make_practice(client, owner)
    path = f"/v1/practices/{made['id']}"
    for number in range(5):
        await patch(client, path, owner, keywords=[f"word {number}"])
    full = await versions(client, path)
    paged, address = [], f"{path}/versions?limit=2"
    while address:
        with sql_count() as statements:
            answer = await client.get(address)
        assert len(statements) == 1, (address, answer.status_code, answer.text)
        paged += answer.json()["items"]
        address = answer.links["next"]["url"] if "next" in answer.links else ""
    assert paged == full
    assert [v["changed"] for v in full] == [["keywords"]] * 5 + [[]]
    with sql_count() as statements:
        read = await client.get(f"{path}/versions/3?diff=2")
    assert len(statements) == 1
    assert read.headers["cache-control"] == "public, max-age=3600, immutable"
    known = {"If-None-Match": read.headers["etag"]}
    assert (await client.get(f"{path}/versions/3?diff=2", headers=known)).status_code == 304
    assert (await client.get(f"{path}/versions/3", headers=known)).status_code == 200
    theirs = await client.get(f"{path}/versions/3", headers=owner)
    assert theirs.headers["cache-control"] == "private, max-age=3600, immutable"
    assert "Authorization" in theirs.headers["vary"]


async def test_nobody_changes_what_was(client: AsyncClient, owner: Headers, database: Database) -> None:
    made = await make_practice(client, owner)
    await patch(client, f"/v1/practices/{made['id']}", owner, title="Another")
    for sql in ("UPDATE practice_version SET visibility = 'public'", "DELETE FROM practice_version"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.execute(sql)
    assert await database.value("SELECT count(*) FROM practice_version") == 1


async def test_a_long_text_is_compared_in_no_time(client: AsyncClient, owner: Headers) -> None:
    """What would cost the product of its lines is given as from and to alone."""
    lines = [str(number) for number in range(3_000)]
    made = await make_practice(client, owner, results="\n".join(lines))
    path = f"/v1/practices/{made['id']}"
    await patch(client, path, owner, results="\n".join(lines[::-1]))
    change = (await client.get(f"{path}/versions/3?diff=2")).json()["diff"]["fields"]["results"]
    assert (change["unified"], change["to"][:4]) == (None, "2999")
