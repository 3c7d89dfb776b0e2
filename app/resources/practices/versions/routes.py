"""HTTP for versions."""

import json
from operator import itemgetter
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from app.errors import Gone, NotFound
from app.resources.practices.endings import MOVED, ended
from app.resources.practices.examples import SAMPLE_ID
from app.resources.practices.versions import queries
from app.resources.practices.versions.diff import with_diff
from app.resources.practices.versions.schemas import PracticeVersion, VersionPage, VersionQuery, VersionsQuery
from app.web.responses import binding_of, document, not_modified, page
from app.web.routing import ApiRequest, ApiRouter, raises

PracticeId = Annotated[UUID, Field(examples=[SAMPLE_ID])]
Number = Annotated[int, Field(ge=1, le=2_147_483_647, examples=[1])]
MISSING = "There is no such practice."
# A version stays as it is, but its practice may be withdrawn: nobody shows it for long after that.
KEPT = "max-age=3600, immutable"

router = ApiRouter("practices")


@router.get("/practices/{id}/versions", response_model=VersionPage, responses={301: MOVED})
@raises(Gone)
async def list_practice_versions(
    request: ApiRequest, id: PracticeId, query: Annotated[VersionsQuery, Query()]
) -> Response:
    """List every published version of a practice, newest first: who made it, when, and what it changed.

    A version that was not for everyone when it was made is not told to everyone later. A merged practice leads to the
    versions of its successor.
    """
    binding = binding_of(f"practice-versions {id}", query)
    position = request.position(binding, query.cursor)
    rows = await request.rows(queries.version_page(request.caller, id, query, position))
    if not rows:
        raise NotFound(MISSING)
    if rows[0]["tombstone"]:
        return ended(request, rows[0], "/versions")
    return page(request, rows[1:], query.limit, binding, item=itemgetter("body"), keys=1)


@router.get("/practices/{id}/versions/{version}", response_model=PracticeVersion)
@raises(Gone)
async def get_practice_version(
    request: ApiRequest, id: PracticeId, version: Number, query: Annotated[VersionQuery, Query()]
) -> Response:
    """Read a practice as it was published; with `diff` also what differs from another version to this one.

    A version never changes and may be kept; once the practice is withdrawn or merged its versions are gone.
    """
    statement = queries.version(request.caller, id, version, query.diff, not_modified(request))
    row = await request.row(statement)
    if row is None:
        raise NotFound(MISSING)
    if row["tombstone"]:
        raise Gone("The practice is no more, and its versions with it.", tombstone=json.loads(row["tombstone"]))
    if row["etag"] is None or (query.diff is not None and row["other_body"] is None):
        raise NotFound("The practice has no such published version.")
    who = "private" if request.caller.is_member else "public"
    headers = {"Cache-Control": f"{who}, {KEPT}"}
    if row["body"] is None or query.diff is None:
        return document(request, row, headers=headers)
    written = with_diff(dict(row), query.diff, version)
    return document(request, {"etag": row["etag"], "body": written}, headers=headers)
