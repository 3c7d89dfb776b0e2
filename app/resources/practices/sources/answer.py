"""An answer in lines that are sent while the request's body is still read."""

import contextlib
from collections.abc import AsyncGenerator

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

NDJSON = "application/x-ndjson"


class Results(Response):
    """Lines that are sent while the request's body is still read, so that only one party reads it."""

    def __init__(self, chunks: AsyncGenerator[bytes]) -> None:
        super().__init__(media_type=NDJSON, headers={"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the chunks receive
        """Send them."""
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        is_started = False
        try:
            async with contextlib.aclosing(self._chunks) as chunks:
                async for chunk in chunks:
                    if not is_started:
                        await send(start)
                        is_started = True
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except ClientDisconnect:
            return
        if not is_started:
            await send(start)
        await send({"type": "http.response.body", "body": b""})
