"""Reads request bodies: size and nesting are bounded, and JSON means RFC 8259."""

import json
from typing import Any

from starlette.requests import Request

from app.errors import InvalidInput, MalformedJson, UnsupportedMediaType, error

NESTING = 32
INTEGER_DIGITS = 40
JSON_TYPES = frozenset({"application/json"})
MERGE_PATCH_TYPES = frozenset({"application/json", "application/merge-patch+json"})


async def json_body(request: Request) -> Any:
    """The body as Python values.

    Raises:
        UnsupportedMediaType: it does not say that it is JSON, or it is compressed.
        MalformedJson: it is not.
        InvalidInput: it is nested deeper than NESTING.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise UnsupportedMediaType("Send the body as it is, not compressed.", headers={"Accept-Encoding": "identity"})
    accepted = MERGE_PATCH_TYPES if request.method == "PATCH" else JSON_TYPES
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() not in accepted or charset not in {"", "utf-8"}:
        header = {"Accept-Patch" if request.method == "PATCH" else "Accept-Post": ", ".join(sorted(accepted))}
        raise UnsupportedMediaType(f"Send {' or '.join(sorted(accepted))} in UTF-8.", headers=header)
    return parse_json(await request.body())


def parse_json(raw: bytes) -> Any:
    """JSON text as Python values; raises as `json_body`."""
    try:
        value = json.loads(
            raw.decode("utf-8"), parse_constant=_refuse_constant, parse_int=_integer, object_pairs_hook=_members
        )
    except RecursionError as reason:
        raise _too_deep() from reason
    except UnicodeDecodeError as reason:
        raise MalformedJson(f"The body is not UTF-8: {reason.reason} at byte {reason.start}.") from reason
    except json.JSONDecodeError as reason:
        raise MalformedJson(f"{reason.msg} at line {reason.lineno}, column {reason.colno}.") from reason
    _check_nesting(value)
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # RFC 8259 leaves open which of two members of one name counts: we would guess, and others might guess otherwise.
    members = dict(pairs)
    if len(members) < len(pairs):
        raise MalformedJson("An object has two members of the same name.")
    return members


def _refuse_constant(name: str) -> Any:
    raise MalformedJson(f"{name} is not JSON.")


def _integer(digits: str) -> int | float:
    # Beyond any column's range anyway; as a float it is refused by every integer field without costing its parsing.
    return int(digits) if len(digits) <= INTEGER_DIGITS else float("inf")


def _check_nesting(value: Any) -> None:
    level = [value]
    for _ in range(NESTING):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> InvalidInput:
    detail = f"The body is nested deeper than {NESTING} levels."
    return InvalidInput(detail, errors=[error("", "nesting", detail)])
