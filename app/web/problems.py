"""Renders every error as RFC 9457 problem+json, the framework's own among them."""

import json
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from app.database import problem_of
from app.errors import (
    BadRequest,
    InternalError,
    InvalidCursor,
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    Problem,
    ServiceUnavailable,
    UnknownParameter,
    error,
)
from app.web.addresses import base_url

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 50


def problem_response(scope: Scope, problem: Problem) -> Response:
    """The answer to a request that failed."""
    document: dict[str, Any] = {
        "type": f"{base_url(scope)}/problems/{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:request:{scope.get('request_id', '-')}",
        **problem.members,
    }
    if problem.errors:
        document["errors"] = problem.errors[:MOST_ERRORS]
    # ASCII only: what the client sent may be quoted in here, lone surrogates included.
    body = json.dumps(document, separators=(",", ":")).encode("ascii")
    headers = {"Cache-Control": "no-store", "Content-Language": "en", **problem.headers}
    return Response(body, problem.status, headers, MEDIA_TYPE)


def invalid_input(faults: ValidationError, prefix: str = "") -> Problem:
    """Pydantic's errors as one problem; query parameters get pointers of the form `?name`."""
    entries = []
    unknown = []
    for fault in faults.errors(include_url=False, include_context=False, include_input=False):
        # What is wrong with a member's name is told at the member.
        location = [str(part) for part in fault["loc"] if part != "[key]"]
        if prefix == "?" and fault["type"] == "extra_forbidden":
            unknown.append(location[0])
        pointer = prefix + location[0] if prefix and location else "".join(f"/{_escaped(part)}" for part in location)
        code = "unknown_field" if fault["type"] == "extra_forbidden" else fault["type"]
        detail = "Input should be an object" if code == "model_type" else fault["msg"]
        entries.append(error(pointer, code, detail))
    if any(entry["pointer"] == "?cursor" for entry in entries):
        return InvalidCursor("The cursor was altered.", errors=entries)
    if unknown:
        return UnknownParameter(f"The path knows no parameter {unknown[0][:80]!r}.", errors=entries)
    first = entries[0]
    more = f" (and {len(entries) - 1} more)" if len(entries) > 1 else ""
    return InvalidInput(f"{first['pointer'] or 'The body'}: {first['detail']}{more}", errors=entries)


def install(app: FastAPI) -> None:
    """Make the application answer every error in this form."""

    async def on_problem(request: Request, reason: Exception) -> Response:
        assert isinstance(reason, Problem)  # noqa: S101 - registered for this type only
        return problem_response(request.scope, reason)

    async def on_http(request: Request, reason: Exception) -> Response:
        assert isinstance(reason, HTTPException)  # noqa: S101 - registered for this type only
        return problem_response(request.scope, _of_framework(reason, request))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http)


def of_exception(reason: Exception) -> Problem:
    """The problem that an exception means which no handler knew: the database's, or a fault of ours."""
    return problem_of(reason) or InternalError("The request could not be carried out; report the request id.")


def _of_framework(reason: HTTPException, request: Request) -> Problem:
    headers = dict(reason.headers or {})
    if reason.status_code == NotFound.status:
        return NotFound(f"There is nothing at {quote(request.url.path[:200])}.")
    if reason.status_code == MethodNotAllowed.status:
        allow = {"Allow": ", ".join(_methods(request))}
        return MethodNotAllowed(f"{request.method[:20]} is not for this path.", headers=allow)
    if reason.status_code == ServiceUnavailable.status:
        return ServiceUnavailable("The service cannot answer just now.", headers=headers)
    if reason.status_code < InternalError.status:
        return BadRequest(str(reason.detail)[:200], headers=headers)
    return InternalError("The request could not be carried out; report the request id.")


def _methods(request: Request) -> list[str]:
    """The methods of all routes with this path; each route alone knows only its own."""
    found: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return sorted(found | {"HEAD"} if "GET" in found else found)


def _escaped(part: str) -> str:
    return part[:100].replace("~", "~0").replace("/", "~1")
