"""A receiver of webhooks: a small HTTP server on this machine that keeps what it gets, and answers as it is told."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 30


@dataclass(slots=True)
class Received:
    """One request that came in."""

    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """How a request is answered: after `delay` seconds, with these headers beside the usual ones."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0


class Receiver:
    """Answers as `reply` says, a function of the request."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.reply: Callable[[Received], Reply] = lambda _: Reply()
        self.at_work: dict[str, int] = {}
        self.most_at_work: dict[str, int] = {}
        self._port = 0

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self._port}{path}"

    def at(self, path: str) -> list[Any]:
        """The events that came to a path, in their order."""
        return [one.event for one in self.received if one.target == path]

    async def wait(self, count: int, path: str | None = None) -> list[Received]:
        """The requests, once there are so many."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = [one for one in self.received if path in {None, one.target}]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, f"{len(found)} of {count} requests came"
            await asyncio.sleep(0.02)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            one = Received(head[0].split()[1], headers, body)
            self.received.append(one)
            reply = self.reply(one)
            self.at_work[one.target] = now = self.at_work.get(one.target, 0) + 1
            self.most_at_work[one.target] = max(now, self.most_at_work.get(one.target, 0))
            await asyncio.sleep(reply.delay)
            self.at_work[one.target] -= 1
            more = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
            head_out = f"HTTP/1.1 {reply.status} Said\r\n{more}content-length: {len(reply.body)}\r\n\r\n"
            writer.write(head_out.encode() + reply.body)
            await writer.drain()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["Receiver"]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
