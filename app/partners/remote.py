"""The one place that speaks HTTP to a partner: bounded in size and time, with patience, never led elsewhere.

There is no guard here against addresses of private networks, as there is for webhooks: the address was typed by whoever
runs the exchange, and partners behind the same firewall are welcome. What comes back is trusted in nothing.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

LARGEST = 64 * 1024 * 1024
TIMEOUT = httpx.Timeout(60, connect=10, write=60, pool=10)
# A whole answer, however slowly it trickles.
LONGEST = 600.0
ATTEMPTS = 8
PAUSE, LONGEST_PAUSE = 1.0, 900.0
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
Waiting = Callable[[float, str], None]


class RemoteError(Exception):
    """A partner cannot be worked with; the message says why, in words for the one who runs the command."""


class TooLargeError(RemoteError):
    """An answer is larger than we take."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a partner said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def says(self) -> str:
        """The beginning of the answer, for a message."""
        return " ".join(self.body[:300].decode("utf-8", "replace").split())


class Remote:
    """A partner at one address. Use it as an asynchronous context manager."""

    def __init__(self, url: str, *, waiting: Waiting = lambda _seconds, _why: None, attempts: int = ATTEMPTS) -> None:
        """Take the address.

        Args:
            url: where it is; http or https, without a user's name.
            waiting: told how long we wait, and why, before something is tried again.
            attempts: how often something is tried.

        Raises:
            RemoteError: that is no such address.
        """
        self.url = checked_url(url)
        self._waiting = waiting
        self._attempts = attempts
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT,
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": "practice-exchange", "Accept-Encoding": "gzip"},
        )

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def get(self, path: str, parameters: Mapping[str, Any] | None = None, **headers: str) -> Answer:
        """Ask for something below the address; an answer that passes is waited for."""
        return await self.send("GET", path, parameters, headers=headers)

    async def send(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> Answer:
        """Send a request that may be sent again without harm; gives the answer, whatever its status is.

        Raises:
            TooLargeError: the answer is.
            RemoteError: nothing came in all attempts, or the partner leads elsewhere.
        """
        request = self._client.build_request(
            method, self.url + path, params=dict(parameters) if parameters else None, content=content, headers=headers
        )
        for attempt in range(1, self._attempts + 1):
            pause = min(PAUSE * 2 ** (attempt - 1), 60) * random.uniform(0.75, 1.25)  # noqa: S311 - spreads, hides nothing
            try:
                async with asyncio.timeout(LONGEST):
                    answer = await self._once(request, auth)
            except (httpx.TransportError, TimeoutError) as reason:
                why = str(reason) or type(reason).__name__
            except httpx.HTTPError as reason:
                message = f"{self.url} answers what cannot be read: {reason}."
                raise RemoteError(message) from reason
            else:
                if answer.status not in TRY_AGAIN:
                    return answer
                why = f"status {answer.status}"
                pause = max(pause, _retry_after(answer))
            if attempt < self._attempts:
                self._waiting(pause, why)
                await asyncio.sleep(pause)
        message = f"{self.url}{path} gave no answer in {self._attempts} attempts: {why}."
        raise RemoteError(message)

    async def _once(self, request: httpx.Request, auth: tuple[str, str] | None) -> Answer:
        response = await self._client.send(request, stream=True, auth=auth)
        try:
            if response.has_redirect_location:
                message = (
                    f"{self.url} leads to {response.headers['location']}: name that address if it is the right one."
                )
                raise RemoteError(message)
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > LARGEST:
                    message = f"{self.url} answers with more than {LARGEST} bytes."
                    raise TooLargeError(message)
            return Answer(response.status_code, response.headers, bytes(body))
        finally:
            await response.aclose()


def checked_url(url: str) -> str:
    """The address without a slash at its end; raises RemoteError for what is none."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
        is_good = is_good and not parts.query and not parts.fragment and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        message = f"{url} is not an address such as https://exchange.example (without a user's name or a query)."
        raise RemoteError(message)
    return url.rstrip("/")


def _retry_after(answer: Answer) -> float:
    """The seconds that the partner asks us to wait."""
    value = answer.headers.get("retry-after", "")
    try:
        seconds = (
            float(value) if value.isdigit() else (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        )
    except (ValueError, TypeError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_PAUSE)
