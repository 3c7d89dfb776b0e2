"""HTTP for the feed of changes."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query
from starlette.responses import Response, StreamingResponse

from app.database import Row
from app.errors import InvalidCursor, NotAcceptable, ResyncRequired
from app.feed import FeedType, stamp
from app.resources.changes import queries
from app.resources.changes.schemas import ChangeFilters, ChangePage, ChangeQuery
from app.web.addresses import base_url
from app.web.negotiation import negotiated
from app.web.responses import JSON
from app.web.routing import ApiRequest, ApiRouter, raises

NDJSON = "application/x-ndjson"
LOOK_EVERY = 0.5
STREAM_AT_ONCE = 500

router = ApiRouter("sync")
types: dict[str, FeedType] = {}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader stands.

    `copied_until` is the last position when it began: up to there it held nothing before.
    """

    after: int
    copied_until: int
    epoch: str

    def moved(self, after: int) -> "Place":
        """The same reader, further on."""
        return Place(max(after, self.after), self.copied_until, self.epoch)


@router.get(
    "/changes",
    response_model=ChangePage,
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}}},
)
@raises(ResyncRequired, NotAcceptable)
async def list_changes(request: ApiRequest, query: Annotated[ChangeQuery, Query()]) -> Response:
    """Follow every change of a public record; a copy that does so from the start ends with exactly what is here.

    Without `cursor` the feed begins with the full copy, each record once, in its newest state. A record that ceases to
    be visible or to match the filters is a `delete`. `has_more: false` says that everything acknowledged before this
    request has been served; ask again with `next_cursor` later, or with `wait` for a long poll. A 410 of type
    `resync-required` says that the cursor belongs to another history: begin again.
    `Accept: application/x-ndjson` streams changes line by line up to the present, and a last line `{"next_cursor": …}`.
    """
    filters = ChangeFilters.model_validate(query.model_dump(include=set(ChangeFilters.model_fields)))
    binding = "changes" + filters.model_dump_json(exclude_defaults=True)
    history = await request.services.database.row(queries.history().sql)
    assert history is not None  # noqa: S101 - system functions give one row
    place = _place(request, query.cursor, binding, history)
    if negotiated(request.headers.get("accept"), (JSON, NDJSON)) == NDJSON:
        return StreamingResponse(_stream(request, filters, place, binding), media_type=NDJSON, headers=NO_STORE)
    deadline = time.monotonic() + query.wait
    # What is acknowledged before this request and has its position needs no stamper.
    complete = not history["is_marked"]
    while True:
        if not complete or query.wait:
            complete = (await stamp(request.services.database)).complete
        rows, head = await _read(request, filters, place, query.limit)
        if rows or time.monotonic() >= deadline:
            break
        await asyncio.sleep(min(LOOK_EVERY, max(0.0, deadline - time.monotonic())))
    shown = rows[: query.limit]
    place = place.moved(shown[-1]["seq"] if len(rows) > query.limit else head)
    has_more = len(rows) > query.limit or not complete
    cursor = _cursor(request, binding, place)
    items = b",".join([row["line"] for row in shown])
    more = "true" if has_more else "false"
    body = b'{"items":[%b],"next_cursor":"%b","has_more":%b}' % (items, cursor.encode(), more.encode())
    return Response(body, headers=NO_STORE, media_type=JSON)


NO_STORE = {"Cache-Control": "no-store", "Vary": "Accept"}


def _place(request: ApiRequest, cursor: str | None, binding: str, history: Row) -> Place:
    """Where the reader stands in the history of this database.

    Raises:
        InvalidCursor: the cursor was altered, or made for other filters.
        ResyncRequired: it belongs to another history of the database, or is older than the kept tombstones.
    """
    if cursor is None:
        return Place(0, history["head"], history["epoch"])
    position = request.services.cursors.decode(binding, cursor)
    try:
        after, copied_until, epoch = int(position[0]), int(position[1]), str(position[2])
    except (IndexError, ValueError) as reason:
        raise InvalidCursor("The cursor is not one of this feed.") from reason
    # Who is still in its first copy was never told of what had gone before it began.
    is_too_old = max(after, copied_until) < history["floor"]
    if epoch != history["epoch"] or after > history["head"] or is_too_old:
        start = f"{base_url(request.scope)}/v1/changes"
        raise ResyncRequired("The cursor belongs to another history of the database.", start=start)
    return Place(after, copied_until, epoch)


async def _read(request: ApiRequest, filters: ChangeFilters, place: Place, limit: int) -> tuple[list[Row], int]:
    """The next changes, one more than `limit` where there are more, and the last position there is by now."""
    statement = queries.changes(types, filters, place.after, place.copied_until, limit)
    *rows, last = await request.services.database.rows(*statement.flat)
    return rows, last["seq"]


def _cursor(request: ApiRequest, binding: str, place: Place) -> str:
    return request.services.cursors.encode(binding, [place.after, place.copied_until, place.epoch])


async def _stream(request: ApiRequest, filters: ChangeFilters, place: Place, binding: str) -> AsyncIterator[bytes]:
    await stamp(request.services.database)
    is_done = False
    while not is_done:
        rows, head = await _read(request, filters, place, STREAM_AT_ONCE)
        shown = rows[:STREAM_AT_ONCE]
        is_done = len(rows) <= STREAM_AT_ONCE
        place = place.moved(head if is_done else shown[-1]["seq"])
        yield b"".join([b"%b\n" % row["line"] for row in shown])
    yield f'{{"next_cursor":"{_cursor(request, binding, place)}"}}\n'.encode()
