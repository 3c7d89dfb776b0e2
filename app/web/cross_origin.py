"""What pages of other sites may do here."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Message, Receive, Scope, Send

from app.errors import BadRequest
from app.web.problems import problem_response


class OpenForReading(CORSMiddleware):
    """CORS, with refusals in the form that errors have everywhere."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or let the request through and mark its answer."""
        if scope["type"] == "http" and not any(name == b"origin" for name, _ in scope["headers"]):
            await self.app(scope, receive, _marked(send))
            return
        headers = Headers(scope=scope) if scope["type"] == "http" else None
        if headers is None or scope["method"] != "OPTIONS" or "access-control-request-method" not in headers:
            await super().__call__(scope, receive, send)
            return
        answer = self.preflight_response(request_headers=headers)
        if answer.status_code == BadRequest.status:
            refused = problem_response(scope, BadRequest(bytes(answer.body).decode() + "."))
            refused.headers.update({name: answer.headers[name] for name in answer.headers if name.startswith("access")})
            answer = refused
        await answer(scope, receive, send)


def _marked(send: Send) -> Send:
    """Sends an answer to who named no origin: another answer than one who does gets, and caches must know."""

    async def send_marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message.get("headers", [])
            varies = [value for name, value in headers if name == b"vary"]
            others = [(name, value) for name, value in headers if name != b"vary"]
            message["headers"] = [*others, (b"vary", b", ".join([*varies, b"Origin"]))]
        await send(message)

    return send_marked
