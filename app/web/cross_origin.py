"""What pages of other sites may do here."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from app.errors import BadRequest
from app.web.problems import problem_response


class OpenForReading(CORSMiddleware):
    """CORS, with refusals in the form that errors have everywhere."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or let the request through and mark its answer."""
        headers = Headers(scope=scope) if scope["type"] == "http" else None
        if headers is None or scope["method"] != "OPTIONS" or not self._is_preflight(headers):
            await super().__call__(scope, receive, send)
            return
        answer = self.preflight_response(request_headers=headers)
        if answer.status_code == BadRequest.status:
            refused = problem_response(scope, BadRequest(bytes(answer.body).decode() + "."))
            refused.headers.update({name: answer.headers[name] for name in answer.headers if name.startswith("access")})
            answer = refused
        await answer(scope, receive, send)

    @staticmethod
    def _is_preflight(headers: Headers) -> bool:
        return "origin" in headers and "access-control-request-method" in headers
