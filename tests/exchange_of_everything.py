"""An exchange with one of everything, made over HTTP: for what has to carry all of it."""

from typing import Any, NamedTuple

from httpx import AsyncClient

from tests.conftest import Token
from tests.factories import (
    Headers,
    make_adoption,
    make_exchange,
    make_match,
    make_practice,
    make_request,
    practice_body,
)

OWNER, OTHER, NETWORK, OPERATOR = "city:ca-montreal", "city:gb-bristol", "network:mmc", "operator"


class Everything(NamedTuple):
    """Who acted, and the records by what is special about them."""

    callers: dict[str, Headers]
    practices: dict[str, str]


async def make_everything(client: AsyncClient, token: Token) -> Everything:
    """Practices in every state, with all that can hang on one, exchanges with answers and messages, adoptions."""
    callers = {name: await token(name) for name in (OWNER, OTHER, NETWORK, OPERATOR)}
    owner, other = callers[OWNER], callers[OTHER]
    contact = {"unit": "Secret desk", "email": "secret@example.org"}
    made = {
        "whole": await make_practice(
            client, owner, title="Public whole", contact=contact, partner_cities=["gb-bristol"],
            offers=["format:webinar"], external_ids=[{"scheme": "doi", "value": "10.1/x"}], staff_fte=2.5,
            indicators=[{"name": "cards", "value": 4000, "year": 2024}], visibility="public",
        ),
        "draft": await make_practice(client, owner, publish=False, title="Secret draft"),
        "members": await make_practice(client, owner, title="Secret of members", visibility="members"),
        "archived": await make_practice(client, owner, title="Secret archived"),
        "withdrawn": await make_practice(client, owner, title="Secret withdrawn"),
        "merged": await make_practice(client, owner, title="Secret merged"),
        "between": await make_practice(client, owner, title="Secret between"),
        "result": await make_practice(client, other, title="Public result"),
    }  # fmt: skip
    ids = {name: practice["id"] for name, practice in made.items()}

    async def move(name: str, to: str, **more: Any) -> None:
        path = f"/v1/practices/{ids[name]}/transitions"
        answer = await client.post(path, json={"to": to, **more}, headers=owner)
        assert answer.status_code == 200, answer.text

    await move("merged", "merged", successor=ids["between"], note="the same")
    await move("between", "merged", successor=ids["whole"])
    await move("archived", "archived")
    await move("withdrawn", "withdrawn", note="wrong")
    path = f"/v1/practices/{ids['whole']}"
    await client.put(
        f"{path}/translations/fr", json={"title": "Public traduit", "summary": "Une carte."}, headers=owner
    )
    await client.post(f"{path}/endorsements", json={"comment": "We copied it."}, headers=callers[NETWORK])
    brought = {**practice_body(title="Public brought"), "city": "ca-montreal", "source_url": "https://mmc.example/1"}
    answer = await client.put("/v1/sources/mmc/practices/m-1", json=brought, headers=callers[NETWORK])
    ids["brought"] = answer.json()["id"]
    tag = {
        "scheme": "theme",
        "code": "a-first",
        "label": "A first",
        "related": ["gcm:4"],
        "broader": "theme:reception-and-welcome",
    }
    assert (await client.post("/v1/tags", json=tag, headers=callers[NETWORK])).status_code == 201
    done, _ = await make_exchange(client, owner, other, title="Public exchange")
    await make_adoption(
        client, other, ids["whole"], resulting_practice_id=ids["result"], exchange_request_id=done, stage="running"
    )
    matched, _ = await make_match(client, owner, other, title="Secret match", visibility="members")
    message = await client.post(
        f"/v1/exchange-requests/{matched}/messages", json={"body": "Secret message"}, headers=owner
    )
    assert message.status_code == 201, message.text
    await make_request(client, owner, title="Public about", practice_id=ids["members"])
    return Everything(callers, ids)
