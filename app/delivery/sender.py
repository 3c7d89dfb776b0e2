"""The loop of one process: hands out events, takes what is due, sends it, and notes what came of it."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime

import asyncpg
import structlog
from prometheus_client import Counter, Gauge, Histogram

from app.config import Settings
from app.database import UNREACHABLE, Database, plain_url
from app.delivery import queue
from app.delivery.fanout import BATCH, fan_out
from app.delivery.queue import Attempt, Try
from app.delivery.schedule import pause, rest
from app.errors import Problem
from app.events import CHANNEL
from app.outgoing.client import OutgoingClient, OutgoingError
from app.outgoing.signature import signature_header

# Writers do not notify: a NOTIFY makes commits wait for each other. Whoever hands out events does.
POLL = 0.5
AT_ONCE = 64
GRACE = 5.0
MEASURED_EVERY = 15.0
BROKEN = (*UNREACHABLE, asyncpg.PostgresError, Problem)
SUCCESS = range(200, 300)
GONE = 410

log = structlog.get_logger("webhooks")
ATTEMPTS = Counter("webhook_attempts_total", "Tries to deliver to webhooks, by outcome.", ("outcome",))
SECONDS = Histogram(
    "webhook_attempt_duration_seconds",
    "Time that receivers of webhooks take to answer.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
)
BACKLOG = Gauge("webhook_backlog", "Deliveries to webhooks that wait.", multiprocess_mode="mostrecent")
OLDEST = Gauge(
    "webhook_backlog_oldest_seconds", "Age of the oldest delivery that waits.", multiprocess_mode="mostrecent"
)


async def run(database: Database, settings: Settings, url: str | None = None) -> None:
    """Deliver for ever; what fails is logged and tried again.

    Args:
        database: the pools.
        settings: this process's settings.
        url: the database's address, if it is not that of the settings.
    """
    async with OutgoingClient(private=settings.webhook_private == "allow") as client:
        sender = Sender(database, client)
        listening = asyncio.create_task(_listen(url or settings.database_url, sender.woken))
        try:
            await sender.run()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await sender.finish()


class Sender:
    """What one process sends: at most so much at once, and to each webhook at most so much over all processes."""

    def __init__(self, database: Database, client: OutgoingClient) -> None:
        self.woken = asyncio.Event()
        self._database = database
        self._client = client
        self._under_way: dict[asyncio.Task[None], Try] = {}
        self._batch = BATCH
        self._measured = 0.0

    async def run(self) -> None:
        """Go on until it is cancelled, even where a library has swallowed the word."""
        task = asyncio.current_task()
        while task is None or not task.cancelling():
            self.woken.clear()
            try:
                busy = await self._turn()
            except BROKEN as reason:
                log.warning("webhooks wait", reason=repr(reason))
                busy = False
            if not busy:
                # Not `wait_for`: in Python 3.11 it loses a cancellation that comes with the event.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL):
                        await self.woken.wait()

    async def _turn(self) -> bool:
        """Hand out, take and begin; gives whether there is more to do at once."""
        events = await self._hand_out()
        taken = await self._take()
        await self._measure()
        return bool(events or taken)

    async def _hand_out(self) -> int:
        try:
            events = await fan_out(self._database, self._batch)
        except BROKEN as reason:
            # What could not be handed out together may be one by one: a statement took too long, or one is at fault.
            self._batch = max(1, self._batch // 10)
            log.warning("events wait", reason=repr(reason))
            return 0
        self._batch = BATCH
        return events

    async def _take(self) -> int:
        free = AT_ONCE - len(self._under_way)
        taken = await queue.claim(self._database, free) if free else []
        for held in taken:
            task = asyncio.create_task(self._deliver(held))
            self._under_way[task] = held
            task.add_done_callback(self._done)
        return len(taken)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        # There is room for another, and the next event about the same record may go.
        self.woken.set()
        if not task.cancelled() and (reason := task.exception()):
            # The delivery is taken again when its lease is over.
            log.warning("the outcome of a delivery is lost", reason=repr(reason))

    async def _deliver(self, held: Try) -> None:
        begun, now = time.perf_counter(), datetime.now(UTC)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": str(held.id),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature_header(held.secrets, str(held.id), int(now.timestamp()), held.payload),
        }
        status, retry_after, fault = None, None, None
        try:
            answer = await self._client.post(held.url, held.payload, headers)
            status, retry_after = answer.status, answer.retry_after
        except OutgoingError as reason:
            fault = str(reason)
        seconds = time.perf_counter() - begun
        SECONDS.observe(seconds)
        attempt = Attempt(now, round(seconds * 1000), status, fault or _fault_of(status))
        await self._note(held, attempt, retry_after)

    async def _note(self, held: Try, attempt: Attempt, retry_after: str | None) -> None:
        status, now = attempt.status_code, datetime.now(UTC)
        outcome = "delivered" if status in SUCCESS else "gone" if status == GONE else "failed"
        ATTEMPTS.labels(outcome).inc()
        if outcome == "delivered":
            await queue.delivered(self._database, held, attempt)
        elif outcome == "gone":
            await queue.gone(self._database, held, attempt)
        else:
            until_next = pause(held.tries, retry_after, now)
            await queue.failed(self._database, held, attempt, until_next, rest(held.failures + 1, retry_after, now))
        log.info(
            "webhook attempt",
            webhook=str(held.webhook_id),
            delivery=str(held.id),
            type=held.event,
            outcome=outcome,
            status=status,
            error=attempt.error,
            milliseconds=attempt.duration_ms,
        )

    async def _measure(self) -> None:
        if time.monotonic() - self._measured >= MEASURED_EVERY:
            self._measured = time.monotonic()
            waiting, oldest = await queue.backlog(self._database)
            BACKLOG.set(waiting)
            OLDEST.set(oldest)

    async def finish(self) -> None:
        """Let what is under way come to its end, within bounds; the rest is taken by another when its lease is over."""
        if self._under_way:
            await asyncio.wait(list(self._under_way), timeout=GRACE)
        left = list(self._under_way)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _fault_of(status: int | None) -> str | None:
    if status is None or status in SUCCESS:
        return None
    if 300 <= status < 400:  # noqa: PLR2004 - redirections
        return "a redirection is not followed"
    return "the receiver answered with an error"


async def _listen(url: str | None, woken: asyncio.Event) -> None:
    """Wake the loop when another process has handed out events; while this connection is broken the clock does it."""
    while url is not None:
        with contextlib.suppress(*UNREACHABLE, asyncpg.PostgresError):
            connection = await asyncpg.connect(plain_url(url), timeout=10)
            try:
                await connection.add_listener(CHANNEL, lambda *_: woken.set())
                closed = asyncio.Event()
                connection.add_termination_listener(lambda _, closed=closed: closed.set())
                await closed.wait()
            finally:
                connection.terminate()
        await asyncio.sleep(POLL * 4)
