"""Where we may connect to: an allow-list of global unicast addresses, and the one spelling of a URL that we take.

An address that somebody else chose must not lead into our own network. `ipaddress.is_global` lets through what only
looks global (6to4, NAT64, anycast relays, a cloud's wire server), so what is allowed is listed here, by the registries
of special-purpose addresses: https://www.iana.org/assignments/iana-ipv4-special-registry and …-ipv6-special-registry.
"""

import asyncio
import ipaddress
import re
import socket
from dataclasses import dataclass

# Everything of IPv4's unicast space but these.
NOT_GLOBAL_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "168.63.129.16/32",  # the wire server of a large cloud: public by its number, local by its nature
        ),
    )
)  # fmt: skip
# Of IPv6 only what is assigned as global unicast, and of that not what is translated, tunnelled or for documents.
GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
NOT_GLOBAL_V6 = tuple(
    map(
        ipaddress.IPv6Network,
        ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20"),
    )
)
URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253})(?::(?P<port>\d{1,5}))?(?P<target>[/?][!$-~]*)?",
    re.IGNORECASE | re.ASCII,
)
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE | re.ASCII)
NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.IGNORECASE | re.ASCII)
PORTS = {"http": 80, "https": 443}
HIGHEST_PORT = 65_535


class RefusedDestinationError(Exception):
    """We do not connect there; the message is for whoever chose the address."""


@dataclass(frozen=True, slots=True)
class Destination:
    """The parts of a URL that was taken apart: `target` is path and query, `is_literal` says that the host is an IP."""

    scheme: str
    host: str
    port: int
    target: str
    is_literal: bool

    @property
    def host_header(self) -> str:
        """The host as a request names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def is_global_unicast(address: str) -> bool:
    """Whether an address, as the resolver writes it, is one that the whole internet reaches; zones never are."""
    try:
        given = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(given, ipaddress.IPv4Address):
        return not any(given in network for network in NOT_GLOBAL_V4)
    if given.scope_id is not None:
        return False
    return given in GLOBAL_V6 and not any(given in network for network in NOT_GLOBAL_V6)


def take_apart(url: str, *, private: bool = False) -> Destination:
    """The parts of an http or https URL in its plainest spelling.

    No user, no fragment, no zone, no trailing dot, letters of ASCII; an IP address only as it is commonly written,
    because resolvers read `0x7f.1`, `2130706433` and `127.1` as one too.

    Args:
        url: as it was given.
        private: take names without a dot too, such as `localhost`.

    Raises:
        RefusedDestinationError: it is spelt otherwise.
    """
    match = URL.fullmatch(url)
    if match is None or "#" in url:
        raise RefusedDestinationError(
            "The URL is not of the form https://host[:port]/path, in ASCII, without user, zone and fragment."
        )
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = int(match["port"] or PORTS[scheme])
    if not 1 <= port <= HIGHEST_PORT:
        raise RefusedDestinationError(f"There is no port {port}.")
    target = match["target"] or "/"
    if target.startswith("?"):
        target = f"/{target}"
    host, is_literal = _host(host, private=private)
    return Destination(scheme, host, port, target, is_literal)


def _host(host: str, *, private: bool) -> tuple[str, bool]:
    try:
        if host.startswith("["):
            return str(ipaddress.IPv6Address(host[1:-1])), True
        labels = host.split(".")
        if NUMBER.fullmatch(labels[-1]):
            return str(ipaddress.IPv4Address(host)), True
    except ValueError as reason:
        raise RefusedDestinationError("The host is a number that is no IP address as these are written.") from reason
    if not all(LABEL.fullmatch(label) for label in labels):
        raise RefusedDestinationError("The host is no name of the DNS.")
    if len(labels) == 1 and not private:
        raise RefusedDestinationError("The host is a name of a local network.")
    return host, False


async def resolve(destination: Destination, *, private: bool = False) -> list[str]:
    """The addresses of a destination, every one of them global unicast.

    Args:
        destination: where to.
        private: take other addresses too.

    Raises:
        RefusedDestinationError: one of the addresses is not global unicast.
        OSError: the name leads nowhere.
    """
    addresses = [destination.host]
    if not destination.is_literal:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(destination.host, destination.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not private and not all(map(is_global_unicast, addresses)):
        raise RefusedDestinationError("The host leads to an address that is not of the public internet.")
    return addresses
