"""HTTP for messages between the two sides of a match."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from app.resources.exchanges.examples import SAMPLE_ID
from app.resources.exchanges.messages import commands, queries
from app.resources.exchanges.messages.schemas import MessageCreate, MessagePage, MessagePublic, MessageQuery
from app.web.responses import binding_of, part_page
from app.web.routing import ApiRequest, ApiRouter, requires
from app.web.sessions import write

RequestId = Annotated[UUID, Field(examples=[SAMPLE_ID])]

router = ApiRouter("exchange-requests")


@router.get("/exchange-requests/{id}/messages", response_model=MessagePage)
@requires("exchanges:read")
async def list_messages(request: ApiRequest, id: RequestId, query: Annotated[MessageQuery, Query()]) -> Response:
    """Read what the two sides wrote to each other, oldest first; to everybody else there is nothing here."""
    binding = binding_of(f"messages {id}", query, request.caller.organization)
    position = request.position(binding, query.cursor)
    rows = await request.rows(queries.message_page(request.caller, id, query, position))
    return part_page(request, rows, query.limit, binding, missing="There is no such exchange of the caller's.")


@router.post("/exchange-requests/{id}/messages", status_code=201, response_model=MessagePublic)
@requires("exchanges:write")
async def create_message(request: ApiRequest, id: RequestId, body: MessageCreate) -> Response:
    """Write to the other side, once an answer is accepted."""
    async with write(request) as session:
        made = await commands.create_message(session.connection, session.actor, id, body)
        return await session.respond(queries.message(made), status=201, location=f"/v1/exchange-requests/{id}/messages")
