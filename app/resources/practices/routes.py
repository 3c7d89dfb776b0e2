"""HTTP for practices."""

import sys
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from app.errors import Gone, NotAcceptable, NotFound
from app.highlights import found
from app.resources.practices import commands, queries
from app.resources.practices.endings import MOVED, ended
from app.resources.practices.examples import SAMPLE_ID
from app.resources.practices.facets.queries import facets
from app.resources.practices.facets.schemas import Facets
from app.resources.practices.files import FORMATS, Format, FormatName, changed_at
from app.resources.practices.forms import FORMS
from app.resources.practices.parameters import (
    PracticeFileQuery,
    PracticeFilters,
    PracticeQuery,
    SimilarQuery,
    TimelineQuery,
)
from app.resources.practices.schemas import (
    PracticeCreate,
    PracticePage,
    PracticePublic,
    PracticeTransition,
    PracticeUpdate,
    Tombstone,
    TransitionPage,
)
from app.resources.practices.similar import SimilarPage, similar
from app.search.drafts import index_drafts_first
from app.web.addresses import base_url
from app.web.etags import required_versions
from app.web.negotiation import negotiated, wanted_languages
from app.web.responses import JSON, binding_of, cache_headers, counted, document, not_modified, page, part_page
from app.web.routing import ApiRequest, ApiRouter, raises, repeatable, requires
from app.web.sessions import write

PracticeId = Annotated[UUID, Field(examples=[SAMPLE_ID])]

FILE_ROWS = 500

router = ApiRouter("practices")


@router.get("/practices", response_model=PracticePage)
@repeatable
async def list_practices(request: ApiRequest, query: Annotated[PracticeQuery, Query()]) -> Response:
    """List practices, newest first; every filter narrows the list.

    With `q` the most relevant come first: records that have all words before those that have some, titles before
    texts. A tag, city or country named in any language finds its records; the last word may be unfinished. Each item
    then has `highlight`.

    Published public practices are for everyone; a token adds what is shared with members, and one's own in any state.
    """
    binding = binding_of("practices", query)
    position = request.position(binding, query.cursor)
    await _index_first(request, query)
    rows = await request.rows(queries.practice_page(request.caller, query, position))
    return page(request, rows, query.limit, binding, item=found if query.q else None)


@router.get("/practices/facets", response_model=Facets)
@repeatable
async def count_practices(request: ApiRequest, query: Annotated[PracticeFilters, Query()]) -> Response:
    """Count what a search finds, by tags, countries, languages, networks, stages and bands.

    The filters are those of the list. Each dimension is counted without its own filter, so that a search can be
    widened; what is not known is counted under null.
    """
    await _index_first(request, query)
    row = await request.row(facets(request.caller, query))
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    return counted(request, row["body"].encode())


@router.get(
    "/practices.{format}",
    response_class=Response,
    responses={200: {"content": {kind.media_type: kind.documented for kind in FORMATS.values()}}},
)
async def download_practices(
    request: ApiRequest, format: FormatName, query: Annotated[PracticeFileQuery, Query()]
) -> Response:
    """Download a whole search as a file: the same filters and order as the list, streamed to the end.

    CSV (cells that a spreadsheet would run are defused), NDJSON (the whole public records), GeoJSON (at the place of
    the city), JSON-LD (schema.org) and Atom. Contacts are never in a file.
    """
    await _index_first(request, query)
    kind = FORMATS[format]
    address = f"{base_url(request.scope)}/v1/practices"
    name = f'attachment; filename="practices.{format}"'
    return StreamingResponse(
        _lines(request, query, kind, address),
        headers={**cache_headers(request), "Content-Disposition": name, "X-Content-Type-Options": "nosniff"},
        media_type=kind.media_type,
    )


async def _index_first(request: ApiRequest, query: PracticeFilters) -> None:
    if query.q is not None and query.status == "draft" and request.caller.is_member:
        await index_drafts_first(request.services.database)


async def _lines(request: ApiRequest, query: PracticeFileQuery, kind: Format, address: str) -> AsyncIterator[bytes]:
    """A file, as it is read page by page: memory does not grow with its length."""
    left, position, newest = query.limit or sys.maxsize, None, None
    yield kind.head(address, query)
    while left:
        count = min(left, FILE_ROWS)
        rows = await request.rows(queries.practice_file(request.caller, query, count, position))
        if rows:
            records = [kind.record(address, dict(row)) for row in rows]
            yield (b"" if newest is None else kind.between) + kind.between.join(records)
            newest = max(newest or "", *(changed_at(row["body"]) for row in rows))
        if len(rows) < count:
            break
        left -= len(rows)
        position = [rows[-1]["k0"], rows[-1]["k1"]]
    yield kind.tail(newest)


