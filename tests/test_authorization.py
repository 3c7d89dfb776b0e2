"""Every operation, for everybody, in every state, against the matrix; an operation without a line fails."""

import itertools
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from httpx import AsyncClient

from app.main import create_app
from tests.authorization_matrix import BY_CLIENT_SECRET, CALLERS, rows
from tests.conftest import Token
from tests.factories import (
    Headers,
    make_adoption,
    make_match,
    make_practice,
    make_request,
    make_response,
    practice_body,
    request_body,
)
from tests.webhooks import make_webhook

ORGANIZATIONS = {
    "owner": "city:ca-montreal",
    "other": "city:sl-freetown",
    "network": "network:mmc",
    "operator": "operator",
}
NUMBER = itertools.count()
VERBS = ("get", "post", "put", "patch", "delete")


class World(NamedTuple):
    """What a state is made with: a client, and headers by caller."""

    client: AsyncClient
    headers: dict[str, Headers]

    async def practice(self, **changes: Any) -> str:
        return str((await make_practice(self.client, self.headers["owner"], **changes))["id"])

    async def moved(self, to: str) -> str:
        id_ = await self.practice()
        path = f"/v1/practices/{id_}/transitions"
        assert (await self.client.post(path, json={"to": to}, headers=self.headers["owner"])).status_code == 200
        return id_

    async def request(self, **changes: Any) -> str:
        return str((await make_request(self.client, self.headers["owner"], **changes))["id"])

    async def answered(self) -> str:
        """A request of the owner and the other city's answer to it: both ids, with a blank between."""
        request_id = await self.request()
        return f"{request_id} {(await make_response(self.client, self.headers['other'], request_id))['id']}"

    async def matched(self) -> str:
        return " ".join(await make_match(self.client, self.headers["owner"], self.headers["other"]))

    async def adopted(self) -> str:
        """A practice of the owner and its adoption by the other city: both ids, with a blank between."""
        practice_id = await self.practice()
        return f"{practice_id} {(await make_adoption(self.client, self.headers['other'], practice_id))['id']}"

    async def translated(self) -> str:
        id_ = await self.practice()
        path = f"/v1/practices/{id_}/translations/fr"
        made = await self.client.put(path, json={"title": "Carte"}, headers=self.headers["owner"])
        assert made.status_code == 201, made.text
        return id_

    async def brought(self) -> str:
        """A practice of the owner that the network brought in as `matrix`."""
        body = practice_body(city_id="ca-montreal")
        path, headers = "/v1/sources/mmc/practices/matrix", self.headers["network"]
        made = await self.client.put(path, json=body, headers=headers)
        assert made.status_code in {200, 201, 409}, made.text  # made, there already, or claimed
        return str((await self.client.get(path, headers=headers)).json()["id"])

    async def hooked(self) -> str:
        """A webhook of the owner and a delivery to it: both ids, with a blank between."""
        webhook = await make_webhook(self.client, self.headers["owner"], "https://192.0.9.1/hook")
        path = f"/v1/webhooks/{webhook['id']}/test"
        return f"{webhook['id']} {(await self.client.post(path, headers=self.headers['owner'])).json()['id']}"

    async def credentials(self) -> str:
        body = {"organization": "city:ca-montreal", "name": "made for the matrix"}
        made = await self.client.post("/v1/clients", json=body, headers=self.headers["owner"])
        assert made.status_code == 201, made.text
        return str(made.json()["client_id"])


