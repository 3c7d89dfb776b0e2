"""HTTP for the audit trail."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from app.resources.audit import queries
from app.resources.audit.schemas import AuditPage, AuditQuery
from app.web.responses import binding_of, page
from app.web.routing import ApiRequest, ApiRouter, requires

router = ApiRouter("account")


@router.get("/audit", response_model=AuditPage)
@requires("audit:read")
async def list_audit(request: ApiRequest, query: Annotated[AuditQuery, Query()]) -> Response:
    """List who changed what, newest first: an organization sees its own changes, the operator everybody's."""
    binding = binding_of("audit", query, request.caller.organization)
    position = request.position(binding, query.cursor)
    statement = queries.audit_page(request.caller, query, position)
    return page(request, await request.services.database.rows(*statement.flat), query.limit, binding)