@router.post("/practices", status_code=201, response_model=PracticePublic)
@requires("practices:write")
async def create_practice(request: ApiRequest, body: PracticeCreate) -> Response:
    """Record a practice, as a draft that only its city sees; publish it with a transition."""
    async with write(request) as session:
        id_ = await commands.create_practice(session.connection, session.actor, body)
        return await session.respond(
            queries.practice(request.caller, id_, []), status=201, location=f"/v1/practices/{id_}"
        )


IN_FORMS = {"content": {media_type: form.documented for media_type, form in FORMS.items()}}


@router.get("/practices/{id}", response_model=PracticePublic, responses={200: IN_FORMS, 301: MOVED})
@raises(Gone, NotAcceptable)
@repeatable
async def get_practice(request: ApiRequest, id: PracticeId) -> Response:
    """Read one practice; as schema.org with `Accept: application/ld+json`, to be read with `text/markdown`.

    `Accept-Language` picks a translation where there is one, and `Content-Language` tells. A withdrawn one answers 410
    with its tombstone, a merged one leads to its successor.
    """
    media_type = negotiated(request.headers.get("accept"), (JSON, *FORMS))
    form = FORMS.get(media_type)
    languages = wanted_languages(request.headers.get("accept-language"))
    mark = form.mark if form else ""
    row = await request.row(queries.practice(request.caller, id, not_modified(request), mark, languages))
    if row is None:
        raise NotFound("There is no such practice.")
    if row["tombstone"]:
        return ended(request, row)
    headers = {"Content-Language": row["language"], "Vary": "Authorization, Accept, Accept-Language"}
    if form is None or row["body"] is None:
        return document(request, row, headers=headers)
    written = form.write(f"{base_url(request.scope)}/v1/practices", dict(row))
    return document(request, {"etag": row["etag"], "body": written}, headers=headers, media_type=media_type)


@router.patch("/practices/{id}", response_model=PracticePublic)
@requires("practices:write")
async def update_practice(request: ApiRequest, id: PracticeId, body: PracticeUpdate) -> Response:
    """Change a practice by merge patch (RFC 7396); `If-Match` says which version the change is for."""
    versions = required_versions(request.headers.get("if-match"))
    async with write(request) as session:
        await commands.update_practice(session.connection, session.actor, id, versions, body)
        return await session.respond(queries.practice(request.caller, id, []))


@router.delete("/practices/{id}", status_code=204)
@requires("practices:write")
async def delete_practice(request: ApiRequest, id: PracticeId) -> Response:
    """Delete a practice: a draft vanishes, a published one is withdrawn and leaves a tombstone."""
    versions = required_versions(request.headers.get("if-match"))
    async with write(request) as session:
        await commands.delete_practice(session.connection, session.actor, id, versions)
        return session.respond_with(Response(status_code=204))


@router.get("/practices/{id}/similar", response_model=SimilarPage)
@repeatable
async def list_similar_practices(
    request: ApiRequest, id: PracticeId, query: Annotated[SimilarQuery, Query()]
) -> Response:
    """List the published practices most like this one, each with the reasons.

    Reasons are shared tags (rare ones weigh more), shared words of title, summary and keywords, and what the two cities
    have in common: population band, roles, mandates. Each shows in both records, and its score is a part of the whole.
    """
    row = await request.row(similar(request.caller, id, query.limit))
    if row is None:
        raise NotFound("There is no such practice.")
    return counted(request, row["body"].encode())


@router.get("/practices/{id}/transitions", response_model=TransitionPage)
async def list_practice_transitions(
    request: ApiRequest, id: PracticeId, query: Annotated[TimelineQuery, Query()]
) -> Response:
    """Read a practice's timeline: who moved it, when, from which state to which."""
    binding = binding_of(f"practice-transitions {id}", query)
    position = request.position(binding, query.cursor)
    rows = await request.rows(queries.timeline(request.caller, id, query.limit, position))
    return part_page(request, rows, query.limit, binding, missing="There is no such practice.")


@router.post("/practices/{id}/transitions", response_model=PracticePublic | Tombstone)
@requires("practices:write")
async def move_practice(request: ApiRequest, id: PracticeId, body: PracticeTransition) -> Response:
    """Move a practice to another state; `allowed_transitions` of the record says where it may go."""
    async with write(request) as session:
        await commands.move_practice(session.connection, session.actor, id, body)
        row = await session.one(queries.practice(request.caller, id, []))
        return session.respond_with(
            Response(row["tombstone"] or row["body"], media_type=JSON, headers={"ETag": row["etag"]})
        )


@router.post("/practices/{id}/claim", response_model=PracticePublic)
@requires("practices:write")
async def claim_practice(request: ApiRequest, id: PracticeId) -> Response:
    """Take over a record that a network brought in: from now on the city alone changes it."""
    async with write(request) as session:
        await commands.claim_practice(session.connection, session.actor, id)
        return await session.respond(queries.practice(request.caller, id, []))
