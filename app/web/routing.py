"""How a request reaches its handler.

FastAPI builds the OpenAPI document from the handlers' signatures and picks the route. What a handler takes is bound
here, because our handlers take only four things (the request, path parameters, one query model, one JSON body) and
the general machinery costs a third of a read. Dependencies are refused when the route is made, never ignored.
"""

import inspect
import re
import types
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, get_args, get_origin
from urllib.parse import parse_qsl

from fastapi import APIRouter
from fastapi.datastructures import DefaultPlaceholder
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from app.caller import ANONYMOUS, Caller
from app.database import Row, Statement
from app.errors import BadRequest, NotAcceptable, NotFound, Problem, Unauthorized, UnknownParameter, error
from app.web.bodies import json_body
from app.web.negotiation import negotiated
from app.web.problems import invalid_input
from app.web.services import Services
from app.web.tokens import unauthorized

Endpoint = Callable[..., Awaitable[Response]]
MOST_PARAMETERS = 100
JSON_ONLY = ("application/json",)
MOST_KEPT = 200
LONGEST_KEPT = 300
# The paths of routes without parameters.
_written_out: set[str] = set()


class ApiRequest(Request):
    """A request with its caller."""

    caller: Caller

    @property
    def services(self) -> Services:
        """What this process answers with."""
        services: Services = self.app.state.services
        return services

    async def rows(self, statement: Statement) -> list[Row]:
        """The rows of a read; a member reads what it has just written, everybody else may be a moment behind."""
        return await self.services.database.read(statement, may_lag=not self.caller.is_member)

    async def row(self, statement: Statement) -> Row | None:
        """The first row of a read, or None; as `rows`."""
        rows = await self.rows(statement)
        return rows[0] if rows else None

    def position(self, binding: str, cursor: str | None) -> list[Any] | None:
        """Where a page begins: what the cursor holds, None at the beginning; raises InvalidCursor."""
        return self.services.cursors.decode(binding, cursor) if cursor else None

    @property
    def request_id(self) -> str:
        """The id that stands in the answer and in every log line."""
        return str(self.scope["request_id"])


def requires(scope: str | None) -> Callable[[Endpoint], Endpoint]:
    """Mark a handler: it needs a token, with this scope; None: any token."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.needs_token = True  # type: ignore[attr-defined]  # read by ApiRoute alone
        endpoint.scope = scope  # type: ignore[attr-defined]  # read by ApiRoute alone
        return endpoint

    return mark


def repeatable(endpoint: Endpoint) -> Endpoint:
    """Mark a handler: what it answers a stranger follows from the request and what is stored, and from nothing else."""
    endpoint.is_repeatable = True  # type: ignore[attr-defined]  # read by ApiRoute alone
    return endpoint


def raises(*problems: type[Problem]) -> Callable[[Endpoint], Endpoint]:
    """Mark a handler: beside what every operation may answer, it answers with these problems."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.problems = problems  # type: ignore[attr-defined]  # read by the OpenAPI document alone
        return endpoint

    return mark


