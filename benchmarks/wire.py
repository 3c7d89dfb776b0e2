"""The load: a few keep-alive connections on which one request follows the other, over bare sockets."""

import asyncio
import itertools
import re
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
END_OF_HEAD = b"\r\n\r\n"
# A round lasts until so many answers came, however slow they are.
LEAST = 10
NO_BODY = frozenset({b"204", b"304"})


class WrongAnswerError(Exception):
    """An answer that has not the status which the measurement is about."""


@dataclass(slots=True)
class Answer:
    """One whole answer."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header, or None."""
        match = re.search(rb"\r\n" + name.encode() + rb": *([^\r]*)", self.head, re.IGNORECASE)
        return match[1].decode() if match else None


@dataclass(slots=True)
class Load:
    """What a load run saw: the seconds that it was measured for, and how long each answer took, in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """The latency that so many per cent of the answers kept, in seconds."""
        return statistics.quantiles(self.latencies, n=100, method="inclusive")[percent - 1]


def request(path: str, *headers: str, body: bytes = b"", method: str = "GET") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as an answer is whole, until it is told to stop."""

    def __init__(self, next_request: Callable[[], bytes | None], took: Callable[[Answer, float], None]) -> None:
        self._next = next_request
        self._took = took
        self._buffer = b""
        self._sent = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # uvloop's own class is none of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer."""
        self._buffer = data = self._buffer + data if self._buffer else data
        end = data.find(END_OF_HEAD)
        if end < 0:
            return
        head = data[: end + 2]
        length = LENGTH.search(head)
        if length is None and head[9:12] not in NO_BODY:
            self._fail(WrongAnswerError(f"An answer without a length: {data[:400]!r}"))
            return
        whole = end + len(END_OF_HEAD) + (int(length[1]) if length and head[9:12] not in NO_BODY else 0)
        if len(data) < whole:
            return
        self._buffer = b""
        took = time.perf_counter() - self._sent
        try:
            self._took(Answer(int(head[9:12]), head, data[end + len(END_OF_HEAD) :]), took)
        except WrongAnswerError as reason:
            self._fail(reason)
            return
        self._send()

    def connection_lost(self, reason: Exception | None) -> None:
        """A server that hangs up in the midst of it spoils the measurement."""
        if not self.done.done():
            self.done.set_exception(reason or ConnectionError("The server closed the connection."))

    def _send(self) -> None:
        following = self._next()
        if following is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(following)

    def _fail(self, reason: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(reason)
        self._transport.abort()


async def ask(port: int, requests: Sequence[bytes]) -> list[Answer]:
    """The answers to some requests, one after the other on one connection."""
    answers: list[Answer] = []
    waiting = iter(requests)
    await _run(port, 1, lambda: next(waiting, None), lambda answer, _: answers.append(answer))
    return answers


async def load(
    port: int, requests: Sequence[bytes], status: int, *, connections: int, warm_up: float, seconds: float,
    at_bounds: Callable[[], None],
) -> Load:  # fmt: skip
    """Ask for so long, over so many connections, in turn for each of the requests.

    Args:
        port: where the server listens, on this machine.
        requests: what is asked for, again and again.
        status: what every answer must have.
        connections: how many ask at once.
        warm_up: seconds before the measurement.
        seconds: how long it lasts, at least.
        at_bounds: called when the measurement begins and when it ends.

    Raises:
        WrongAnswerError: an answer had another status.
    """
    endless = itertools.cycle(requests)
    measured = Load()
    begin = time.perf_counter() + warm_up
    end = begin + seconds
    bounds = 0

    def following() -> bytes | None:
        goes_on = time.perf_counter() < end or len(measured.latencies) < LEAST
        return next(endless) if goes_on else None

    def took(answer: Answer, latency: float) -> None:
        nonlocal bounds, begin
        if answer.status != status:
            raise WrongAnswerError(f"{answer.status} in place of {status}: {(answer.head + answer.body)[:600]!r}")
        now = time.perf_counter()
        if now < begin:
            return
        if bounds == 0:
            bounds, begin = 1, now
            at_bounds()
        elif bounds == 1:
            measured.latencies.append(latency)
            if now >= end and len(measured.latencies) >= LEAST:
                bounds = 2
                at_bounds()
                measured.seconds = now - begin

    await _run(port, connections, following, took)
    return measured


async def _run(
    port: int, connections: int, following: Callable[[], bytes | None], took: Callable[[Answer, float], None]
) -> None:
    loop = asyncio.get_running_loop()
    made = [
        (await loop.create_connection(lambda: _Connection(following, took), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for connection in made))
