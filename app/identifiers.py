"""Identifiers that the service makes."""

import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """A time-ordered UUID, version 7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then random bits."""
    random = int.from_bytes(os.urandom(10))
    high = (time.time_ns() // 1_000_000) << 16 | 0x7000 | random >> 68
    return UUID(int=high << 64 | 0b10 << 62 | random & ((1 << 62) - 1))
