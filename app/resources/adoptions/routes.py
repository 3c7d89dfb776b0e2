"""HTTP for adoptions and lineages."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from app.errors import NotFound
from app.resources.adoptions import commands, queries
from app.resources.adoptions.examples import ADOPTION_ID, PRACTICE_ID
from app.resources.adoptions.schemas import (
    AdoptionCreate,
    AdoptionPage,
    AdoptionPublic,
    AdoptionQuery,
    AdoptionUpdate,
    Lineage,
    LineageQuery,
    PracticeAdoptionQuery,
)
from app.web.etags import required_versions
from app.web.responses import binding_of, counted, document, not_modified, page, part_page
from app.web.routing import ApiRequest, ApiRouter, requires
from app.web.sessions import write

PracticeId = Annotated[UUID, Field(examples=[PRACTICE_ID])]
AdoptionId = Annotated[UUID, Field(examples=[ADOPTION_ID])]
NO_PRACTICE = "There is no such practice."

router = ApiRouter("adoptions")


@router.get("/adoptions", response_model=AdoptionPage)
async def list_adoptions(request: ApiRequest, query: Annotated[AdoptionQuery, Query()]) -> Response:
    """List adoptions of all practices, newest first."""
    binding = binding_of("adoptions", query)
    position = request.position(binding, query.cursor)
    return page(
        request, await request.rows(queries.adoption_page(request.caller, query, position)), query.limit, binding
    )


@router.get("/practices/{id}/lineage", include_in_schema=False)  # the shorter address, for people
@router.get("/practices/{id}/adoptions/lineage", response_model=Lineage)
async def get_lineage(request: ApiRequest, id: PracticeId, query: Annotated[LineageQuery, Query()]) -> Response:
    """Read where a practice comes from and what came of it: a graph of practices and adoptions.

    1,000 practices at most, the nearest first; what the caller does not see ends the way. `/v1/practices/{id}/lineage`
    is another address of the same.
    """
    row = await request.row(queries.lineage(request.caller, id, query.depth))
    if row is None:
        raise NotFound(NO_PRACTICE)
    return counted(request, row["body"].encode())


@router.get("/practices/{id}/adoptions", response_model=AdoptionPage)
async def list_practice_adoptions(
    request: ApiRequest, id: PracticeId, query: Annotated[PracticeAdoptionQuery, Query()]
) -> Response:
    """List who adapted a practice, newest first."""
    binding = binding_of(f"adoptions {id}", query)
    position = request.position(binding, query.cursor)
    rows = await request.rows(queries.adoptions_of(request.caller, id, query, position))
    return part_page(request, rows, query.limit, binding, missing=NO_PRACTICE)


@router.post("/practices/{id}/adoptions", status_code=201, response_model=AdoptionPublic)
@requires("practices:write")
async def create_adoption(request: ApiRequest, id: PracticeId, body: AdoptionCreate) -> Response:
    """Record that the caller's city adapts a published practice of another city.

    One adoption for each city and practice. It may begin at any stage and move to any other, also back from `stopped`,
    which needs `why_stopped`; the words about earlier stages stay until they are changed.
    """
    async with write(request) as session:
        made = await commands.create_adoption(session.connection, session.actor, id, body)
        statement = queries.adoption(request.caller, id, made, [])
        return await session.respond(statement, status=201, location=f"/v1/practices/{id}/adoptions/{made}")


@router.get("/practices/{id}/adoptions/{adoption_id}", response_model=AdoptionPublic)
async def get_adoption(request: ApiRequest, id: PracticeId, adoption_id: AdoptionId) -> Response:
    """Read one adoption."""
    row = await request.row(queries.adoption(request.caller, id, adoption_id, not_modified(request)))
    if row is None:
        raise NotFound("There is no such adoption.")
    return document(request, row)


@router.patch("/practices/{id}/adoptions/{adoption_id}", response_model=AdoptionPublic)
@requires("practices:write")
async def update_adoption(
    request: ApiRequest, id: PracticeId, adoption_id: AdoptionId, body: AdoptionUpdate
) -> Response:
    """Change an adoption, by merge patch (RFC 7396); the origin's confirmation is of what it had read, and goes."""
    versions = required_versions(request.headers.get("if-match"))
    async with write(request) as session:
        await commands.update_adoption(session.connection, session.actor, id, adoption_id, versions, body)
        return await session.respond(queries.adoption(request.caller, id, adoption_id, []))


@router.post("/practices/{id}/adoptions/{adoption_id}/confirmation", response_model=AdoptionPublic)
@requires("practices:write")
async def confirm_adoption(request: ApiRequest, id: PracticeId, adoption_id: AdoptionId) -> Response:
    """Confirm an adoption, as the city that the practice comes from."""
    async with write(request) as session:
        await commands.confirm_adoption(session.connection, session.actor, id, adoption_id)
        return await session.respond(queries.adoption(request.caller, id, adoption_id, []))
