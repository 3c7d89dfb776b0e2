"""Sets: headers and membership agree, and who harvests one set hears of what leaves it."""

import random
from typing import Any

import asyncpg
import pytest
from httpx import AsyncClient

from app.database import Database
from app.resources.networks.commands import end_memberships
from app.resources.oai import queries, verbs
from tests.conftest import Token
from tests.factories import Headers, make_practice
from tests.resources.oai.validity import O, ask, gone, id_of, listed, live, sets_of

HOUSING, SHELTER, CARDS = "theme:housing", "theme:housing-and-shelter", "theme:municipal-id"


async def change(client: AsyncClient, headers: Headers, id_: str, **changes: Any) -> None:
    path = f"/v1/practices/{id_}"
    tag = (await client.get(path, headers=headers)).headers["etag"]
    answer = await client.patch(path, json=changes, headers={**headers, "If-Match": tag})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("few", [0, 3000], ids=["walked", "gathered"])
async def test_headers_say_what_sets_hold(
    client: AsyncClient, bare: AsyncClient, token: Token, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Every set that any header lists, and some that none does, hold exactly the records whose headers list them."""
    monkeypatch.setattr(queries, "FEW", few)
    monkeypatch.setitem(verbs.PAGES, "ListIdentifiers", 3)
    pick = random.Random(5)
    tags = [HOUSING, CARDS, "theme:first-reception", "gcm:4", "gcm-principle:human-rights", "sdg:10.7"]
    for city in ("ca-montreal", "gb-bristol", "co-bogota"):
        headers = await token(f"city:{city}")
        for _ in range(3):
            await make_practice(client, headers, tags=pick.sample(tags, pick.randint(0, 3)))
    uclg = await token("network:uclg")
    body = {"title": "Brought in", "summary": "S", "language": "en", "tags": ["gcm:1"], "city_id": "gb-bristol"}
    for number in range(2):
        answer = await client.put(f"/v1/sources/uclg/practices/x{number}", json=body, headers=uclg)
        assert answer.status_code == 201, answer.text
    everything = await listed(bare, "")
    held = {id_of(header): set(sets_of(header)) for header in everything}
    assert len(held) == 11
    known = set().union(*held.values())
    assert {"country", "country:CA", "network", "network:uclg", "tag", "tag:theme"} <= known
    assert {"tag:theme:reception-and-welcome", "tag:theme:first-reception", "tag:gcm-principle"} <= known
    for spec in sorted({*known, "country:FR", "tag:group", "tag:theme:health-and-wellbeing", "network:no-such"}):
        headers_of_set = await listed(bare, f"set={spec}")
        assert live(headers_of_set) == {id_ for id_, specs in held.items() if spec in specs}, spec
        assert all(set(sets_of(header)) == held[id_of(header)] for header in headers_of_set)
    for name, spec in (("network", "network:"), ("country", "country:"), ("tag", "tag:")):
        for value in {spec_.removeprefix(spec) for spec_ in known if spec_.startswith(spec)}:
            if name != "tag" or ":" in value:
                found = (await client.get("/v1/practices", params={name: value, "limit": 100})).json()["items"]
                assert {item["id"] for item in found} == live(await listed(bare, f"set={spec}{value}"))


@pytest.mark.parametrize("few", [0, 3000], ids=["walked", "gathered"])
async def test_what_leaves_a_set_is_deleted_there_and_only_there(
    client: AsyncClient, bare: AsyncClient, token: Token, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(queries, "FEW", few)
    headers = await token("city:ca-montreal")
    id_ = (await make_practice(client, headers, tags=[HOUSING]))["id"]
    stays = (await make_practice(client, headers, tags=[HOUSING]))["id"]
    await listed(bare, "")
    await change(client, headers, id_, tags=[CARDS])
    [left] = [header for header in await listed(bare, f"set=tag:{HOUSING}") if id_of(header) == id_]
    assert (left.get("status"), sets_of(left)) == ("deleted", [f"tag:{HOUSING}", f"tag:{SHELTER}"])
    for query in ("", f"set=tag:{CARDS}", "set=tag:theme", "set=country:CA"):
        assert id_ in live(await listed(bare, query)), query
    whole = await ask(bare, f"verb=GetRecord&metadataPrefix=px&identifier=oai:127.0.0.1:{id_}")
    assert whole.find(f".//{O}header[@status]") is None
    # Back again, away again while it is archived: whoever holds a set hears of each.
    await change(client, headers, id_, tags=[HOUSING, CARDS])
    assert live(await listed(bare, f"set=tag:{HOUSING}")) == {id_, stays}
    moves = f"/v1/practices/{id_}/transitions"
    await client.post(moves, json={"to": "archived"}, headers=headers)
    for query in ("", f"set=tag:{HOUSING}", f"set=tag:{CARDS}", "set=country:CA", "set=tag"):
        assert gone(await listed(bare, query)) == {id_}, query
    await change(client, headers, id_, tags=["gcm:1"])
    await client.post(moves, json={"to": "published"}, headers=headers)
    for query in (f"set=tag:{HOUSING}", f"set=tag:{CARDS}", "set=tag:theme"):
        assert gone(await listed(bare, query)) == {id_}, query
    assert id_ in live(await listed(bare, "set=tag:gcm:1"))
    # Withdrawn for good: told in the sets that it was in, and in those that it had left before.
    tag = (await client.get(f"/v1/practices/{id_}", headers=headers)).headers["etag"]
    await client.delete(f"/v1/practices/{id_}", headers={**headers, "If-Match": tag})
    for query in ("", f"set=tag:{HOUSING}", "set=tag:gcm:1", "set=country"):
        assert gone(await listed(bare, query)) == {id_}, query


async def test_what_leaves_a_network_with_its_city(
    client: AsyncClient, bare: AsyncClient, token: Token, database: Database, database_url: str
) -> None:
    headers, network = await token("city:at-vienna"), await token("network:c40")
    id_ = (await make_practice(client, headers))["id"]
    membership = "/v1/networks/c40/cities/at-vienna"
    assert (await client.put(membership, json={}, headers=network)).status_code == 201
    assert id_ in live(await listed(bare, "set=network:c40"))
    tag = (await client.get(f"{membership}", headers=network)).headers.get("etag", '"1"')
    deleted = await client.delete(membership, headers={**network, "If-Match": tag})
    assert deleted.status_code == 204, deleted.text
    assert id_ in gone(await listed(bare, "set=network:c40"))
    assert id_ in live(await listed(bare, ""))
    assert (await client.put(membership, json={"until": "2100-01-01"}, headers=network)).status_code == 201
    assert id_ in live(await listed(bare, "set=network:c40"))
    # The day comes on which it ends, and nobody writes anything.
    clock = await asyncpg.connect(database_url)
    await clock.execute("SET session_replication_role = replica")
    await clock.execute("UPDATE membership SET until = current_date - 1 WHERE city_id = 'at-vienna'")
    await clock.close()
    await database.execute("UPDATE feed SET stamped_at = stamped_at - interval '2 days'")
    async with database.transaction() as connection:
        assert await end_memberships(connection) == 1
        assert await end_memberships(connection) == 0
    [header] = [h for h in await listed(bare, "set=network:c40&from=2026-01-01") if id_of(h) == id_]
    assert header.get("status") == "deleted"


async def test_a_tag_that_finds_another_place_moves_its_practices(
    client: AsyncClient, bare: AsyncClient, token: Token, database: Database
) -> None:
    id_ = (await make_practice(client, await token("city:ca-montreal"), tags=[HOUSING]))["id"]
    [before] = await listed(bare, f"set=tag:{SHELTER}")
    await database.execute("UPDATE tag SET broader = $2 WHERE id = $1", HOUSING, "theme:health-and-wellbeing")
    [after] = await listed(bare, f"set=tag:{SHELTER}")
    assert (before.get("status"), after.get("status")) == (None, "deleted")
    assert live(await listed(bare, "set=tag:theme:health-and-wellbeing")) == {id_}
    page = (await client.get("/v1/changes", params={"type": "practice"})).json()
    assert [change_["id"] for change_ in page["items"]] == [id_]
