"""HTTP for statistics and reports."""

import json
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from app.errors import NotAcceptable
from app.resources.stats import queries
from app.resources.stats.report import as_csv, moment, put_together
from app.resources.stats.schemas import ReportPublic, StatsPublic, StatsQuery
from app.web.addresses import base_url
from app.web.negotiation import negotiated
from app.web.responses import JSON, cache_headers
from app.web.routing import ApiRequest, ApiRouter, raises

CSV = "text/csv"
MINUTE = "public, max-age=60"
CSV_ANSWER: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"schema": {"type": "string"}}}}}

router = ApiRouter("report")


@router.get("/stats", response_model=StatsPublic)
async def get_stats(request: ApiRequest, query: Annotated[StatsQuery, Query()]) -> Response:
    """Read what came of it: totals, flows between cities, the time to a first answer, rates of completion and adoption.

    Everything is counted as far as the caller sees it.
    """
    row = await request.row(queries.stats(request.caller, query))
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    body = f'{{"generated_at":"{moment()}",' + row["body"].lstrip()[1:]
    return Response(body, headers=cache_headers(request, MINUTE), media_type=JSON)


@router.get("/report", response_model=ReportPublic, responses=CSV_ANSWER)
@raises(NotAcceptable)
async def get_report(request: ApiRequest, query: Annotated[StatsQuery, Query()]) -> Response:
    """Read the report to the review forums: practices, exchanges and adoptions per objective, goal and region.

    Each figure has the search that yields it, under the sight of the same caller; a line without a published practice
    is a gap. With `Accept: text/csv`, or at `/v1/report.csv`, the same as CSV.
    """
    kind = negotiated(request.headers.get("accept"), (JSON, CSV))
    report = await _report(request, query)
    if kind == CSV:
        return Response(as_csv(report), headers=cache_headers(request, MINUTE), media_type=CSV)
    text = json.dumps(report, ensure_ascii=False, separators=(",", ":"))
    return Response(text, headers=cache_headers(request, MINUTE), media_type=JSON)


@router.get("/report.csv", response_class=Response, responses=CSV_ANSWER)
async def download_report(request: ApiRequest, query: Annotated[StatsQuery, Query()]) -> Response:
    """Download the report as CSV."""
    headers = {**cache_headers(request, MINUTE), "Content-Disposition": 'attachment; filename="report.csv"'}
    return Response(as_csv(await _report(request, query)), headers=headers, media_type=CSV)


async def _report(request: ApiRequest, query: StatsQuery) -> dict[str, Any]:
    row = await request.row(queries.report(request.caller, query))
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    return put_together(row["body"], query, base_url(request.scope))
