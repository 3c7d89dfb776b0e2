"""HTTP for tags."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from app.errors import NotAcceptable, NotFound
from app.fields import TagId
from app.resources.tags import commands, queries, skos
from app.resources.tags.examples import CONCEPT
from app.resources.tags.schemas import TagCreate, TagPage, TagPublic, TagQuery
from app.web.addresses import base_url
from app.web.negotiation import negotiated
from app.web.responses import JSON, VOCABULARY, binding_of, document, not_modified, page
from app.web.routing import ApiRequest, ApiRouter, raises, repeatable, requires
from app.web.sessions import write

LD_JSON = "application/ld+json"
KEPT = ("ETag", "Link", "Cache-Control", "Vary")
SKOS: dict[str, Any] = {"type": "object", "required": ["@context"], "description": "SKOS in JSON-LD 1.1."}

ThisTag = Annotated[TagId, Field(examples=["theme:housing"])]

router = ApiRouter("tags")


@router.get(
    "/tags",
    response_model=TagPage,
    responses={
        200: {
            "content": {
                LD_JSON: {"schema": SKOS, "example": {"@context": skos.CONTEXT, "@graph": [CONCEPT]}},
            }
        }
    },
)
@raises(NotAcceptable)
@repeatable
async def list_tags(request: ApiRequest, query: Annotated[TagQuery, Query()]) -> Response:
    """List tags, vocabulary by vocabulary, in their order; as SKOS with `Accept: application/ld+json`.

    `q` finds tags by labels and synonyms in all languages, the best first.
    """
    binding = binding_of("tags", query)
    position = request.position(binding, query.cursor)
    if negotiated(request.headers.get("accept"), (JSON, LD_JSON)) == JSON:
        return page(
            request, await request.rows(queries.tag_page(query, position)), query.limit, binding, public=VOCABULARY
        )
    base = base_url(request.scope)
    rows = await request.rows(queries.concept_page(query, position, base))
    answer = page(request, rows, query.limit, binding, public=VOCABULARY)
    if answer.status_code != 200:  # noqa: PLR2004 - 304: the client has it
        return answer
    shown = rows[: query.limit]
    schemes = [query.scheme] if query.scheme else dict.fromkeys(row["id"].split(":")[0] for row in shown)
    headers = {name: answer.headers[name] for name in KEPT if name in answer.headers}
    return Response(skos.graph(base, [row["body"] for row in shown], schemes), 200, headers, LD_JSON)


@router.post("/tags", status_code=201, response_model=TagPublic)
@requires("reviews:write")
async def create_tag(request: ApiRequest, body: TagCreate) -> Response:
    """Add a tag to `theme` or `group`: for networks and the operator. The other vocabularies are closed."""
    async with write(request) as session:
        id_ = await commands.create_tag(session.connection, session.actor, body)
        return await session.respond(queries.tag(id_, []), status=201, location=f"/v1/tags/{id_}")


@router.get(
    "/tags/{id}",
    response_model=TagPublic,
    responses={200: {"content": {LD_JSON: {"schema": SKOS, "example": {"@context": skos.CONTEXT, **CONCEPT}}}}},
)
@raises(NotAcceptable)
@repeatable
async def get_tag(request: ApiRequest, id: ThisTag) -> Response:
    """Read one tag; as SKOS with `Accept: application/ld+json`."""
    media_type, known = negotiated(request.headers.get("accept"), (JSON, LD_JSON)), not_modified(request)
    statement = queries.tag(id, known) if media_type == JSON else queries.concept(id, known, base_url(request.scope))
    row = await request.row(statement)
    if row is None:
        raise NotFound("There is no such tag.")
    return document(request, row, public=VOCABULARY, media_type=media_type)
