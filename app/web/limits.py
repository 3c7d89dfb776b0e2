"""Rate limits that all processes share, with few statements: a busy process takes a handful of permits at a time.

Each caller has a quota per minute, counted in one row of an UNLOGGED table. A slow caller costs one UPSERT a request
and is counted exactly; a fast one is given as many permits at once as it used in the last tenth of a second, but never
more than a sixteenth of what is left, so that near the limit every process counts one by one again.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from app.caller import Caller
from app.config import Settings
from app.database import Database
from app.errors import TooManyRequests

WINDOW = 60
SHARE = 16
BURST_SECONDS = 0.1
MOST_KEYS = 20_000

TAKE = """
INSERT INTO rate_limit AS l (key, "window", used) VALUES ($1, $2, $3)
ON CONFLICT (key) DO UPDATE
SET used = CASE WHEN l."window" = excluded."window" THEN least(l.used + excluded.used, 2000000000)
                ELSE excluded.used END,
    "window" = excluded."window"
RETURNING used
"""


@dataclass(slots=True)
class _Quota:
    window: int
    permits: int = 0
    left: int = 0
    recent: int = 0
    recent_since: float = 0.0
    used_up: bool = False
    refilling: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller has left: for the RateLimit headers (IETF draft, ratelimit-headers 11)."""

    policy: str
    quota: int
    left: int
    reset: int

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The two header fields."""
        return [
            (b"ratelimit-policy", f'"{self.policy}";q={self.quota};w={WINDOW}'.encode()),
            (b"ratelimit", f'"{self.policy}";r={self.left};t={self.reset}'.encode()),
        ]


class RateLimiter:
    """Counts requests per client, and per address where there is no token."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._quotas: OrderedDict[str, _Quota] = OrderedDict()

    async def take(self, caller: Caller, address: str) -> Allowance | None:
        """Take one permit; None when limits are off.

        Raises:
            TooManyRequests: the quota of this minute is used up.
        """
        if self._settings.rate_limit == "off":
            return None
        if caller.client_id:
            policy, key, quota = "client", f"client:{caller.client_id}", self._settings.rate_limit_client
        else:
            policy, key, quota = "address", f"address:{address}", self._settings.rate_limit_anonymous
        now = time.time()
        window = int(now // WINDOW)
        state = self._state(key, window, now)
        if state.permits == 0 and not state.used_up:
            # One at a time: many requests of one caller at once would each take the whole handful.
            async with state.refilling:
                if state.permits == 0 and not state.used_up:
                    await self._refill(state, key, quota)
        reset = max(1, int((window + 1) * WINDOW - now) + 1)
        allowance = Allowance(policy, quota, max(0, state.left + state.permits - 1), reset)
        if state.permits <= 0:
            raise TooManyRequests(
                f"The quota of {quota} requests a minute is used up.",
                headers={
                    "Retry-After": str(reset),
                    **{name.decode(): value.decode() for name, value in allowance.headers},
                },
                policy=policy,
            )
        state.permits -= 1
        return allowance

    def _state(self, key: str, window: int, now: float) -> _Quota:
        state = self._quotas.get(key)
        if state is None or state.window != window:
            state = self._quotas[key] = _Quota(window, recent_since=now)
            if len(self._quotas) > MOST_KEYS:
                self._quotas.popitem(last=False)
        if now - state.recent_since > BURST_SECONDS:
            state.recent, state.recent_since = 0, now
        state.recent += 1
        return state

    async def _refill(self, state: _Quota, key: str, quota: int) -> None:
        wanted = max(1, min(state.recent, state.left // SHARE))
        used = (await self._database.write(TAKE, key, state.window, wanted))[0]["used"]
        state.permits = max(0, wanted - max(0, used - quota))
        state.left = max(0, quota - used)
        state.used_up = state.permits == 0
