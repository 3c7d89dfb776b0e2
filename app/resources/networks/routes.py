"""HTTP for networks and memberships."""

from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from app.errors import NotFound
from app.fields import CityId, Slug
from app.resources.networks import commands, queries
from app.resources.networks.commands import Expectation
from app.resources.networks.schemas import (
    MembershipPage,
    MembershipPublic,
    MembershipPut,
    MembershipQuery,
    NetworkCreate,
    NetworkPage,
    NetworkPublic,
    NetworkQuery,
    NetworkUpdate,
)
from app.web.etags import candidates, required_versions
from app.web.responses import binding_of, document, not_modified, page, part_page
from app.web.routing import ApiRequest, ApiRouter, repeatable, requires
from app.web.sessions import write

ThisNetwork = Annotated[Slug, Field(examples=["mmc"])]
ThisCity = Annotated[CityId, Field(examples=["ca-montreal"])]

router = ApiRouter("networks")


@router.get("/networks", response_model=NetworkPage)
@repeatable
async def list_networks(request: ApiRequest, query: Annotated[NetworkQuery, Query()]) -> Response:
    """List networks by id."""
    binding = binding_of("networks", query)
    position = request.position(binding, query.cursor)
    rows = await request.rows(queries.network_page(query, position))
    return page(request, rows, query.limit, binding)


@router.post("/networks", status_code=201, response_model=NetworkPublic)
@requires("cities:write")
async def create_network(request: ApiRequest, body: NetworkCreate) -> Response:
    """Register a network; for the operator."""
    async with write(request) as session:
        await commands.create_network(session.connection, session.actor, body)
        return await session.respond(queries.network(body.id, []), status=201, location=f"/v1/networks/{body.id}")


@router.get("/networks/{id}", response_model=NetworkPublic)
@repeatable
async def get_network(request: ApiRequest, id: ThisNetwork) -> Response:
    """Read one network."""
    row = await request.row(queries.network(id, not_modified(request)))
    if row is None:
        raise NotFound("There is no such network.")
    return document(request, row)


@router.patch("/networks/{id}", response_model=NetworkPublic)
@requires("cities:write")
async def update_network(request: ApiRequest, id: ThisNetwork, body: NetworkUpdate) -> Response:
    """Change a network by merge patch (RFC 7396): for the network itself, and for the operator."""
    versions = required_versions(request.headers.get("if-match"))
    async with write(request) as session:
        await commands.update_network(session.connection, session.actor, id, versions, body)
        return await session.respond(queries.network(id, []))


@router.get("/networks/{id}/cities", response_model=MembershipPage)
async def list_network_cities(
    request: ApiRequest, id: ThisNetwork, query: Annotated[MembershipQuery, Query()]
) -> Response:
    """List the cities of a network by id, those that have left it too; `current` tells them apart."""
    binding = binding_of(f"network-cities {id}", query)
    position = request.position(binding, query.cursor)
    rows = await request.rows(queries.membership_page(id, query, position))
    return part_page(request, rows, query.limit, binding, missing="There is no such network.")


@router.get("/networks/{id}/cities/{city_id}", response_model=MembershipPublic)
async def get_network_city(request: ApiRequest, id: ThisNetwork, city_id: ThisCity) -> Response:
    """Read how a city belongs to a network."""
    row = await request.row(queries.membership(id, city_id, not_modified(request)))
    if row is None:
        raise NotFound("The city does not belong to the network.")
    return document(request, row)


@router.put(
    "/networks/{id}/cities/{city_id}",
    response_model=MembershipPublic,
    responses={201: {"model": MembershipPublic, "description": "The city belongs to the network now."}},
)
@requires("cities:write")
async def put_network_city(request: ApiRequest, id: ThisNetwork, city_id: ThisCity, body: MembershipPut) -> Response:
    """Let a city belong to the network (201), or replace how it does (200, with `If-Match`): for the network itself.

    `If-None-Match: *` makes sure that nothing is replaced.
    """
    if_match = request.headers.get("if-match")
    expected = Expectation(
        versions=required_versions(if_match) if if_match is not None else None,
        is_there=if_match is not None,
        is_new="*" in candidates(request.headers.get("if-none-match")),
    )
    async with write(request) as session:
        is_new = await commands.put_membership(session.connection, session.actor, id, city_id, expected, body)
        location = f"/v1/networks/{id}/cities/{city_id}" if is_new else None
        return await session.respond(
            queries.membership(id, city_id, []), status=201 if is_new else 200, location=location
        )


@router.delete("/networks/{id}/cities/{city_id}", status_code=204)
@requires("cities:write")
async def delete_network_city(request: ApiRequest, id: ThisNetwork, city_id: ThisCity) -> Response:
    """Strike a city from the network's list; for one that has left it, rather set `until`."""
    versions = required_versions(request.headers.get("if-match"))
    async with write(request) as session:
        await commands.delete_membership(session.connection, session.actor, id, city_id, versions)
        return session.respond_with(Response(status_code=204))
