"""Keyset paging: cursors, and the WHERE and ORDER BY that go with them."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from app.database import Arguments
from app.errors import InvalidCursor

SIGNATURE_BYTES = 12
CURSOR_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class Key:
    """One column of an order: the SQL expression, its PostgreSQL type, and whether it descends."""

    expression: str
    type: str
    descending: bool = False


def order_by(keys: tuple[Key, ...]) -> str:
    """The ORDER BY list of an order."""
    return ", ".join(f"{key.expression} DESC" if key.descending else key.expression for key in keys)


def after(keys: tuple[Key, ...], position: list[Any], arg: Arguments) -> str:
    """The condition that a row comes after a position; all keys run in the same direction, so it is one row comparison.

    Raises:
        InvalidCursor: the position has not as many values as there are keys.
    """
    if len(position) != len(keys):
        raise InvalidCursor("The cursor does not fit this order.")
    left = ", ".join(key.expression for key in keys)
    # The driver encodes by the placeholder's type: text it is, cast in SQL, whatever the key's type.
    right = ", ".join(f"{arg(str(value))}::text::{key.type}" for key, value in zip(keys, position, strict=True))
    return f"({left}) {'<' if keys[0].descending else '>'} ({right})"


class Cursors:
    """Makes and reads cursors: signed, and bound to a path and its filters."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def encode(self, binding: str, position: list[Any]) -> str:
        """A cursor for the rows after `position`, good for the list that `binding` names and no other."""
        body = json.dumps(position, separators=(",", ":"), default=str).encode()
        return base64.urlsafe_b64encode(self._sign(binding, body) + body).rstrip(b"=").decode()

    def decode(self, binding: str, cursor: str) -> list[Any]:
        """The position inside a cursor.

        Raises:
            InvalidCursor: it was altered, or made for another list or other filters.
        """
        refusal = InvalidCursor("The cursor was altered, or made for another list or other filters.")
        try:
            raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError as reason:
            raise refusal from reason
        signature, body = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(binding, body)):
            raise refusal
        # The last character of unpadded base64 has idle bits: only the one spelling we make is taken.
        if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != cursor:
            raise refusal
        position = json.loads(body)
        return position if isinstance(position, list) else [position]

    def _sign(self, binding: str, body: bytes) -> bytes:
        message = hashlib.sha256(binding.encode("utf-8", "surrogatepass")).digest() + body
        return hmac.new(self._secret, message, hashlib.sha256).digest()[:SIGNATURE_BYTES]
