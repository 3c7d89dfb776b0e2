"""HTTP for verifications and endorsements."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from app.resources.practices.examples import SAMPLE_ID
from app.resources.practices.queries import practice
from app.resources.practices.schemas import PracticePublic
from app.resources.practices.standing import commands, queries
from app.resources.practices.standing.schemas import (
    EndorsementCreate,
    EndorsementPage,
    EndorsementPublic,
    EndorsementQuery,
)
from app.web.responses import binding_of, part_page
from app.web.routing import ApiRequest, ApiRouter, requires
from app.web.sessions import write

PracticeId = Annotated[UUID, Field(examples=[SAMPLE_ID])]

router = ApiRouter("practices")


@router.post("/practices/{id}/verification", response_model=PracticePublic)
@requires("reviews:write")
async def verify_practice(request: ApiRequest, id: PracticeId) -> Response:
    """Record that a person checked the practice today; nothing else moves `last_verified_at`."""
    async with write(request) as session:
        await commands.verify_practice(session.connection, session.actor, id)
        return await session.respond(practice(request.caller, id, []))


@router.get("/practices/{id}/endorsements", response_model=EndorsementPage)
async def list_endorsements(
    request: ApiRequest, id: PracticeId, query: Annotated[EndorsementQuery, Query()]
) -> Response:
    """List who vouches for a practice, oldest first."""
    binding = binding_of(f"endorsements {id}", query)
    position = request.position(binding, query.cursor)
    rows = await request.rows(queries.endorsements(request.caller, id, query, position))
    return part_page(request, rows, query.limit, binding, missing="There is no such practice.")


@router.post("/practices/{id}/endorsements", status_code=201, response_model=EndorsementPublic)
@requires("reviews:write")
async def endorse_practice(request: ApiRequest, id: PracticeId, body: EndorsementCreate) -> Response:
    """Vouch for the practice of another city, as a member city or network; once."""
    async with write(request) as session:
        await commands.endorse_practice(session.connection, session.actor, id, body)
        statement = queries.endorsement(id, session.actor.organization)
        return await session.respond(statement, status=201, location=f"/v1/practices/{id}/endorsements")
