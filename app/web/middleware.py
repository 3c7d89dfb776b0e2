"""The outermost layer, in one pure ASGI class: request ids, limits, logs, metrics, and the last catch."""

import asyncio
import contextlib
import re
import sys
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

import structlog
from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.config import Settings
from app.errors import BadRequest, HeadersTooLarge, InternalError, PayloadTooLarge, Problem, ServiceUnavailable
from app.logs import log_request
from app.web.problems import of_exception, problem_response

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
HEADERS_LENGTH = 32 * 1024
TOO_MANY = 429
# Their lines are one list, however many they are (RFC 9110 §5.3).
LISTS = frozenset({b"accept", b"accept-encoding", b"accept-language", b"if-match", b"if-none-match"})
# A body of many records is read line by line, and has no limit as a whole.
BULK = re.compile(r"/v1/sources/[^/]+/practices")
# A full disk or a closed pipe behind standard error costs a line of the log, never an answer.
LOST_LOG = (OSError, ValueError)
ALWAYS_ANSWERED = frozenset({"/livez", "/readyz", "/metrics"})

log = structlog.get_logger("request")
SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time to answer, by route.",
    ("method", "route", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
IN_FLIGHT = Gauge("http_requests_in_flight", "Requests at work now.", multiprocess_mode="livesum")
REFUSED = Counter("http_requests_refused_total", "Requests refused because too many were at work.")


class Edge:
    """Everything that holds for every request."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.in_flight = 0
        self._security: list[tuple[bytes, bytes]] = [
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        ]
        if (settings.public_url or "").startswith("https://"):
            self._security.append((b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong below becomes a problem document here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        exchange = _Exchange(scope, receive, send, self.settings, self._security)
        self.in_flight += 1
        IN_FLIGHT.inc()
        try:
            await self._answer(exchange)
        except Exception as reason:  # noqa: BLE001 - the last catch: nothing leaves without an answer
            await exchange.fail(reason)
        finally:
            self.in_flight -= 1
            IN_FLIGHT.dec()
            self._record(exchange, time.perf_counter() - started)

    async def _answer(self, exchange: "_Exchange") -> None:
        scope = exchange.scope
        exchange.check_headers()
        if self.in_flight > self.settings.in_flight_limit and scope["path"] not in ALWAYS_ANSWERED:
            REFUSED.inc()
            raise ServiceUnavailable("Too many requests are at work.", headers={"Retry-After": "1"})
        await self.app(scope, exchange.receive, exchange.send)

    def _record(self, exchange: "_Exchange", seconds: float) -> None:
        scope = exchange.scope
        route = getattr(scope.get("route"), "path", None) or getattr(scope.get("endpoint"), "__name__", "none")
        SECONDS.labels(exchange.method, route, exchange.status).observe(seconds)
        caller = scope.get("caller")
        with contextlib.suppress(*LOST_LOG):
            log_request(
                {
                    "request_id": scope["request_id"],
                    "method": exchange.method,
                    "path": scope["path"],
                    "route": route,
                    "status": exchange.status,
                    "milliseconds": round(seconds * 1000, 2),
                    "client_id": caller.client_id if caller else None,
                }
            )


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, settings: Settings, security: list[tuple[bytes, bytes]]
    ) -> None:
        self.method: str = scope["method"]
        self.is_head = self.method == "HEAD"
        self.scope: dict[str, Any] = {**scope, "method": "GET"} if self.is_head else dict(scope)
        self.scope["headers"] = _combined(scope["headers"])
        self.status = 499
        self._receive = receive
        self._send = send
        self._settings = settings
        self._security = security
        self._received = 0
        self._is_bulk = self.method == "POST" and BULK.fullmatch(scope["path"]) is not None
        self._limit = sys.maxsize if self._is_bulk else settings.body_limit
        self._started = False
        self._is_complete = False
        # Behind a proxy that serves us under a path, addresses begin with that path.
        self._root = urlsplit(settings.public_url or "").path.encode()
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        self.scope["request_id"] = given.decode() if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex

    def check_headers(self) -> None:
        """Refuse headers beyond bounds, a body that says it is too long, and a path that is not UTF-8 text."""
        if sum(len(name) + len(value) for name, value in self.scope["headers"]) > HEADERS_LENGTH:
            raise HeadersTooLarge("The request headers are too large.")
        length = next((value for name, value in self.scope["headers"] if name == b"content-length"), b"0")
        if not length.isdigit():
            raise BadRequest("Content-Length is not a number.")
        if int(length[:20]) > self._limit:
            raise self._too_large()

    @property
    def _patience(self) -> float | None:
        # Once all was sent, or an answer has begun, what is awaited is the client's leaving; not so in bulk, where the
        # client goes on sending while it is answered.
        is_awaited = not self._is_complete and (self._is_bulk or not self._started)
        return self._settings.receive_timeout if is_awaited else None

    async def receive(self) -> Message:
        """A part of the body, within the limits of size and of patience."""
        try:
            async with asyncio.timeout(self._patience):
                message = await self._receive()
        except TimeoutError as reason:
            raise BadRequest("The body did not come in time.", headers={"Connection": "close"}) from reason
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            self._is_complete = not message.get("more_body", False)
            if self._received > self._limit:
                raise self._too_large()
        return message

    async def send(self, message: Message) -> None:
        """A part of the answer, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self._started = True
            self.status = message["status"]
            headers = message.setdefault("headers", [])
            if self._root:
                headers = [(name, self._rooted(value) if name == b"location" else value) for name, value in headers]
            message["headers"] = [*headers, (b"x-request-id", self.scope["request_id"].encode()), *self._security]
            if (allowance := self.scope.get("allowance")) and self.status != TOO_MANY:
                message["headers"].extend(allowance.headers)
        elif self.is_head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        try:
            async with asyncio.timeout(self._settings.send_timeout):
                await self._send(message)
        except TimeoutError as reason:
            # A client that takes nothing for so long is cut: it would hold a connection for ever.
            raise ConnectionResetError from reason

    def _rooted(self, address: bytes) -> bytes:
        return self._root + address if address.startswith(b"/") else address

    async def fail(self, reason: Exception) -> None:
        """Answer an exception that no handler took; what has begun can only be broken off."""
        problem = reason if isinstance(reason, Problem) else of_exception(reason)
        if problem.status >= InternalError.status and not isinstance(reason, Problem | ConnectionResetError):
            with contextlib.suppress(*LOST_LOG):
                self._log(problem, reason)
        if self._started:
            raise reason
        await problem_response(self.scope, problem)(self.scope, self.receive, self.send)

    def _log(self, problem: Problem, reason: Exception) -> None:
        where = {"request_id": self.scope["request_id"], "path": self.scope["path"]}
        if problem.status == InternalError.status:
            log.error("failure", **where, exc_info=reason)
        else:
            log.warning("unavailable", **where, reason=repr(reason))

    def _too_large(self) -> PayloadTooLarge:
        return PayloadTooLarge(f"The body is larger than {self._limit} bytes.", headers={"Connection": "close"})


def _combined(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers, where lines of one list are joined to one."""
    lists = [name for name, _ in headers if name in LISTS]
    if len(set(lists)) == len(lists):
        return headers
    others = [(name, value) for name, value in headers if name not in LISTS]
    return others + [(name, b", ".join(value for of, value in headers if of == name)) for name in dict.fromkeys(lists)]
