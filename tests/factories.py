"""Makes what tests need: plain functions with defaults, through HTTP where that is the point."""

import hashlib
import secrets
import time
import uuid
from typing import Any

from httpx import AsyncClient

from app.caller import scopes_for
from app.database import Database
from app.keys import KeyRing
from app.signing import sign
from app.web.tokens import AUDIENCE

Headers = dict[str, str]


async def make_client(database: Database, organization: str, scopes: list[str] | None = None) -> tuple[str, str]:
    """A live client of an organization; gives its id and secret."""
    client_id, secret = f"px_{secrets.token_hex(8)}", secrets.token_urlsafe(32)
    await database.execute(
        "INSERT INTO client (id, organization, name, scopes, secret_hash, secret_expires_at)"
        " VALUES ($1, $2, 'test', $3, $4, now() + interval '1 day')",
        client_id,
        organization,
        scopes if scopes is not None else sorted(scopes_for(organization)),
        hashlib.sha256(secret.encode()).digest(),
    )
    return client_id, secret


def claims_of(client_id: str, scopes: list[str], **changes: Any) -> dict[str, Any]:
    """The claims of a good access token, with changes; a change to `...` leaves the claim out."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": "http://127.0.0.1:8000", "aud": AUDIENCE, "sub": client_id, "client_id": client_id,
        "iat": now, "nbf": now, "exp": now + 600, "jti": str(uuid.uuid4()), "scope": " ".join(scopes),
    }  # fmt: skip
    return {name: value for name, value in {**claims, **changes}.items() if value is not ...}


async def make_token(database: Database, organization: str, scopes: tuple[str, ...] = ()) -> Headers:
    """The Authorization header of a fresh client of an organization; no scopes: all that suit."""
    wanted = sorted(scopes or scopes_for(organization))
    client_id, _ = await make_client(database, organization, wanted)
    key = await KeyRing(database).signing_key()
    return {"Authorization": f"Bearer {sign(key, claims_of(client_id, wanted))}"}


def practice_body(**changes: Any) -> dict[str, Any]:
    """A good new practice, with changes."""
    return {
        "title": "Municipal identity card",
        "summary": "A city card for everybody who lives here, whatever their papers.",
        "language": "en",
        "tags": ["theme:municipal-id", "gcm:4"],
        **changes,
    }


async def make_practice(
    client: AsyncClient, headers: Headers, *, publish: bool = True, **changes: Any
) -> dict[str, Any]:
    """A practice made over HTTP, published unless told otherwise; gives its document."""
    response = await client.post("/v1/practices", json=practice_body(**changes), headers=headers)
    assert response.status_code == 201, response.text
    document: dict[str, Any] = response.json()
    if publish:
        path = f"/v1/practices/{document['id']}/transitions"
        response = await client.post(path, json={"to": "published"}, headers=headers)
        assert response.status_code == 200, response.text
        document = response.json()
    return document


def request_body(**changes: Any) -> dict[str, Any]:
    """A good new exchange request, with changes."""
    return {
        "kind": "seek",
        "title": "How to issue a card that undocumented residents trust",
        "need": "We look for a city that has solved data protection and police access.",
        "formats": ["format:webinar"],
        "tags": ["theme:municipal-id"],
        "languages": ["en"],
        **changes,
    }


async def make_request(client: AsyncClient, headers: Headers, **changes: Any) -> dict[str, Any]:
    """An exchange request made over HTTP; gives its document."""
    response = await client.post("/v1/exchange-requests", json=request_body(**changes), headers=headers)
    assert response.status_code == 201, response.text
    document: dict[str, Any] = response.json()
    return document


async def make_response(client: AsyncClient, headers: Headers, request_id: str, **changes: Any) -> dict[str, Any]:
    """An answer to a request made over HTTP; gives its document."""
    body = {"message": "We have done this for years.", **changes}
    response = await client.post(f"/v1/exchange-requests/{request_id}/responses", json=body, headers=headers)
    assert response.status_code == 201, response.text
    document: dict[str, Any] = response.json()
    return document


async def make_match(client: AsyncClient, owner: Headers, responder: Headers, **changes: Any) -> tuple[str, str]:
    """A request of one city that another city's answer is accepted for; gives the ids of both."""
    request = await make_request(client, owner, **changes)
    answer = await make_response(client, responder, request["id"])
    path = f"/v1/exchange-requests/{request['id']}/responses/{answer['id']}/transitions"
    response = await client.post(path, json={"to": "accepted"}, headers=owner)
    assert response.status_code == 200, response.text
    return request["id"], answer["id"]


async def make_exchange(client: AsyncClient, owner: Headers, responder: Headers, **changes: Any) -> tuple[str, str]:
    """The same, completed; `outcome` is one of the changes."""
    outcome = changes.pop("outcome", {"summary": "It helped.", "useful": 5, "public": True})
    request_id, response_id = await make_match(client, owner, responder, **changes)
    for move in ({"to": "in_progress"}, {"to": "completed", "outcome": outcome}):
        path = f"/v1/exchange-requests/{request_id}/transitions"
        response = await client.post(path, json=move, headers=owner)
        assert response.status_code == 200, response.text
    return request_id, response_id


async def make_adoption(client: AsyncClient, headers: Headers, practice_id: str, **changes: Any) -> dict[str, Any]:
    """An adoption made over HTTP; gives its document."""
    body = {"stage": "adapting", **changes}
    response = await client.post(f"/v1/practices/{practice_id}/adoptions", json=body, headers=headers)
    assert response.status_code == 201, response.text
    document: dict[str, Any] = response.json()
    return document
