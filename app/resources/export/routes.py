"""HTTP for an export."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from importlib import import_module

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.errors import ServiceUnavailable
from app.web.addresses import base_url
from app.web.routing import ApiRequest, ApiRouter, raises

NDJSON = "application/x-ndjson"
# Each holds a connection, and the rows that are overwritten meanwhile, for as long as its reader takes.
MOST_AT_ONCE = 2
LONGEST = 3600.0
BUSY = "Other exports are under way."
EXAMPLE = "".join(
    json.dumps(line, separators=(",", ":")) + "\n"
    for line in (
        {"type": "header", "format": "practice-exchange", "version": 1, "exported_at": "2026-03-01T09:30:00.000Z"},
        {"type": "city", "data": {"id": "ca-montreal", "name": "Montréal", "country": "CA"}},
        {"type": "trailer", "counts": {"city": 1}, "records": 1},
    )
)

router = ApiRouter("sync")
_under_way = 0


@router.get(
    "/export",
    response_class=Response,
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}, "example": EXAMPLE}}}},
)
@raises(ServiceUnavailable)
async def export_everything(request: ApiRequest) -> Response:
    """Take out everything that the caller may see, as one file that `practice-exchange load` takes back.

    Lines of NDJSON `{"type", "data"}`: vocabularies, networks, cities, memberships, practices with all that hangs on
    them, exchange requests, answers and messages of the caller's own exchanges, adoptions; members are those of the
    tables. All of it is of one moment. The first line is a `header`, the last a `trailer` with the number of records of
    each type: a file without it is torn. Clients, secrets, webhooks and the audit trail are not in it. What has ended
    (withdrawn, merged) only the operator gets.
    """
    exported = _exported(request)
    first = await anext(exported)
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": 'attachment; filename="export.ndjson"',
        "X-Content-Type-Options": "nosniff",
    }
    return _Closing(exported, _after(first, exported), headers)


class _Closing(StreamingResponse):
    """An answer that gives back what its body holds, however it ends."""

    def __init__(self, held: AsyncGenerator[bytes], body: AsyncIterator[bytes], headers: dict[str, str]) -> None:
        super().__init__(body, media_type=NDJSON, headers=headers)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._held.aclose()


async def _exported(request: ApiRequest) -> AsyncGenerator[bytes]:
    global _under_way  # noqa: PLW0603 - a count of this process
    database = request.services.database
    if _under_way >= min(MOST_AT_ONCE, request.services.settings.pool_size - 1):
        raise ServiceUnavailable(BUSY, headers={"Retry-After": "30"})
    _under_way += 1
    try:
        # With the tables comes SQLAlchemy: the time goes to a thread, and the memory to whom exports are asked of.
        await asyncio.to_thread(import_module, "app.resources.export.lines")
        from app.resources.export.lines import lines, snapshot  # noqa: PLC0415 - see above

        async with database.connection() as connection, snapshot(connection):
            deadline = time.monotonic() + LONGEST
            async for _, piece in lines(connection, request.caller, base_url(request.scope)):
                if time.monotonic() > deadline:
                    raise ServiceUnavailable("The export was not taken within an hour.")
                yield piece
    finally:
        _under_way -= 1


async def _after(first: bytes, exported: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in exported:
        yield piece
