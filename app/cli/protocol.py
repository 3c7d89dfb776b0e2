"""What the server itself answers, before the application hears of a request."""

import json
import uuid

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.config import settings
from app.errors import BadRequest
from app.web.problems import MEDIA_TYPE


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it; what is no HTTP is told so in the form that errors have everywhere."""

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
