"""HTTP for cities."""

from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from app.errors import NotFound
from app.fields import CityId
from app.resources.cities import commands, queries
from app.resources.cities.schemas import CityCreate, CityPage, CityPublic, CityQuery, CityUpdate
from app.web.etags import required_versions
from app.web.responses import binding_of, document, not_modified, page
from app.web.routing import ApiRequest, ApiRouter, repeatable, requires
from app.web.sessions import write

ThisCity = Annotated[CityId, Field(examples=["ca-montreal"])]

router = ApiRouter("cities")


@router.get("/cities", response_model=CityPage)
@repeatable
async def list_cities(request: ApiRequest, query: Annotated[CityQuery, Query()]) -> Response:
    """List cities by id; every filter narrows the list. `near` with `radius_km`, and `bbox`, search by position.

    `q` finds cities by their names in all languages, and by their country's, the best first; accents and misspelling
    do not matter, and the last word may be unfinished.
    """
    binding = binding_of("cities", query)
    position = request.position(binding, query.cursor)
    rows = await request.rows(queries.city_page(query, position))
    return page(request, rows, query.limit, binding)


@router.post("/cities", status_code=201, response_model=CityPublic)
@requires("cities:write")
async def create_city(request: ApiRequest, body: CityCreate) -> Response:
    """Register a city: for networks, whose member it becomes, and for the operator.

    Its id is the one sent, or made from the country and the name (`ca-montreal`), and never changes.
    """
    async with write(request) as session:
        id_ = await commands.create_city(session.connection, session.actor, body)
        return await session.respond(queries.city(id_, []), status=201, location=f"/v1/cities/{id_}")


@router.get("/cities/{id}", response_model=CityPublic)
@repeatable
async def get_city(request: ApiRequest, id: ThisCity) -> Response:
    """Read one city."""
    row = await request.row(queries.city(id, not_modified(request)))
    if row is None:
        raise NotFound("There is no such city.")
    return document(request, row)


@router.patch("/cities/{id}", response_model=CityPublic)
@requires("cities:write")
async def update_city(request: ApiRequest, id: ThisCity, body: CityUpdate) -> Response:
    """Change a city's profile by merge patch (RFC 7396): for the city itself, and for the operator."""
    versions = required_versions(request.headers.get("if-match"))
    async with write(request) as session:
        await commands.update_city(session.connection, session.actor, id, versions, body)
        return await session.respond(queries.city(id, []))
