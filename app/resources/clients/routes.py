"""HTTP for clients, and for the question who one is."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import JSONResponse, Response

from app.errors import NotFound
from app.resources.clients import commands, queries
from app.resources.clients.schemas import (
    ClientCreate,
    ClientId,
    ClientPage,
    ClientPublic,
    ClientQuery,
    ClientUpdate,
    ClientWithSecret,
    Me,
)
from app.web.etags import required_versions
from app.web.limits import WINDOW
from app.web.responses import JSON, PRIVATE, binding_of, document, not_modified, page
from app.web.routing import ApiRequest, ApiRouter, requires
from app.web.sessions import WriteSession, write

router = ApiRouter("account")
MISSING = "There is no such client."


@router.get("/me", response_model=Me)
@requires(None)
async def get_me(request: ApiRequest) -> Response:
    """Tell who asks: the organization behind the token, what the token allows, and how many requests it has."""
    caller, settings = request.caller, request.services.settings
    name = await request.services.database.value(*queries.organization_name(caller).flat)
    limits = {"policy": "client", "quota": settings.rate_limit_client, "window_seconds": WINDOW}
    expires_at = await request.services.verifier.expiry(request.scope)
    answer: dict[str, Any] = {
        "organization": caller.organization,
        "kind": caller.kind,
        "name": name,
        "client_id": caller.client_id,
        "scopes": sorted(caller.scopes),
        "networks": list(caller.networks),
        "limits": limits if settings.rate_limit == "on" else None,
        "token_expires_at": f"{datetime.fromtimestamp(expires_at, UTC):%Y-%m-%dT%H:%M:%S.000Z}",
    }
    return JSONResponse(answer, headers={"Cache-Control": PRIVATE, "Vary": "Authorization"})


@router.get("/clients", response_model=ClientPage)
@requires("clients:manage")
async def list_clients(request: ApiRequest, query: Annotated[ClientQuery, Query()]) -> Response:
    """List the organization's clients, newest first, the revoked ones too; the operator sees everybody's."""
    binding = binding_of("clients", query, request.caller.organization)
    position = request.position(binding, query.cursor)
    statement = queries.client_page(request.caller, query, position)
    return page(request, await request.services.database.rows(*statement.flat), query.limit, binding)


@router.post("/clients", status_code=201, response_model=ClientWithSecret)
@requires("clients:manage")
async def create_client(request: ApiRequest, body: ClientCreate) -> Response:
    """Make a client. Its secret stands in this answer and nowhere else.

    With an `Idempotency-Key` a repeated request gives the same client, but `client_secret` is null: secrets are never
    kept. Whoever lost the first answer gives the client a new secret with `rotate-secret`.
    """
    organization = body.organization or str(request.caller.organization)
    async with write(request) as session:
        client_id, secret = await commands.create_client(
            session.connection, session.actor, organization, body.name, body.scopes, body.lifetime_days
        )
        return await _with_secret(session, client_id, secret, status=201)


@router.get("/clients/{client_id}", response_model=ClientPublic)
@requires("clients:manage")
async def get_client(request: ApiRequest, client_id: ClientId) -> Response:
    """Read one client; its secret cannot be read."""
    statement = queries.client(request.caller, client_id, not_modified(request))
    row = await request.services.database.row(*statement.flat)
    if row is None:
        raise NotFound(MISSING)
    return document(request, row)


@router.patch("/clients/{client_id}", response_model=ClientPublic)
@requires("clients:manage")
async def update_client(request: ApiRequest, client_id: ClientId, body: ClientUpdate) -> Response:
    """Rename a client or change its scopes. A scope that is taken away is gone from its tokens within seconds."""
    versions = required_versions(request.headers.get("if-match"))
    async with write(request) as session:
        await commands.update_client(session.connection, session.actor, client_id, versions, body)
        return await session.respond(queries.client(request.caller, client_id, []))


@router.delete("/clients/{client_id}", status_code=204)
@requires("clients:manage")
async def revoke_client(request: ApiRequest, client_id: ClientId) -> Response:
    """Revoke a client, for good: it and its tokens stop working within 5 seconds. It stays in the list."""
    versions = required_versions(request.headers.get("if-match"))
    async with write(request) as session:
        await commands.revoke_client(session.connection, session.actor, client_id, versions)
        return session.respond_with(Response(status_code=204))


@router.post("/clients/{client_id}/rotate-secret", response_model=ClientWithSecret)
@requires("clients:manage")
async def rotate_client_secret(request: ApiRequest, client_id: ClientId) -> Response:
    """Give a client a new secret, good for a year. The one it replaces works 24 hours more, an older one no longer.

    The secret stands in this answer and nowhere else; a replay by `Idempotency-Key` has null in its place.
    """
    async with write(request) as session:
        secret = await commands.rotate_secret(session.connection, session.actor, client_id)
        return await _with_secret(session, client_id, secret, status=200)


async def _with_secret(session: WriteSession, client_id: str, secret: str, *, status: int) -> Response:
    """The client with its secret; what is kept for a replay is the client without it."""
    row = await session.one(queries.client(session.request.caller, client_id, []), MISSING)
    headers = {"Cache-Control": "no-store", "ETag": row["etag"]}
    if status == 201:  # noqa: PLR2004 - a new record has an address
        headers["Location"] = f"/v1/clients/{client_id}"

    def answer(shown: str | None) -> Response:
        body = row["body"].removesuffix("}") + ',"client_secret":' + json.dumps(shown) + "}"
        return Response(body.encode(), status, headers, JSON)

    session.respond_with(answer(None))
    return answer(secret)