STATES: dict[str, Callable[[World], Awaitable[str]]] = {
    "published": lambda world: world.practice(),
    "members": lambda world: world.practice(visibility="members"),
    "draft": lambda world: world.practice(publish=False),
    "archived": lambda world: world.moved("archived"),
    "withdrawn": lambda world: world.moved("withdrawn"),
    "open": lambda world: world.request(),
    "for_members": lambda world: world.request(visibility="members"),
    "translated": lambda world: world.translated(),
    "brought": lambda world: world.brought(),
    "adopted": lambda world: world.adopted(),
    "answered": lambda world: world.answered(),
    "matched": lambda world: world.matched(),
    "hooked": lambda world: world.hooked(),
    "addressed": lambda world: world.request(visibility="addressed", addressed_to=["city:gb-bristol"]),
}
BODIES: dict[str, Callable[[str], Any]] = {
    "create_practice": lambda _: practice_body(city_id="ca-montreal"),
    "update_practice": lambda _: {"summary": "Another summary of the same practice."},
    "move_practice": lambda state: {"to": "published" if state == "draft" else "archived"},
    "create_exchange_request": lambda _: request_body(city_id="ca-montreal"),
    "update_exchange_request": lambda _: {"title": "Another title"},
    "create_adoption": lambda _: {"stage": "exploring"},
    "update_adoption": lambda _: {"results": "It works here too."},
    "put_source_practice": lambda _: practice_body(city_id="ca-montreal"),
    "endorse_practice": lambda _: {"comment": "It works."},
    "put_translation": lambda _: {"title": "Carte municipale"},
    "create_response": lambda _: {"message": "We can help."},
    "move_response": lambda _: {"to": "declined", "reason": "Too far away"},
    "create_message": lambda _: {"body": "Good morning."},
    "move_exchange_request": lambda _: {"to": "cancelled", "reason": "duplicate"},
    "create_city": lambda _: {
        "id": f"fr-matrix-{next(NUMBER)}", "name": "Matrix", "country": "FR", "kind": "city",
        "latitude": 45.0, "longitude": 5.0,
    },
    "update_city": lambda _: {"website": "https://example.org/"},
    "create_network": lambda _: {"id": f"matrix-{next(NUMBER)}", "name": "Matrix", "kind": "city-network"},
    "update_network": lambda _: {"website": "https://example.org/"},
    "put_network_city": lambda _: {"role": "associate"},
    "create_tag": lambda _: {"scheme": "theme", "code": f"matrix-{next(NUMBER)}", "label": "Matrix"},
    "create_webhook": lambda _: {"url": "https://192.0.9.1/hook"},
    "update_webhook": lambda _: {"description": "renamed"},
    "create_client": lambda _: {"organization": "city:ca-montreal", "name": "matrix"},
    "update_client": lambda _: {"name": "renamed"},
}  # fmt: skip
PLACES = {"cities": "ca-montreal", "networks": "mmc", "tags": "theme:housing", "city_id": "ca-montreal"}


PATHS = create_app().openapi()["paths"]
OPERATIONS = {
    operation["operationId"]: (verb, path)
    for path, item in PATHS.items()
    for verb, operation in item.items()
    if verb in VERBS
}


def test_every_operation_has_a_line() -> None:
    assert {name for name, _, _ in rows()} | BY_CLIENT_SECRET == set(OPERATIONS)


@pytest.fixture
async def world(bare: AsyncClient, token: Token) -> World:
    headers = {caller: await token(organization) for caller, organization in ORGANIZATIONS.items()}
    return World(bare, {"anonymous": {}, **headers})


async def ask(world: World, name: str, state: str, caller: str) -> int:
    """The status that one caller gets for one operation on a record fresh in that state."""
    verb, path = OPERATIONS[name]
    if "{client_id}" in path:
        path = path.replace("{client_id}", await world.credentials())
    id_ = await STATES[state](world) if state else PLACES.get(path.split("/")[2], "")
    id_, _, child = id_.partition(" ")
    path = (
        path.replace("{id}", id_)
        .replace("{response_id}", child)
        .replace("{adoption_id}", child)
        .replace("{delivery_id}", child)
        .replace("{language}", "fr")
        .replace("{network}", "mmc")
        .replace("{external_id}", "matrix")
        .replace("{version}", "2")
        .replace("{city_id}", PLACES["city_id"])
        .replace("{format}", "ndjson")
    )
    if name in {"get_network_city", "delete_network_city", "put_network_city"}:
        body = {"role": "member"}
        made = await world.client.put(path, json=body, headers=world.headers["operator"])
        assert made.status_code in {201, 428}  # made, or there already
    headers = dict(world.headers[caller])
    # A draft has no translation yet: what is made is not there to match.
    if verb in {"patch", "put", "delete"} and (name, state) != ("put_translation", "draft"):
        headers["If-Match"] = "*"
    sent = BODIES[name](state) if name in BODIES else None
    response = await world.client.request(verb, path, json=sent, headers=headers)
    return response.status_code


@pytest.mark.parametrize(
    ("name", "state", "expected"), rows(), ids=lambda value: value if isinstance(value, str) else ""
)
async def test_who_may_what(world: World, name: str, state: str, expected: tuple[int, ...]) -> None:
    assert tuple([await ask(world, name, state, caller) for caller in CALLERS]) == expected


async def test_a_token_without_the_scope_is_no_help(bare: AsyncClient, token: Token) -> None:
    """With `exchanges:read` alone, everything that asks for another scope is 403; nothing is looked up before."""
    headers = {**await token("operator", "exchanges:read"), "If-Match": "*"}
    refused = 0
    for name in sorted(set(OPERATIONS) - BY_CLIENT_SECRET):
        verb, path = OPERATIONS[name]
        [security] = PATHS[path][verb].get("security", [{}])[-1:]
        wanted: list[str] = next(iter(security.values()), [])
        if "operator" in wanted or wanted in ([], ["exchanges:read"]):
            continue
        response = await bare.request(verb, path.replace("{id}", "ca-montreal"), headers=headers)
        assert (name, response.status_code) == (name, 403)
        assert wanted[0] in response.json()["detail"]
        refused += 1
    assert refused > len(OPERATIONS) / 3
