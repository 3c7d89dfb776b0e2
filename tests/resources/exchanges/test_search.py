"""GET /v1/exchange-requests?q=."""

from httpx import AsyncClient

from tests.conftest import SqlCount, Token
from tests.factories import make_request


async def test_finds_with_marks(client: AsyncClient, token: Token, sql_count: SqlCount) -> None:
    montreal = await token("city:ca-montreal")
    card = await make_request(client, montreal)
    await make_request(client, montreal, title="Flats for families", tags=["theme:housing"], formats=[])
    with sql_count() as statements:
        [item] = (await client.get("/v1/exchange-requests?q=trust+card")).json()["items"]
    assert len(statements) == 1
    assert item.pop("highlight")[0]["field"] == "title"
    assert item == {**card, "allowed_transitions": []}
    [item] = (await client.get("/v1/exchange-requests?q=vivienda")).json()["items"]
    assert item["title"] == "Flats for families"
    assert len((await client.get("/v1/exchange-requests?q=Montreall")).json()["items"]) == 2
    assert (await client.get("/v1/exchange-requests?q=Montreall&kind=offer")).json()["items"] == []


async def test_follows_changes_and_pages(client: AsyncClient, token: Token) -> None:
    montreal = await token("city:ca-montreal")
    made = {(await make_request(client, montreal, title=f"Quokka {number}"))["id"] for number in range(3)}
    seen, cursor = set(), ""
    while True:
        page = (await client.get(f"/v1/exchange-requests?q=quokka&limit=1{cursor}")).json()
        seen |= {item["id"] for item in page["items"]}
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == made
    path = f"/v1/exchange-requests/{made.pop()}"
    changed = await client.patch(path, json={"title": "Numbat"}, headers={**montreal, "If-Match": "*"})
    assert changed.status_code == 200
    assert len((await client.get("/v1/exchange-requests?q=numbat")).json()["items"]) == 1


async def test_finds_only_what_the_caller_sees(client: AsyncClient, token: Token) -> None:
    montreal, bristol, athens = [await token(f"city:{city}") for city in ("ca-montreal", "gb-bristol", "gr-athens")]
    await make_request(client, montreal, title="Quokka", visibility="addressed", addressed_to=["city:gb-bristol"])
    found = [
        len((await client.get("/v1/exchange-requests?q=quokka", headers=headers)).json()["items"])
        for headers in ({}, athens, bristol, montreal)
    ]
    assert found == [0, 0, 1, 1]
