"""HTTP for answers to exchange requests."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from app.errors import NotFound
from app.resources.exchanges.examples import SAMPLE_ID
from app.resources.exchanges.responses import commands, queries
from app.resources.exchanges.responses.examples import RESPONSE_ID
from app.resources.exchanges.responses.schemas import (
    ResponseCreate,
    ResponsePage,
    ResponsePublic,
    ResponseQuery,
    ResponseTransition,
)
from app.resources.exchanges.schemas import RequestTimeline, TimelineQuery
from app.web.responses import binding_of, document, not_modified, part_page
from app.web.routing import ApiRequest, ApiRouter, requires
from app.web.sessions import write

RequestId = Annotated[UUID, Field(examples=[SAMPLE_ID])]
ResponseId = Annotated[UUID, Field(examples=[RESPONSE_ID])]
MISSING = "There is no such response."

router = ApiRouter("exchange-requests")


@router.get("/exchange-requests/{id}/responses", response_model=ResponsePage)
@requires(None)
async def list_responses(request: ApiRequest, id: RequestId, query: Annotated[ResponseQuery, Query()]) -> Response:
    """List the answers to a request, oldest first: the city that asked sees all, one that answered its own."""
    binding = binding_of(f"responses {id}", query, request.caller.organization)
    position = request.position(binding, query.cursor)
    rows = await request.rows(queries.response_page(request.caller, id, query, position))
    return part_page(request, rows, query.limit, binding, missing="There is no such exchange request.")


@router.post("/exchange-requests/{id}/responses", status_code=201, response_model=ResponsePublic)
@requires("exchanges:write")
async def create_response(request: ApiRequest, id: RequestId, body: ResponseCreate) -> Response:
    """Answer an open request; a request that addresses others is answered by them."""
    async with write(request) as session:
        made = await commands.create_response(session.connection, session.actor, id, body)
        statement = queries.response(request.caller, id, made, [])
        return await session.respond(statement, status=201, location=f"/v1/exchange-requests/{id}/responses/{made}")


@router.get("/exchange-requests/{id}/responses/{response_id}", response_model=ResponsePublic)
@requires(None)
async def get_response(request: ApiRequest, id: RequestId, response_id: ResponseId) -> Response:
    """Read one answer: for the city that asked and the one that answered."""
    row = await request.row(queries.response(request.caller, id, response_id, not_modified(request)))
    if row is None:
        raise NotFound(MISSING)
    return document(request, row)


@router.get("/exchange-requests/{id}/responses/{response_id}/transitions", response_model=RequestTimeline)
@requires(None)
async def list_response_transitions(
    request: ApiRequest, id: RequestId, response_id: ResponseId, query: Annotated[TimelineQuery, Query()]
) -> Response:
    """Read an answer's timeline: who moved it, when, from which state to which."""
    binding = binding_of(f"response-transitions {response_id}", query)
    position = request.position(binding, query.cursor)
    rows = await request.rows(queries.timeline(request.caller, id, response_id, query.limit, position))
    return part_page(request, rows, query.limit, binding, missing=MISSING)


@router.post("/exchange-requests/{id}/responses/{response_id}/transitions", response_model=ResponsePublic)
@requires("exchanges:write")
async def move_response(
    request: ApiRequest, id: RequestId, response_id: ResponseId, body: ResponseTransition
) -> Response:
    """Move an answer to another state; accepting one matches the request, and of two acceptances one wins."""
    async with write(request) as session:
        await commands.move_response(session.connection, session.actor, id, response_id, body)
        return await session.respond(queries.response(request.caller, id, response_id, []), status=200)
