"""The forms of OAuth: a route that takes them, knows no bearer token, and answers errors as RFC 6749 §5.2 wants."""

import base64
import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import structlog
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from app.caller import ANONYMOUS
from app.errors import BadRequest, InternalError, Problem, ServiceUnavailable, TooManyRequests
from app.resources.tokens.schemas import Credentials, ErrorCode, OAuthError, OAuthProblem, unauthenticated
from app.web.problems import of_exception
from app.web.routing import ApiRequest, first_sentence

log = structlog.get_logger("tokens")
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 20
CREDENTIAL_LENGTH = 200
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
CODES: dict[int, ErrorCode] = {
    BadRequest.status: "invalid_request",
    TooManyRequests.status: "slow_down",
    ServiceUnavailable.status: "temporarily_unavailable",
}


class FormRoute(APIRoute):
    """A route of the token endpoints."""

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        options["summary"] = first_sentence(endpoint)
        super().__init__(path, endpoint, **options)
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._response(ApiRequest(scope, receive, send))
        except OAuthError as reason:
            response = error_response(reason)
        except Problem as reason:
            response = error_response(_of_problem(reason))
        except Exception as reason:
            problem = of_exception(reason)
            if problem.status == InternalError.status:
                log.exception("failure", request_id=scope["request_id"], path=scope["path"])
            response = error_response(_of_problem(problem))
        await response(scope, receive, send)

    async def _response(self, request: ApiRequest) -> Response:
        request.caller = ANONYMOUS
        address = request.client.host if request.client else "unknown"
        request.scope["allowance"] = await request.services.limiter.take(ANONYMOUS, address)
        if request.scope["query_string"]:
            # RFC 6749 §2.3.1, §3.2: addresses land in logs, so nothing may stand there.
            raise OAuthError("invalid_request", "The parameters belong into the body, not into the address.")
        response: Response = await self.endpoint(request=request)
        return response


def error_response(reason: OAuthError) -> Response:
    """The answer to a request that failed."""
    body = OAuthProblem(error=reason.code, error_description=reason.description).model_dump()
    return JSONResponse(body, reason.status, {**NO_STORE, **reason.headers})


async def form_of(request: ApiRequest) -> dict[str, str]:
    """The parameters of a form; one that is empty counts as left out (RFC 6749 §3.2).

    Raises:
        OAuthError: it is no form, or a parameter comes twice.
    """
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() != FORM or charset not in {"", "utf-8"}:
        raise OAuthError("invalid_request", f"Send the parameters as {FORM}, in UTF-8.")
    try:
        pairs = parse_qsl(
            (await request.body()).decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError as reason:
        raise OAuthError("invalid_request", "The body is not a form in UTF-8, or has too many parameters.") from reason
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "A parameter is given twice.")
    return {name: value for name, value in form.items() if value}


def credentials_of(request: ApiRequest, form: Mapping[str, str]) -> Credentials:
    """The client's credentials, by Basic or in the form (RFC 6749 §2.3.1).

    Raises:
        OAuthError: there are none, or both, or they cannot be read.
    """
    headers = request.headers.getlist("authorization")
    if len(headers) > 1:
        raise OAuthError("invalid_request", "There are two Authorization headers.")
    if not headers:
        if "client_id" not in form or "client_secret" not in form:
            raise unauthenticated("Send the client id and secret, by Basic or in the form.")
        return _bounded(form["client_id"], form["client_secret"])
    if "client_secret" in form:
        raise OAuthError("invalid_request", "Send the secret by Basic or in the form, not both.")
    credentials = _basic(headers[0])
    if form.get("client_id", credentials.client_id) != credentials.client_id:
        raise OAuthError("invalid_request", "The form names another client than the Authorization header.")
    return credentials


def network_of(scope: Scope) -> str:
    """The caller's address; of IPv6 the /64, which is one household's or one machine's."""
    host = scope["client"][0] if scope.get("client") else "unknown"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    # On a socket for both versions IPv4 comes as ::ffff:a.b.c.d.
    return str(address.ipv4_mapped or ipaddress.ip_network((int(address), 64), strict=False))


def _basic(header: str) -> Credentials:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        raise unauthenticated("The Authorization header is not of the form `Basic <credentials>`.")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
        name, separator, secret = decoded.partition(b":")
        parts = [unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8") for part in (name, secret)]
    except ValueError as reason:
        raise unauthenticated("The credentials in the Authorization header cannot be read.") from reason
    if not separator:
        raise unauthenticated("The credentials in the Authorization header cannot be read.")
    return _bounded(*parts)


def _bounded(client_id: str, secret: str) -> Credentials:
    if max(len(client_id), len(secret)) > CREDENTIAL_LENGTH or "\0" in client_id:
        raise unauthenticated()
    return Credentials(client_id, secret)


def _of_problem(problem: Problem) -> OAuthError:
    code = CODES.get(problem.status, "invalid_request" if problem.status < InternalError.status else "server_error")
    return OAuthError(code, problem.detail, status=problem.status, headers=problem.headers)
