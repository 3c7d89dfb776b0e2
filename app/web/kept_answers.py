"""Answers to strangers, given again for as long as nothing in the database has changed.

What anybody may see follows from the request and from what is committed, and PostgreSQL tells cheaply whether that is
still the same: a snapshot (`pg_current_snapshot`) names the transactions that had not ended when it was taken; two
equal ones see the same rows. An answer is kept with a snapshot taken before its rows were read. Snapshots never
go back to what they were: if one taken later is equal, so were all between, and the same rows would be read again.

So whoever has just written reads its own writing, on every process, as without all this.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from prometheus_client import Counter
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.database import Database

# Whoever puts a database back to an earlier state starts the server anew; only then could a snapshot come again.
SNAPSHOT = "SELECT pg_postmaster_start_time()::text || ' ' || pg_current_snapshot()::text"
MOST_BYTES = 4 * 1024 * 1024
LARGEST = 256 * 1024
# What an answer takes beside its body and the request, about (measured with tracemalloc).
OVERHEAD = 1_700
# A few filters go by the day or the hour, which no transaction tells.
SECONDS = 10.0
# What an answer may follow from beside the address; whatever else a client sends changes nothing in it.
HEADERS = frozenset({b"host", b"accept", b"accept-language", b"if-none-match"})
KEPT = frozenset({200, 304})
REPEATED = Counter("http_answers_repeated_total", "Answers given again, as nothing had changed.")

Key = tuple[str | bytes, ...]


class Promise(NamedTuple):
    """What an answer is kept with: a snapshot taken before its rows were read, and when that was (monotonic s)."""

    snapshot: str
    since: float


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer, and how much memory it is taken to need (bytes)."""

    promise: Promise
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    size: int

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        """Give the answer again."""
        REPEATED.inc()
        await send({"type": "http.response.start", "status": self.status, "headers": list(self.headers)})
        await send({"type": "http.response.body", "body": self.body})


class Work(NamedTuple):
    """An answer that is being made, and what was promised before."""

    promise: Promise
    made: asyncio.Future[KeptAnswer | None]


class KeptAnswers:
    """The answers of one process, those asked for last."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._answers: OrderedDict[Key, KeptAnswer] = OrderedDict()
        self._under_way: dict[Key, Work] = {}
        self._bytes = 0
        # Equal to none that will be taken: what is made before the first look is not given again.
        self._latest = ""
        self._looking = asyncio.Lock()
        self._next_look: asyncio.Task[str] | None = None

    @staticmethod
    def key(scope: Scope) -> Key:
        """All that an answer follows from, as far as the request goes."""
        named = [(name, value) for name, value in scope["headers"] if name in HEADERS]
        address = (scope["scheme"], scope["path"], scope["query_string"])
        return (*address, *(part for header in sorted(named) for part in header))

    async def given(self, key: Key, make: Callable[[], Awaitable[Response]]) -> KeptAnswer | Response:
        """The kept answer if it would be the same, were it made again now; else a new one, and that is kept.

        Whoever asks while it is being made waits for it, if it will be the right one: one is made, however many ask.
        """
        if again := await self._again(key):
            return again
        promise = Promise(self._latest, time.monotonic())
        work = self._under_way[key] = Work(promise, asyncio.get_running_loop().create_future())
        try:
            response = await make()
            work.made.set_result(self._keep(key, promise, response))
        finally:
            if not work.made.done():
                work.made.set_result(None)
            if self._under_way.get(key) is work:
                del self._under_way[key]
        return response

    async def _again(self, key: Key) -> KeptAnswer | None:
        kept, work = self._answers.get(key), self._under_way.get(key)
        if kept and time.monotonic() - kept.promise.since > SECONDS:
            kept = None
        if kept is None and work is None:
            return None
        now = await self.snapshot()
        if kept and kept.promise.snapshot == now:
            if key in self._answers:
                self._answers.move_to_end(key)
            return kept
        return await asyncio.shield(work.made) if work and work.promise.snapshot == now else None

    def _keep(self, key: Key, promise: Promise, response: Response) -> KeptAnswer | None:
        """Keep an answer with the promise made before it; None if it is sent in parts, too large, or an error."""
        body = getattr(response, "body", None)
        if response.status_code not in KEPT or not isinstance(body, bytes):
            return None
        size = len(body) + sum(map(len, key)) + OVERHEAD
        if size > LARGEST:
            return None
        if old := self._answers.pop(key, None):
            self._bytes -= old.size
        answer = KeptAnswer(promise, response.status_code, response.raw_headers, body, size)
        self._answers[key] = answer
        self._bytes += size
        while self._bytes > MOST_BYTES:
            _, dropped = self._answers.popitem(last=False)
            self._bytes -= dropped.size
        return answer

    async def snapshot(self) -> str:
        """A snapshot taken after this call; whoever asks while one is being taken shares the next."""
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look())
        return await asyncio.shield(self._next_look)

    async def _look(self) -> str:
        async with self._looking:
            self._next_look = None
            self._latest = latest = str(await self._database.value(SNAPSHOT))
            return latest
