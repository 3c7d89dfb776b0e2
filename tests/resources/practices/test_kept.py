"""Finished documents that are kept: whoever reads gets what a document built at this moment would say."""

import json
import random
from pathlib import Path
from typing import Any

import anyio
from httpx import AsyncClient

from app.database import Database
from app.feed import stamp
from app.loading import load_file
from app.resources.practices.kept import keep_documents
from tests.conftest import Token
from tests.factories import make_practice

MONTREAL, FREETOWN, BRISTOL, MMC = "city:ca-montreal", "city:sl-freetown", "city:gb-bristol", "network:mmc"
HIDE = "UPDATE practice_document SET state = '-' || state, dirty = -dirty"
SHOW = "UPDATE practice_document SET state = substr(state, 2), dirty = -dirty"
FITTING = """SELECT count(*) FROM practice_document k JOIN feed f ON f.type = 'practice' AND f.id = k.practice_id::text
    WHERE f.dirty = k.dirty"""


async def keep(database: Database) -> None:
    """What the clock does."""
    await stamp(database)
    async with database.transaction() as connection:
        while await keep_documents(connection):
            pass


async def read(client: AsyncClient, bare: AsyncClient) -> dict[str, Any]:
    """The same practices by every way that shows them."""
    listed = (await client.get("/v1/practices", params={"limit": 100})).json()["items"]
    changes = (await client.get("/v1/changes", params={"type": "practice", "limit": 1000})).json()["items"]
    of_country: dict[str, str | int] = {"type": "practice", "country": "CA", "limit": 1000}
    lines = (await bare.get("/v1/practices.ndjson")).text.splitlines()
    return {
        "list": listed,
        "details": [(await client.get(f"/v1/practices/{item['id']}")).json() for item in listed[:4]],
        "translated": (await client.get(f"/v1/practices/{listed[0]['id']}", headers={"Accept-Language": "fr"})).json(),
        "file": [json.loads(line) for line in lines],
        "feed": changes,
        "feed of a country": (await client.get("/v1/changes", params=of_country)).json()["items"],
    }


def write_of(pick: random.Random, made: list[str]) -> tuple[str, str, str, Any]:
    """One write of any kind: who, method, path, body."""
    practice, own = f"/v1/practices/{pick.choice(made)}", f"/v1/sources/mmc/practices/{pick.randrange(3)}"
    brought = {
        "title": f"Brought {pick.random()}", "summary": "By a network.", "city_id": "ca-montreal",
        "status": "published", "source_url": "https://mmc.example/1",
    }  # fmt: skip
    identity = {"scheme": "x", "value": str(pick.random())}
    name = {"name": f"Renamed {pick.randrange(1000)}"}
    move = {"to": pick.choice(["archived", "published", "published"])}
    if made[4:] and pick.random() < 0.1:
        move, practice = {"to": "merged", "successor": made[0]}, f"/v1/practices/{made.pop()}"
    return pick.choice(
        [
            (MONTREAL, "PATCH", practice, {"title": f"Changed {pick.random()}", "tags": ["theme:housing"]}),
            (MONTREAL, "PATCH", practice, {"external_ids": [identity], "partner_cities": ["gb-bristol"]}),
            (MONTREAL, "PATCH", practice, {"visibility": pick.choice(["public", "public", "members"])}),
            (MONTREAL, "PATCH", "/v1/cities/ca-montreal", name),
            (BRISTOL, "PATCH", "/v1/cities/gb-bristol", name),
            (MONTREAL, "PUT", f"{practice}/translations/fr", {"title": f"Titre {pick.random()}", "status": "human"}),
            (MONTREAL, "DELETE", f"{practice}/translations/fr", None),
            (FREETOWN, "POST", f"{practice}/adoptions", {"stage": "exploring"}),
            (pick.choice([FREETOWN, BRISTOL]), "POST", f"{practice}/endorsements", {"comment": "Seen it."}),
            (MONTREAL, "POST", f"{practice}/verification", {}),
            (MONTREAL, "POST", f"{practice}/transitions", move),
            (MMC, "PUT", own, brought),
            (MMC, "DELETE", own, None),
        ]
    )


async def load_city(database_url: str, file: Path, name: str) -> None:
    city = {"id": "gb-bristol", "name": name, "country": "GB"}
    await anyio.Path(file).write_text(json.dumps([city]), encoding="utf-8")
    await load_file(database_url, file, kind="cities")


async def test_kept_and_built_documents_are_equal_after_random_writes(
    client: AsyncClient, bare: AsyncClient, token: Token, database: Database, database_url: str, tmp_path: Path
) -> None:
    pick = random.Random(11)
    tokens = {name: await token(name) for name in (MONTREAL, FREETOWN, BRISTOL, MMC)}
    made = [(await make_practice(client, tokens[MONTREAL], title=f"Practice {n}"))["id"] for n in range(7)]
    kept = done = 0
    for number in range(8):
        for _ in range(9):
            if pick.random() < 0.3:
                await keep(database)
            who, method, path, body = write_of(pick, made)
            headers = {**tokens[who], **({} if method == "POST" or "sources" in path else {"If-Match": "*"})}
            response = await client.request(method, path, json=body, headers=headers)
            assert response.status_code < 500, response.text
            done += response.is_success
        if number % 4 == 0:
            await load_city(database_url, tmp_path / "cities.json", f"Loaded {number}")
        if number % 2:
            await keep(database)
        # What is gone is told to those alone who began to read before it went.
        await stamp(database)
        kept += await database.value(FITTING)
        shown = await read(client, bare)
        await database.execute(HIDE)
        assert shown == await read(client, bare)
        await database.execute(SHOW)
    # Writes took effect, and documents were there to be shown.
    assert (done > 40, kept > 12) == (True, True)


async def test_a_kept_document_is_shown_while_it_fits(client: AsyncClient, token: Token, database: Database) -> None:
    owner = await token(MONTREAL)
    id_ = (await make_practice(client, owner, title="First"))["id"]
    await keep(database)
    await database.execute(
        "UPDATE practice_document"
        " SET body = replace(body, 'First', 'Kept'), summary = replace(summary, 'First', 'Kept')"
    )
    assert (await client.get(f"/v1/practices/{id_}")).json()["title"] == "Kept"
    assert (await client.get(f"/v1/practices/{id_}", headers=owner)).json()["title"] == "First"
    [item] = (await client.get("/v1/practices")).json()["items"]
    [change] = (await client.get("/v1/changes", params={"type": "practice"})).json()["items"]
    assert item["title"] == change["data"]["title"] == "Kept"
    await client.patch(f"/v1/practices/{id_}", json={"title": "Second"}, headers={**owner, "If-Match": "*"})
    [item] = (await client.get("/v1/practices")).json()["items"]
    [change] = (await client.get("/v1/changes", params={"type": "practice"})).json()["items"]
    found = (await client.get(f"/v1/practices/{id_}")).json()
    assert item["title"] == change["data"]["title"] == found["title"] == "Second"
