"""What the server itself answers, before the application hears of a request."""

import json
import uuid

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.config import settings
from app.errors import BadRequest, ServiceUnavailable
from app.web.middleware import ALWAYS_ANSWERED
from app.web.problems import MEDIA_TYPE, problem_response

# Idle ones count too; of requests at work the application takes far fewer.
MOST_CONNECTIONS = 2_000


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, but what the server refuses itself is told in the form of errors everywhere."""

    def on_headers_complete(self) -> None:
        """Hand the request on, or refuse it where there are too many connections: uvicorn's own limit speaks text."""
        if (
            len(self.connections) > MOST_CONNECTIONS
            and self.url.partition(b"?")[0].decode("latin-1") not in ALWAYS_ANSWERED
        ):
            self.app = _full
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that could not be read as a request, and close the connection."""
        id_ = uuid.uuid4().hex
        document = {
            "type": f"{settings().public_url or ''}/problems/{BadRequest.slug}",
            "title": BadRequest.title,
            "status": BadRequest.status,
            "detail": msg,
            "instance": f"urn:request:{id_}",
        }
        body = json.dumps(document, separators=(",", ":"))
        head = (
            "HTTP/1.1 400 Bad Request",
            f"content-type: {MEDIA_TYPE}",
            f"content-length: {len(body)}",
            "cache-control: no-store",
            f"x-request-id: {id_}",
            "connection: close",
        )
        self.transport.write("\r\n".join((*head, "", body)).encode("ascii"))
        self.transport.close()


async def _full(scope: Scope, receive: Receive, send: Send) -> None:
    id_ = scope["request_id"] = uuid.uuid4().hex
    headers = {"Retry-After": "1", "Connection": "close", "X-Request-Id": id_}
    refusal = ServiceUnavailable("Too many connections are open.", headers=headers)
    await problem_response(scope, refusal)(scope, receive, send)
