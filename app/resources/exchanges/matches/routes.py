"""HTTP for matches."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from app.errors import NotFound
from app.resources.exchanges.examples import SAMPLE_ID
from app.resources.exchanges.matches.queries import matches
from app.resources.exchanges.matches.schemas import MatchPage, MatchQuery
from app.web.responses import counted
from app.web.routing import ApiRequest, ApiRouter

RequestId = Annotated[UUID, Field(examples=[SAMPLE_ID])]

router = ApiRouter("exchange-requests")


@router.get("/exchange-requests/{id}/matches", response_model=MatchPage)
async def list_matches(request: ApiRequest, id: RequestId, query: Annotated[MatchQuery, Query()]) -> Response:
    """List who could help with an open request: practices and their cities, ranked, each with its reasons.

    For an `offer` these are the open requests that it could help. Nothing is listed that does not accept exchanges,
    that could not answer because the request is addressed to others, or that the caller does not see; the city that
    asks does not find those again who have declined or withdrawn. Each reason shows in both records, and its score is
    a part of the whole; README has the formula.
    """
    row = await request.row(matches(request.caller, id, query))
    if row is None:
        raise NotFound("There is no such exchange request.")
    return counted(request, row["body"].encode())
