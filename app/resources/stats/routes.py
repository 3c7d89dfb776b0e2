"""HTTP for statistics and reports."""

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from app.errors import NotAcceptable
from app.resources.stats import queries
from app.resources.stats.report import as_csv, as_json, moment, put_together
from app.resources.stats.schemas import ReportPublic, StatsPublic, StatsQuery
from app.web.addresses import base_url
from app.web.negotiation import negotiated
from app.web.responses import JSON, cache_headers, dated
from app.web.routing import ApiRequest, ApiRouter, raises

CSV = "text/csv"
MINUTE = "public, max-age=60"
CSV_ANSWER: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"schema": {"type": "string"}}}}}

router = ApiRouter("report")


@router.get("/stats", response_model=StatsPublic)
async def get_stats(request: ApiRequest, query: Annotated[StatsQuery, Query()]) -> Response:
    """Read what came of it: totals, flows between cities, the time to a first answer, rates of completion and adoption.

    Everything is counted as far as the caller sees it, nothing else shows in any number. A flow is completed exchanges,
    from the city that helped to the other, and adoptions, from the city of the practice to the one that adapts it. With
    `network`, `region` and `city` the cities that ask, adapt and answer are chosen, with `from` and `to` the days
    (in UTC, both included) on which practices were published and everything else began.
    """
    row = await request.row(queries.stats(request.caller, query))
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    undated = row["body"].lstrip()[1:]
    return dated(request, f'{{"generated_at":"{moment()}",{undated}', undated, JSON, cache_headers(request, MINUTE))


@router.get("/report", response_model=ReportPublic, responses=CSV_ANSWER)
@raises(NotAcceptable)
async def get_report(request: ApiRequest, query: Annotated[StatsQuery, Query()]) -> Response:
    """Read the report to the review forums: practices, exchanges and adoptions per objective, goal and region.

    Each figure has the search that yields it, under the sight of the same caller: published practices, exchange
    requests of every state, and adoptions. A record counts for each of its tags, and for what is broader; an adoption
    for those of its practice, and for the region of the city that adapts. A line without a published practice is a gap.
    With `Accept: text/csv`, or at `/v1/report.csv`, the same as CSV.
    """
    kind = negotiated(request.headers.get("accept"), (JSON, CSV))
    return await _report(request, query, kind, {})


@router.get("/report.csv", response_class=Response, responses=CSV_ANSWER)
async def download_report(request: ApiRequest, query: Annotated[StatsQuery, Query()]) -> Response:
    """Download the report as CSV; cells that a spreadsheet would run are defused."""
    return await _report(request, query, CSV, {"Content-Disposition": 'attachment; filename="report.csv"'})


async def _report(request: ApiRequest, query: StatsQuery, media_type: str, headers: dict[str, str]) -> Response:
    row = await request.row(queries.report(request.caller, query))
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    base = base_url(request.scope)
    report = put_together(row["body"], query, base)
    text = as_csv(report) if media_type == CSV else as_json(report)
    undated = f"{base} {row['body']} {media_type}"
    return dated(request, text, undated, media_type, {**cache_headers(request, MINUTE), **headers})
