"""When a delivery that failed is tried again: soon at first, then with growing pauses, for a day."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

PAUSES = (2, 10, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 21_600)
JITTER = 0.2
# A webhook that fails rests a while between two tries, however much there is to be delivered to it.
LONGEST_REST = 900
TRIED_FOR = timedelta(days=1)
LONGEST_RETRY_AFTER = 6 * 3_600


def pause(tries: int, retry_after: str | None, now: datetime) -> float:
    """Seconds until the next try.

    Args:
        tries: how often it was tried, this time included.
        retry_after: what the receiver asked for, as RFC 9110 §10.2.3 has it; bounded, and never sooner than our own.
        now: the time.
    """
    base = PAUSES[min(tries, len(PAUSES)) - 1]
    own = base * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, hides nothing
    return max(own, min(_asked(retry_after, now), LONGEST_RETRY_AFTER))


def rest(failures: int, retry_after: str | None, now: datetime) -> float:
    """Seconds for which nothing at all is sent to a webhook that failed so many times in a row."""
    own = min(PAUSES[min(failures, len(PAUSES)) - 1], LONGEST_REST)
    return max(own * (1 - JITTER), min(_asked(retry_after, now), LONGEST_RETRY_AFTER))


def _asked(retry_after: str | None, now: datetime) -> float:
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        # More digits than these are too long a time in any case.
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