def unneeded(*headers: str) -> Callable[[Endpoint], Endpoint]:
    """Mark a handler: it does without these headers, which its method has elsewhere."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.unneeded = headers  # type: ignore[attr-defined]  # read by the OpenAPI document alone
        return endpoint

    return mark


class ApiRoute(APIRoute):
    """A route that authenticates, counts, checks and binds before it calls its handler."""

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        options["summary"] = options.get("summary") or first_sentence(endpoint)
        super().__init__(path, endpoint, **options)
        if self.dependant.dependencies:
            message = f"{endpoint.__name__}: handlers take no dependencies here"
            raise TypeError(message)
        self.needs_token: bool = getattr(endpoint, "needs_token", False)
        self.scope: str | None = getattr(endpoint, "scope", None)
        self.is_repeatable: bool = getattr(endpoint, "is_repeatable", False)
        # What answers in more forms than one, or in another, looks at Accept itself.
        looks_itself = NotAcceptable in getattr(endpoint, "problems", ())
        is_default = isinstance(self.response_class, DefaultPlaceholder)
        self.is_json: bool = "GET" in (self.methods or ()) and is_default and not looks_itself
        self._bind_to(endpoint)
        self.app = self._answer
        if not self.param_convertors:
            _written_out.add(self.path)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the request is for this route: a path that is written out elsewhere names no record here."""
        if self.param_convertors and scope["path"] in _written_out:
            return Match.NONE, {}
        return super().matches(scope)

    def _bind_to(self, endpoint: Endpoint) -> None:
        path_names = {field.name for field in self.dependant.path_params}
        self._paths: dict[str, TypeAdapter[Any]] = {}
        self._query: type[BaseModel] | None = None
        self._body: type[BaseModel] | None = None
        self._request_name = "request"
        for name, parameter in inspect.signature(endpoint).parameters.items():
            annotation = parameter.annotation
            bare = get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation
            if isinstance(bare, type) and issubclass(bare, Request):
                self._request_name = name
            elif name in path_names:
                self._paths[name] = TypeAdapter(annotation)
            elif name == "query":
                self._query = bare
            elif name == "body":
                self._body = bare
            else:
                message = f"{endpoint.__name__}: nothing binds {name}"
                raise TypeError(message)
        fields = self._query.model_fields if self._query else {}
        named = {field.alias or name: field for name, field in fields.items()}
        self._lists = {name for name, field in named.items() if _is_list(field.annotation)}
        self._known = frozenset(named)
        self._checked: dict[bytes, BaseModel] = {}

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = ApiRequest(scope, receive, send)
        services = request.services
        address = scope["client"][0] if scope.get("client") else "unknown"
        try:
            caller = request.caller = await services.verifier.caller(scope)
        except Unauthorized:
            # Whoever guesses tokens has none: the address pays for it.
            scope["allowance"] = await services.limiter.take(ANONYMOUS, address)
            raise
        scope["caller"] = caller
        scope["allowance"] = await services.limiter.take(caller, address)
        if self.needs_token:
            if not caller.is_member:
                raise unauthorized(scope, "This operation needs an access token.")
            if self.scope:
                caller.require(self.scope)
        if self.is_repeatable and services.kept is not None and not caller.is_member:
            key = services.kept.key(scope)
            response: ASGIApp = await services.kept.given(key, partial(self._respond, request))
        else:
            response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: ApiRequest) -> Response:
        """Bind what the handler takes, and call it."""
        scope = request.scope
        if self.is_json:
            negotiated(request.headers.get("accept"), JSON_ONLY)
        arguments: dict[str, Any] = {self._request_name: request}
        for name, adapter in self._paths.items():
            try:
                arguments[name] = adapter.validate_python(scope["path_params"][name])
            except ValidationError as reason:
                raise NotFound(f"There is no record with such a {name}.") from reason
        self._bind_query(scope, arguments)
        raw = await json_body(request) if self._body is not None else None
        try:
            if self._body is not None:
                arguments["body"] = self._body.model_validate(raw)
            response: Response = await self.endpoint(**arguments)
        except ValidationError as reason:
            # From a handler: a record that would break a rule once a merge patch were applied.
            raise invalid_input(reason) from reason
        return response

    def _bind_query(self, scope: Scope, arguments: dict[str, Any]) -> None:
        raw = scope["query_string"]
        if known := self._checked.get(raw):
            arguments["query"] = known
            return
        given = self._parameters(raw) if raw else {}
        if self._query is None:
            return
        try:
            checked = arguments["query"] = self._query.model_validate(given)
        except ValidationError as reason:
            raise invalid_input(reason, "?") from reason
        # What is asked for often is checked once; nobody changes a query.
        if len(raw) <= LONGEST_KEPT and "cursor" not in given:
            if len(self._checked) >= MOST_KEPT:
                self._checked.clear()
            self._checked[raw] = checked

    def _parameters(self, raw: bytes) -> dict[str, Any]:
        try:
            pairs = parse_qsl(
                raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
            )
        except ValueError as reason:
            raise BadRequest("The query string is not UTF-8 in percent-encoding, or too long.") from reason
        given: dict[str, Any] = {}
        for name, value in pairs:
            if name not in self._known:
                known = ", ".join(sorted(self._known)) or "none"
                detail = f"The path knows no parameter {name[:80]!r}; it knows: {known}."
                raise UnknownParameter(detail, errors=[error(f"?{name[:80]}", "unknown_parameter", detail)])
            if name in self._lists:
                given.setdefault(name, []).append(value)
            elif name in given:
                detail = f"The parameter {name!r} is given twice."
                raise UnknownParameter(detail, errors=[error(f"?{name}", "repeated_parameter", detail)])
            else:
                given[name] = value
        return given


class ApiRouter(APIRouter):
    """A router of ApiRoutes; operation ids are the handlers' names."""

    def __init__(self, tag: str, prefix: str = "/v1") -> None:
        super().__init__(
            prefix=prefix, tags=[tag], route_class=ApiRoute, generate_unique_id_function=lambda route: route.name
        )


def first_sentence(endpoint: Endpoint) -> str:
    """A handler's docstring up to the first full stop or semicolon: the operation in one line."""
    text = " ".join((endpoint.__doc__ or endpoint.__name__).split())
    return re.split(r"[.;:](?:\s|$)", text, maxsplit=1)[0]


def _is_list(annotation: Any) -> bool:
    if get_origin(annotation) in {list, tuple, set}:
        return True
    if isinstance(annotation, types.UnionType) or hasattr(annotation, "__metadata__"):
        return any(_is_list(part) for part in get_args(annotation))
    return False
