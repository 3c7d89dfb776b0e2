"""HTTP for networks that bring records in by their own ids."""

import json
from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from app.caller import Actor
from app.errors import Conflict, Forbidden, InvalidInput, NotFound, PayloadTooLarge, UnsupportedMediaType
from app.fields import Identifier, Slug
from app.resources.practices.queries import practice
from app.resources.practices.schemas import PracticePublic
from app.resources.practices.sources import commands, queries
from app.resources.practices.sources.answer import NDJSON, Results
from app.resources.practices.sources.bulk import results, trial_results
from app.resources.practices.sources.lines import decoder_of, lines_of
from app.resources.practices.sources.outcomes import outcome
from app.resources.practices.sources.records import Record
from app.resources.practices.sources.schemas import (
    OUTCOME_EXAMPLE,
    SOURCE_EXAMPLE,
    SourceOutcome,
    SourcePractice,
    SourceQuery,
)
from app.resources.practices.sources.upsert import upsert
from app.web.responses import document, not_modified
from app.web.routing import ApiRequest, ApiRouter, raises, requires, unneeded
from app.web.sessions import write

MISSING = "The network has brought in no record under this id."
Network = Annotated[Slug, Field(examples=["mmc"])]
ExternalId = Annotated[Identifier, Field(examples=["4711"])]


router = ApiRouter("sync")


def _check_network(request: ApiRequest, network: str) -> None:
    """Only a network itself brings in under its name, and the operator for it."""
    if not request.caller.is_operator and request.caller.network_id != network:
        raise Forbidden("Only the network itself brings records in under its name.")


@router.post(
    "/sources/{network}/practices",
    response_class=Response,
    responses={
        200: {
            "description": "One result for each line, in order.",
            "content": {NDJSON: {"schema": {"type": "string"}, "example": json.dumps({"line": 1, **OUTCOME_EXAMPLE})}},
        }
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                NDJSON: {
                    "schema": {"type": "string"},
                    "example": json.dumps({"external_id": "4711", **SOURCE_EXAMPLE}, ensure_ascii=False),
                }
            },
        }
    },
)
@requires("sync:write")
@unneeded("Idempotency-Key")
@raises(UnsupportedMediaType, PayloadTooLarge)
async def bring_practices(request: ApiRequest, network: Network, query: Annotated[SourceQuery, Query()]) -> Response:
    """Bring in many records: a line for each, with `external_id`; a result line comes back for each, in order.

    A line is what PUT takes, and `external_id`; a result is what PUT answers, and `line`, its number from 1. Empty
    lines are counted and not answered.
    The results come while the lines are still read. A bad line spoils no other; what was broken off is sent again from
    its beginning without harm. With `dry_run=true` the results are those of the real run, and nothing is kept.
    """
    _check_network(request, network)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != NDJSON:
        raise UnsupportedMediaType(f"Send {NDJSON}.", headers={"Accept-Post": NDJSON})
    await _check_known(request, network)
    lines = lines_of(request.stream(), decoder_of(request.headers.get("content-encoding", "")))
    actor = Actor(request.caller, request.request_id)
    bring = trial_results if query.dry_run else results
    return Results(bring(request.services.database, actor, network, lines))


@router.get("/sources/{network}/practices/{external_id:path}", response_model=PracticePublic)
@requires("sync:write")
async def get_source_practice(request: ApiRequest, network: Network, external_id: ExternalId) -> Response:
    """Read the practice that a network knows by its own id."""
    _check_network(request, network)
    found = await request.services.database.row(*queries.practice_of(network, external_id).flat)
    if found is None:
        raise NotFound(MISSING)
    row = await request.services.database.row(*practice(request.caller, found["id"], not_modified(request)).flat)
    if row is None or row["tombstone"] is not None:
        raise NotFound("The record was withdrawn.")
    return document(request, row)


@router.put(
    "/sources/{network}/practices/{external_id:path}",
    response_model=SourceOutcome,
    responses={201: {"model": SourceOutcome, "description": "Made."}},
)
@requires("sync:write")
@unneeded("If-Match")
@raises(Conflict)
async def put_source_practice(
    request: ApiRequest, network: Network, external_id: ExternalId, body: SourcePractice
) -> Response:
    """Make a record what it is with the network: 201 `created`; 200 `updated`, `unchanged` or `linked`.

    What is unchanged gets no new version, and does not move in the feed. No If-Match: the network's own state counts.
    """
    _check_network(request, network)
    await _check_known(request, network)
    record = Record(external_id, body)
    async with write(request) as session:
        await upsert(session.connection, session.actor, network, [record])
        if record.result == "conflict":
            raise Conflict(record.errors[0]["detail"], errors=record.errors)
        if record.result == "invalid":
            raise InvalidInput(record.errors[0]["detail"], errors=record.errors)
        headers = {"Location": f"/v1/practices/{record.id}"} if record.result == "created" else {}
        status = 201 if record.result == "created" else 200
        return session.respond_with(Response(outcome(record), status, headers, "application/json"))


@router.delete("/sources/{network}/practices/{external_id:path}", status_code=204)
@requires("sync:write")
@unneeded("If-Match")
async def delete_source_practice(request: ApiRequest, network: Network, external_id: ExternalId) -> Response:
    """Take a record back; one that nobody else brought in and no city claimed is withdrawn."""
    _check_network(request, network)
    async with write(request) as session:
        await commands.take_back(session.connection, session.actor, network, external_id)
        return session.respond_with(Response(status_code=204))


async def _check_known(request: ApiRequest, network: str) -> None:
    if not await request.services.database.value("SELECT EXISTS (SELECT FROM network WHERE id = $1)", network):
        raise NotFound("There is no such network.")
