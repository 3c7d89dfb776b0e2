"""Answers from documents that PostgreSQL has built: bytes in, bytes out."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel
from starlette.responses import Response

from app.database import Row
from app.errors import NotFound
from app.web.addresses import base_url
from app.web.etags import candidates, of_body
from app.web.routing import ApiRequest

PUBLIC = "public, max-age=0, s-maxage=15, stale-while-revalidate=60"
VOCABULARY = "public, max-age=300, stale-while-revalidate=3600"
PRIVATE = "private, no-cache"
JSON = "application/json"
# Nothing in it is encoded, or would have to be to stand in a header.
PLAIN_QUERY = re.compile(r"[A-Za-z0-9&=_.~+:,*@/-]*")
Model = TypeVar("Model", bound=BaseModel)


def cache_headers(request: ApiRequest, public: str = PUBLIC, vary: str = "Authorization, Accept") -> dict[str, str]:
    """Cache-Control and Vary: shared caches keep what anybody may see, and only that."""
    return {"Cache-Control": PRIVATE if request.caller.is_member else public, "Vary": vary}


def not_modified(request: ApiRequest) -> list[str]:
    """The entity tags that the client has, as an argument for the statement that decides about 304."""
    return candidates(request.headers.get("if-none-match"))


def document(
    request: ApiRequest,
    row: Row | Mapping[str, Any],
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    public: str = PUBLIC,
    media_type: str = JSON,
) -> Response:
    """One record: a row with `etag` and `body`; a body that is null was left out because the client has it (304)."""
    headers = {**cache_headers(request, public), "ETag": row["etag"], **(headers or {})}
    if row["body"] is None:
        return Response(status_code=304, headers=headers)
    return Response(row["body"].encode(), status, headers, media_type)


def page(
    request: ApiRequest,
    rows: Sequence[Row],
    limit: int,
    binding: str,
    *,
    public: str = PUBLIC,
    item: Callable[[Any], str] | None = None,
    keys: int = 2,
) -> Response:
    """A page of a list.

    Args:
        request: the request.
        rows: one more than `limit` where there are more; `body` first, then the values of the order's keys.
        limit: records on the page.
        binding: what the cursor is bound to: the list and its filters.
        public: Cache-Control for anonymous callers.
        item: makes a record's document from its row; unsaid: the first column is it.
        keys: how many columns the order's keys are, where `item` is given; else all that follow.
    """
    shown = rows[:limit]
    headers = cache_headers(request, public)
    cursor = None
    if len(rows) > limit:
        cursor = request.services.cursors.encode(binding, list(shown[-1])[1 : keys + 1 if item else None])
        headers["Link"] = f'<{_next_address(request, cursor)}>; rel="next"'
    following = f'"{cursor}"' if cursor else "null"
    body = (
        '{"items":['
        + ",".join(map(item, shown) if item else (row[0] for row in shown))
        + '],"next_cursor":'
        + following
        + "}"
    ).encode()
    if b"cursor=" not in request.scope["query_string"]:
        return _tagged(request, body, headers)
    return Response(body, 200, headers, JSON)


def part_page(request: ApiRequest, rows: Sequence[Row], limit: int, binding: str, *, missing: str) -> Response:
    """A page of what belongs to a record: the first row stands for the record, none raises NotFound with `missing`."""
    if not rows:
        raise NotFound(missing)
    return page(request, rows[1:], limit, binding)


def counted(request: ApiRequest, body: bytes, *, public: str = PUBLIC) -> Response:
    """An answer that is no record and no page, such as counts: its entity tag is a hash of the bytes."""
    return _tagged(request, body, cache_headers(request, public))


def dated(request: ApiRequest, text: str, undated: str, media_type: str, headers: dict[str, str]) -> Response:
    """An answer that tells when it was made: its entity tag is weak, of `undated`, all but that moment."""
    tag = of_body(undated.encode())
    headers["ETag"] = f"W/{tag}"
    if {tag, "*"} & set(not_modified(request)):
        return Response(status_code=304, headers=headers)
    return Response(text, 200, headers, media_type)


def _tagged(request: ApiRequest, body: bytes, headers: dict[str, str]) -> Response:
    headers["ETag"] = tag = of_body(body)
    if {tag, "*"} & set(not_modified(request)):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, JSON)


def binding_of(operation: str, query: BaseModel, *more: Any) -> str:
    """What a list's cursors are bound to: the operation and every filter, but not the page size."""
    return operation + query.model_dump_json(exclude={"cursor", "limit"}, exclude_defaults=True) + repr(more)


def _next_address(request: ApiRequest, cursor: str) -> str:
    scope = request.scope
    query = scope["query_string"].decode("latin-1")
    if "cursor=" in query or not PLAIN_QUERY.fullmatch(query):
        pairs = parse_qsl(query, keep_blank_values=True)
        query = urlencode([(name, value) for name, value in pairs if name != "cursor"])
    following = f"{query}&cursor={cursor}" if query else f"cursor={cursor}"
    return f"{base_url(scope)}{scope['path'].removeprefix(scope.get('root_path', ''))}?{following}"
