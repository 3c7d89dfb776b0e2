"""HTTP for tags."""

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from app.errors import NotAcceptable, NotFound
from app.fields import TagId
from app.resources.tags import commands, queries, skos
from app.resources.tags.examples import CONCEPT
from app.resources.tags.schemas import TagCreate, TagPage, TagPublic, TagQuery
from app.web.addresses import base_url
from app.web.responses import JSON, VOCABULARY, binding_of, document, not_modified, page
from app.web.routing import ApiRequest, ApiRouter, requires
from app.web.sessions import write

LD_JSON = "application/ld+json"
KEPT = ("ETag", "Link", "Cache-Control", "Vary")
SKOS: dict[str, Any] = {"type": "object", "required": ["@context"], "description": "SKOS in JSON-LD 1.1."}

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
async def list_tags(request: ApiRequest, query: Annotated[TagQuery, Query()]) -> Response:
    """List tags, vocabulary by vocabulary, in their order; as SKOS with `Accept: application/ld+json`."""
    binding = binding_of("tags", query)
    position = request.services.cursors.decode(binding, query.cursor) if query.cursor else None
    if _media_type(request) == JSON:
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
async def get_tag(request: ApiRequest, id: TagId) -> Response:
    """Read one tag; as SKOS with `Accept: application/ld+json`."""
    media_type, known = _media_type(request), not_modified(request)
    statement = queries.tag(id, known) if media_type == JSON else queries.concept(id, known, base_url(request.scope))
    row = await request.row(statement)
    if row is None:
        raise NotFound("There is no such tag.")
    return document(request, row, public=VOCABULARY, media_type=media_type)


list_tags.problems = get_tag.problems = (NotAcceptable,)  # type: ignore[attr-defined]  # read by the OpenAPI document


def _media_type(request: ApiRequest) -> str:
    """What `Accept` prefers; JSON where it has no preference.

    Raises:
        NotAcceptable: it takes neither.
    """
    accept = request.headers.get("accept")
    if accept is None:
        return JSON
    weights = _weights(accept)
    plain, linked = _weight(weights, JSON), _weight(weights, LD_JSON)
    if max(plain[0], linked[0]) == 0:
        raise NotAcceptable(f"This path answers as {JSON} and as {LD_JSON}.", headers={"Vary": "Accept"})
    return LD_JSON if linked > plain else JSON


def _weights(accept: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for entry in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in entry.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = min(1.0, max(0.0, float(value)))
                except ValueError:
                    quality = 0.0
        weights[media_range] = max(quality, weights.get(media_range, 0.0))
    return weights


def _weight(weights: dict[str, float], media_type: str) -> tuple[float, int]:
    """How much a media type is wanted, and how exactly it was named: the most exact range counts (RFC 9110 §12.5.1)."""
    for exactness, media_range in ((2, media_type), (1, "application/*"), (0, "*/*")):
        if media_range in weights:
            return weights[media_range], exactness
    return 0.0, 0
