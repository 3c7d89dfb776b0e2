"""The least that the design can cost: ASGI, asyncpg and the project's own statements, and nothing else.

Nothing is checked, counted, logged or signed here, and a statement is made once for each query string: what the project
costs beyond this is its price for everything else that it promises.
"""

import os
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import asyncpg
from starlette.types import Receive, Scope, Send

from app.caller import ANONYMOUS
from app.database import Statement, plain_url
from app.main import FEEDS
from app.resources.changes.queries import changes
from app.resources.changes.schemas import ChangeFilters
from app.resources.practices.parameters import PracticeQuery
from app.resources.practices.queries import practice, practice_page

LISTS = {"tag", "any_tag"}
TYPES = {kind.name: kind for kind in FEEDS}
SETTINGS = {"timezone": "UTC", "jit": "off"}


class Ceiling:
    """Four reads."""

    def __init__(self) -> None:
        self._statements: dict[bytes, tuple[Statement, int]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["path"] == "/v1/practices":
            await self._answer(send, await self._page(scope["query_string"]))
        elif scope["path"] == "/v1/changes":
            await self._answer(send, await self._changes(scope["query_string"]))
        else:
            await self._document(scope, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._pool = await asyncpg.create_pool(
            plain_url(os.environ["DATABASE_URL"]), min_size=2, max_size=10, reset=_nothing, server_settings=SETTINGS,
            max_cached_statement_lifetime=0,
        )  # fmt: skip
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _page(self, query_string: bytes) -> bytes:
        if query_string not in self._statements:
            given = parse_qs(query_string.decode())
            query = PracticeQuery.model_validate({n: v if n in LISTS else v[0] for n, v in given.items()})
            self._statements[query_string] = practice_page(ANONYMOUS, query, None), query.limit
        statement, limit = self._statements[query_string]
        rows = await self._fetch(statement)
        return ('{"items":[' + ",".join([row[0] for row in rows[:limit]]) + '],"next_cursor":null}').encode()

    async def _changes(self, query_string: bytes) -> bytes:
        if query_string not in self._statements:
            given = parse_qs(query_string.decode())
            limit = int(given["limit"][0])
            filters = ChangeFilters.model_validate({"type": given["type"]})
            after = int(given.get("cursor", ["0"])[0])
            self._statements[query_string] = changes(TYPES, filters, after, 0, limit), limit
        statement, limit = self._statements[query_string]
        *rows, last = await self._fetch(statement)
        shown = rows[:limit]
        cursor = shown[-1]["seq"] if len(rows) > limit else last["seq"]
        more = "true" if len(rows) > limit else "false"
        items = b",".join([row["line"] for row in shown])
        return b'{"items":[%b],"next_cursor":"%d","has_more":%b}' % (items, cursor, more.encode())

    async def _document(self, scope: Scope, send: Send) -> None:
        known = [value.decode() for name, value in scope["headers"] if name == b"if-none-match"]
        [row] = await self._fetch(practice(ANONYMOUS, UUID(scope["path"][14:]), known))
        headers = [(b"etag", row["etag"].encode())]
        if row["body"] is None:
            await self._answer(send, b"", 304, headers)
        else:
            await self._answer(send, row["body"].encode(), 200, headers)

    async def _fetch(self, statement: Statement) -> list[Any]:
        async with self._pool.acquire() as connection:
            rows: list[Any] = await connection.fetch(statement.sql, *statement.arguments)
            return rows

    async def _answer(
        self, send: Send, body: bytes, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None
    ) -> None:
        all_headers = headers or []
        if status == 200:  # noqa: PLR2004 - a 304 has no body to describe
            length = str(len(body)).encode()
            all_headers += [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": status, "headers": all_headers})
        await send({"type": "http.response.body", "body": body})


async def _nothing(_: Any) -> None:
    """No round trip for a reset."""


app = Ceiling()
