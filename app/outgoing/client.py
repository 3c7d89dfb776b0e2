"""POST to a URL that somebody else chose: to the very address that was checked, briefly, and never any further."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from app.outgoing.addresses import Destination, RefusedDestinationError, resolve, take_apart

CONNECT_WITHIN = 5.0
ANSWER_WITHIN = 10.0
ALL_WITHIN = 15.0
READ_WITHIN = 2.0
MOST_ADDRESSES = 3
MOST_BYTES = 64 * 1024
AGENT = "practice-exchange-webhooks/1"


class OutgoingError(Exception):
    """There was no answer; the message is short and says why, in words of our own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What we keep of an answer: never its body."""

    status: int
    retry_after: str | None


class OutgoingClient:
    """Makes the requests of one process."""

    def __init__(self, *, private: bool = False) -> None:
        """Begin; `private`: connect to addresses of local networks too, for trials."""
        self._private = private
        self._client = httpx.AsyncClient(
            # The environment names proxies, which would connect wherever the name leads them.
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(ANSWER_WITHIN, connect=CONNECT_WITHIN),
            # A connection was verified for one host name: kept open, it would serve every host at that address.
            limits=httpx.Limits(max_keepalive_connections=0, max_connections=None),
            headers={"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"},
        )

    async def __aenter__(self) -> Self:
        """Use it."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, reason: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self._client.aclose()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body; gives the answer's status. A redirection is an answer like any other.

        Raises:
            OutgoingError: no answer came, or we do not connect there.
        """
        try:
            async with asyncio.timeout(ALL_WITHIN):
                destination = take_apart(url, private=self._private)
                addresses = await self._addresses(destination)
                return await self._post(destination, addresses[:MOST_ADDRESSES], body, headers)
        except RefusedDestinationError as reason:
            raise OutgoingError(f"refused: {reason}") from reason
        except (TimeoutError, httpx.TimeoutException) as reason:
            raise OutgoingError("timeout") from reason
        except (httpx.HTTPError, httpx.InvalidURL) as reason:
            raise OutgoingError(_short(reason)) from reason

    async def _addresses(self, destination: Destination) -> list[str]:
        try:
            return await resolve(destination, private=self._private)
        except TimeoutError:
            raise
        except (OSError, UnicodeError) as reason:
            raise OutgoingError("the name leads to no address") from reason

    async def _post(
        self, destination: Destination, addresses: list[str], body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        *others, last = addresses
        for address in others:
            try:
                return await self._post_to(address, destination, body, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._post_to(last, destination, body, headers)

    async def _post_to(self, address: str, to: Destination, body: bytes, headers: Mapping[str, str]) -> Answer:
        url = httpx.URL(scheme=to.scheme, host=address, port=to.port, raw_path=to.target.encode("ascii"))
        request = self._client.build_request(
            "POST",
            url,
            content=body,
            headers={**headers, "Host": to.host_header},
            # The certificate must be the host's, whatever address it was found at.
            extensions={} if to.is_literal else {"sni_hostname": to.host},
        )
        response = await self._client.send(request, stream=True)
        try:
            await _read_some(response)
        finally:
            await response.aclose()
        return Answer(response.status_code, response.headers.get("retry-after"))


async def _read_some(response: httpx.Response) -> None:
    """Let the other side finish what it says, within bounds; what breaks is no fault: the status is known already."""
    length = 0
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(READ_WITHIN):
            async for chunk in response.aiter_raw():
                length += len(chunk)
                if length > MOST_BYTES:
                    return


def _short(reason: Exception) -> str:
    """What went wrong, without a word of the other side's."""
    cause: BaseException | None = reason
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "the certificate is not valid for the host"
        if isinstance(cause, ssl.SSLError):
            return "TLS failed"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        cause = cause.__cause__ or cause.__context__
    if isinstance(reason, httpx.ConnectError):
        return "no connection"
    if isinstance(reason, httpx.RemoteProtocolError):
        return "the answer was not HTTP, or broke off"
    return "the connection broke"
