"""HTTP for exchange requests."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from app.errors import NotFound
from app.highlights import found
from app.resources.exchanges import commands, queries
from app.resources.exchanges.examples import SAMPLE_ID
from app.resources.exchanges.schemas import (
    RequestCreate,
    RequestPage,
    RequestPublic,
    RequestQuery,
    RequestTimeline,
    RequestTransition,
    RequestUpdate,
    TimelineQuery,
)
from app.web.etags import required_versions
from app.web.responses import binding_of, document, not_modified, page, part_page
from app.web.routing import ApiRequest, ApiRouter, repeatable, requires
from app.web.sessions import write
from app.web.tokens import unauthorized

RequestId = Annotated[UUID, Field(examples=[SAMPLE_ID])]

router = ApiRouter("exchange-requests")


@router.get("/exchange-requests", response_model=RequestPage)
@repeatable
async def list_exchange_requests(request: ApiRequest, query: Annotated[RequestQuery, Query()]) -> Response:
    """List exchange requests, newest first. Public ones are for everyone; a token adds what is shared with it.

    With `q` the most relevant come first, each with `highlight`.
    """
    if query.mine and not request.caller.is_member:
        raise unauthorized(request.scope, "`mine` needs an access token.")
    binding = binding_of("exchange-requests", query, request.caller.organization if query.mine else None)
    position = request.position(binding, query.cursor)
    rows = await request.rows(queries.request_page(request.caller, query, position))
    return page(request, rows, query.limit, binding, item=found if query.q else None)


@router.post("/exchange-requests", status_code=201, response_model=RequestPublic)
@requires("exchanges:write")
async def create_exchange_request(request: ApiRequest, body: RequestCreate) -> Response:
    """Ask for help, or offer it; the request is open at once."""
    async with write(request) as session:
        id_ = await commands.create_request(session.connection, session.actor, body)
        statement = queries.exchange_request(request.caller, id_, [])
        return await session.respond(statement, status=201, location=f"/v1/exchange-requests/{id_}")


@router.get("/exchange-requests/{id}", response_model=RequestPublic)
@repeatable
async def get_exchange_request(request: ApiRequest, id: RequestId) -> Response:
    """Read one exchange request."""
    row = await request.row(queries.exchange_request(request.caller, id, not_modified(request)))
    if row is None:
        raise NotFound("There is no such exchange request.")
    return document(request, row)


@router.patch("/exchange-requests/{id}", response_model=RequestPublic)
@requires("exchanges:write")
async def update_exchange_request(request: ApiRequest, id: RequestId, body: RequestUpdate) -> Response:
    """Change a request while it is open or returned, by merge patch (RFC 7396)."""
    versions = required_versions(request.headers.get("if-match"))
    async with write(request) as session:
        await commands.update_request(session.connection, session.actor, id, versions, body)
        return await session.respond(queries.exchange_request(request.caller, id, []))


@router.get("/exchange-requests/{id}/transitions", response_model=RequestTimeline)
async def list_exchange_request_transitions(
    request: ApiRequest, id: RequestId, query: Annotated[TimelineQuery, Query()]
) -> Response:
    """Read a request's timeline: who moved it, when, from which state to which."""
    binding = binding_of(f"exchange-request-transitions {id}", query)
    position = request.position(binding, query.cursor)
    rows = await request.rows(queries.timeline(request.caller, id, query.limit, position))
    return part_page(request, rows, query.limit, binding, missing="There is no such exchange request.")


@router.post("/exchange-requests/{id}/transitions", response_model=RequestPublic)
@requires("exchanges:write")
async def move_exchange_request(request: ApiRequest, id: RequestId, body: RequestTransition) -> Response:
    """Move a request to another state; `allowed_transitions` of the record says where it may go."""
    async with write(request) as session:
        await commands.move_request(session.connection, session.actor, id, body)
        return await session.respond(queries.exchange_request(request.caller, id, []))
