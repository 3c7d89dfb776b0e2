"""HTTP for translations."""

from typing import Annotated
from uuid import UUID

from pydantic import Field
from starlette.responses import Response

from app.errors import NotFound
from app.fields import Language
from app.resources.practices.examples import SAMPLE_ID
from app.resources.practices.translations import commands, queries
from app.resources.practices.translations.schemas import TranslationPublic, TranslationPut
from app.web.etags import put_versions, required_versions
from app.web.responses import document, not_modified
from app.web.routing import ApiRequest, ApiRouter, requires
from app.web.sessions import write

PracticeId = Annotated[UUID, Field(examples=[SAMPLE_ID])]
LanguageTag = Annotated[Language, Field(examples=["fr"])]

router = ApiRouter("practices")


@router.get("/practices/{id}/translations/{language}", response_model=TranslationPublic)
async def get_translation(request: ApiRequest, id: PracticeId, language: LanguageTag) -> Response:
    """Read the texts of a practice in another language, and who translated them."""
    row = await request.row(queries.translation(request.caller, id, language, not_modified(request)))
    if row is None:
        raise NotFound("There is no translation into this language.")
    return document(request, row, headers={"Content-Language": language})


@router.put(
    "/practices/{id}/translations/{language}",
    response_model=TranslationPublic,
    responses={201: {"model": TranslationPublic, "description": "Made."}},
)
@requires("practices:write")
async def put_translation(request: ApiRequest, id: PracticeId, language: LanguageTag, body: TranslationPut) -> Response:
    """Write the texts of a practice in another language; one that is there needs `If-Match`.

    `If-None-Match: *` makes sure that nothing is replaced.
    """
    if_match, if_none_match = (request.headers.get(name) for name in ("if-match", "if-none-match"))
    async with write(request) as session:
        is_new = await commands.put_translation(
            session.connection, session.actor, id, language, body,
            lambda is_new: put_versions(if_match, if_none_match, is_new=is_new),
        )  # fmt: skip
        statement = queries.translation(request.caller, id, language, [])
        if is_new:
            return await session.respond(statement, status=201, location=f"/v1/practices/{id}/translations/{language}")
        return await session.respond(statement)


@router.delete("/practices/{id}/translations/{language}", status_code=204)
@requires("practices:write")
async def delete_translation(request: ApiRequest, id: PracticeId, language: LanguageTag) -> Response:
    """Take a translation away; `If-Match` says which state is meant."""
    versions = required_versions(request.headers.get("if-match"))
    async with write(request) as session:
        await commands.delete_translation(session.connection, session.actor, id, language, versions)
        return session.respond_with(Response(status_code=204))
