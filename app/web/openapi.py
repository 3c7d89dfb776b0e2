"""Finishes the OpenAPI document that FastAPI draws from the routes: errors, security, examples, headers."""

import json
from collections.abc import Iterable
from typing import Any, get_args

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from app.caller import SCOPES
from app.errors import (
    CATALOGUE,
    BadRequest,
    Conflict,
    Forbidden,
    HeadersTooLarge,
    InternalError,
    InvalidInput,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    PayloadTooLarge,
    PreconditionFailed,
    PreconditionRequired,
    Problem,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    UnsupportedMediaType,
)
from app.web.routing import ApiRoute

DESCRIPTION = """
Cities share here what works for migrants and refugees, and help each other to do it.

**Try it**: everything published can be read at once. To write, press *Authorize* and enter the client id and secret
that `make serve` printed, or that `practice-exchange client create` gave you.

**Conventions**: lists are paged by opaque cursors; errors are `application/problem+json` (RFC 9457) and their `type`
leads to an explanation; single records carry an `ETag`, changes need it in `If-Match`; a `POST` that creates takes an
`Idempotency-Key`; an unknown query parameter or field is refused, never ignored.
"""
TAGS = [
    {"name": "practices", "description": "What cities did, and what others can take from it."},
    {"name": "exchange-requests", "description": "Cities ask for help, or offer it."},
    {"name": "adoptions", "description": "Who adapted a practice, what was kept and changed, what came of it."},
    {"name": "cities", "description": "Local and regional governments."},
    {"name": "networks", "description": "City networks, and who belongs to them."},
    {"name": "tags", "description": "The vocabularies: themes, groups, formats, the two Global Compacts, the SDGs."},
    {"name": "sync", "description": "The feed of changes: a copy that stays right."},
    {"name": "webhooks", "description": "Be told of what happens, at an address of your own."},
    {"name": "report", "description": "Figures: totals, flows between cities, and the report for the review forums."},
    {"name": "account", "description": "Who am I, who changed what, and with which client."},
    {"name": "tokens", "description": "OAuth 2.0: client credentials for access tokens."},
]
PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details; further members depend on the type.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Leads to an explanation of this kind of problem."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The request id, to quote when you ask us."},
        "errors": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/ProblemEntry"},
        },
    },
}
PROBLEM_ENTRY = {
    "type": "object",
    "description": "One faulty place of the input.",
    "required": ["pointer", "code", "detail"],
    "properties": {
        "pointer": {"type": "string", "description": "JSON Pointer into the body, or `?name`."},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}
CATALOGUE_BY_NAME = {problem.__name__: problem for problem in CATALOGUE.values()}
ALWAYS = (
    BadRequest,
    MethodNotAllowed,
    PayloadTooLarge,
    TooManyRequests,
    HeadersTooLarge,
    InternalError,
    ServiceUnavailable,
)


def describe(app: FastAPI) -> None:
    """Make `app.openapi()` give the finished document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the documented way to extend it


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary="What works for migrants and refugees, from city to city.",
        description=DESCRIPTION,
        routes=app.routes,
        webhooks=app.webhooks.routes,
        tags=TAGS,
        servers=[{"url": "/", "description": "This server"}],
        contact={"name": "Practice Exchange", "url": "https://github.com/practice-exchange/practice-exchange"},
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    components = document["components"]
    components["schemas"] |= {"Problem": PROBLEM, "ProblemEntry": PROBLEM_ENTRY}
    components["schemas"].pop("HTTPValidationError", None)
    components["schemas"].pop("ValidationError", None)
    components["securitySchemes"] = {
        "client": {
            "type": "oauth2",
            "description": "Client credentials (RFC 6749 §4.4).",
            "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": SCOPES}},
        }
    }
    routes = {
        (route.path_format, min(route.methods or {""})): route for route in app.routes if isinstance(route, ApiRoute)
    }
    calls = [route for route in app.webhooks.routes if isinstance(route, APIRoute)]
    _restore_examples(components["schemas"], [*routes.values(), *calls])
    for item in document["webhooks"].values():
        # What a receiver answers is no record of ours.
        item["post"]["responses"].pop("200", None)
        item["post"]["responses"].pop("422", None)
        item["post"]["security"] = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if route := routes.get((path, method.upper())):
                _finish(operation, method.upper(), path, route)
            _name_body(operation, components["schemas"])
    used = {name for name in CATALOGUE_BY_NAME if f'responses/{name}"' in json.dumps(document["paths"])}
    components["responses"] = {name: _problem_response(CATALOGUE_BY_NAME[name], used) for name in sorted(used)}
    return document


def _name_body(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Move a body's schema that an operation brings itself to the others, under its title."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        if "properties" in media["schema"]:
            name = media["schema"]["title"]
            schemas[name] = media["schema"]
            media["schema"] = {"$ref": f"#/components/schemas/{name}"}


def _restore_examples(schemas: dict[str, Any], routes: Iterable[APIRoute]) -> None:
    """Give the examples their null members back, which FastAPI leaves out of every document."""
    for route in routes:
        answers = [answer.get("model") for answer in route.responses.values()]
        body = route.body_field and route.body_field.field_info.annotation
        for model in (*_members(route.response_model), *answers, body):
            extra = getattr(model, "model_config", {}).get("json_schema_extra")
            if isinstance(extra, dict) and "examples" in extra:
                for suffix in ("", "-Input", "-Output"):
                    if schema := schemas.get(model.__name__ + suffix):
                        schema["examples"] = extra["examples"]


def _members(model: Any) -> tuple[Any, ...]:
    return get_args(model) or (model,)


def _finish(operation: dict[str, Any], method: str, path: str, route: ApiRoute) -> None:
    responses = operation["responses"]
    problems: list[type[Problem]] = [*ALWAYS, Unauthorized]
    if route.needs_token:
        problems.append(Forbidden)
    if route.scope:
        operation["security"] = [{"client": [route.scope]}]
    else:
        operation["security"] = [{"client": []}] if route.needs_token else [{}, {"client": []}]
    if "{" in path:
        problems.append(NotFound)
    if operation.get("parameters") or "requestBody" in operation:
        problems.append(InvalidInput)
    if "requestBody" in operation:
        problems.append(UnsupportedMediaType)
    if method in {"POST", "PATCH", "PUT", "DELETE"}:
        problems.append(Conflict)
    if method == "PATCH":
        body = operation["requestBody"]["content"]
        body["application/merge-patch+json"] = body["application/json"]
    _show_examples(operation)
    _headers(operation, method, problems, route)
    problems += getattr(route.endpoint, "problems", ())
    responses.pop("422", None)
    for problem in sorted(set(problems), key=lambda entry: entry.status):
        responses.setdefault(str(problem.status), {"$ref": f"#/components/responses/{problem.__name__}"})
    if method == "GET" and "200" in responses:
        responses.setdefault("304", {"description": "The client has it already."})
    operation["responses"] = dict(sorted(responses.items()))


def _show_examples(operation: dict[str, Any]) -> None:
    """Lift a parameter's example to where Swagger UI fills its form from, so that operations run as they stand."""
    for parameter in operation.get("parameters", []):
        if examples := parameter.get("schema", {}).get("examples"):
            parameter["example"] = examples[0]


def _headers(operation: dict[str, Any], method: str, problems: list[type[Problem]], route: ApiRoute) -> None:
    parameters = operation.setdefault("parameters", [])
    unneeded = getattr(route.endpoint, "unneeded", ())
    text = {"type": "string", "maxLength": 2000}
    if method in {"PATCH", "DELETE", "PUT"} and "If-Match" not in unneeded:
        problems += [PreconditionFailed, PreconditionRequired]
        parameters.append(
            {"name": "If-Match", "in": "header", "required": False, "schema": text, "example": "*",
             "description": "The ETag of the record as it was read; needed for an existing record. `*`: any version."}
        )  # fmt: skip
    if method == "POST" and "Idempotency-Key" not in unneeded:
        parameters.append(
            {"name": "Idempotency-Key", "in": "header", "required": False, "schema": {**text, "maxLength": 257},
             "description": "Makes the request safe to send again: the first answer is kept for 24 hours."}
        )  # fmt: skip
    if method == "GET":
        parameters.append({"name": "If-None-Match", "in": "header", "required": False, "schema": text})
        if route.is_json:
            problems.append(NotAcceptable)


def _problem_response(problem: type[Problem], used: set[str]) -> dict[str, Any]:
    """A problem's answer, with an example of each kind that is told by the same status and has no answer of its own."""
    kinds = [
        kind
        for kind in CATALOGUE.values()
        if kind is problem or (kind.status == problem.status and kind.__name__ not in used)
    ]
    examples = {kind.slug: {"summary": kind.title, "value": _problem_example(kind)} for kind in kinds}
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
    return {"description": problem.title, "content": {"application/problem+json": content}}


def _problem_example(problem: type[Problem]) -> dict[str, Any]:
    return {
        "type": f"https://exchange.example/problems/{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.explanation.split(". ")[0] + ".",
        "instance": "urn:request:0f8fad5bd9cb469fa16570867728950e",
    }
