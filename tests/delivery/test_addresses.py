"""Where webhooks may lead to: a table of addresses in every spelling, and of URLs."""

import asyncio

import pytest

from app.outgoing.addresses import RefusedDestinationError, is_global_unicast, resolve, take_apart
from app.outgoing.client import OutgoingClient, OutgoingError
from tests.receiver import Receiver

PUBLIC = (
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
    "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0",
    "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
    "2001:4860:4860::8888", "2001:200::1", "2003::1", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e",
    "2400:cb00:2048:1::6814:1", "3000::1",
)  # fmt: skip
NOT_PUBLIC = (
    # this host, private, shared, link-local (the metadata services of clouds), benchmarks, documents, multicast …
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1",
    "127.1.2.3", "127.255.255.255", "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255",
    "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.88.99.2",
    "192.168.0.1", "192.168.255.255", "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    # … and the same in IPv6, with all that carries an address of IPv4 inside.
    "::", "::1", "::2", "::127.0.0.1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8",
    "::ffff:7f00:1", "::ffff:0:127.0.0.1", "::ffff:0:0:1", "64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8",
    "64:ff9b:1::10.0.0.1", "100::1", "100:0:0:1::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1",
    "2001:10::1", "2001:20::1", "2001:1ff::1", "2001:db8::1", "2001:db8:ffff::", "2002::1", "2002:7f00:1::",
    "2002:a00:1::1", "2002:c0a8:101::1", "2620:4f:8000::1", "3ffe::1", "3fff::1", "4000::1", "5f00::1", "8000::1",
    "fc00::1", "fd00::1", "fd00:ec2::254", "fdff:ffff::1", "fe80::1", "fe80::a9fe:a9fe", "febf::1", "fec0::1",
    "feff::1", "ff00::1", "ff02::1", "ff05::2", "ffff::1", "fe80::1%eth0", "fe80::1%25eth0", "2606:4700::1%1",
    # no addresses as they are written
    "", "1", "127.1", "0177.0.0.1", "0x7f.0.0.1", "2130706433", "1.1.1.1.", "1.1.1", "::g", "localhost",
)  # fmt: skip
SPELT_OTHERWISE = (
    "", "hooks", "//example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://127.0.0.1/",
    "javascript:alert(1)", "http:example.org", "http:/example.org", "http:///path", "http://", "https://?x",
    # users, which one reader takes for the host and another does not
    "http://user@example.org/", "http://user:secret@example.org/", "http://example.org@127.0.0.1/",
    "http://127.0.0.1@example.org/", "http://example.org:80@127.0.0.1/", "http://@example.org/",
    # odd spellings of 127.0.0.1
    "http://0x7f.1/", "http://0x7f.0.0.1/", "http://0x7f000001/", "http://2130706433/", "http://017700000001/",
    "http://0177.0.0.1/", "http://127.1/", "http://127.0.1/", "http://127.0.0.1./", "http://127.0.0.0x1/",
    "http://00127.0.0.1/", "http://127.0.0.01/", "http://127.0.0.1.0/", "http://256.0.0.1/", "http://127。0。0。1/",
    "http://①②⑦.0.0.1/", "http://127%2e0%2e0%2e1/", "http://%6cocalhost/", "http://1/", "http://0/", "http://0x/",
    # IPv6
    "http://[::1", "http://::1/", "http://[::1%lo]/", "http://[::1%25lo]/", "http://[fe80::1%25eth0]/", "http://[]/",
    "http://[::1]x/", "http://[v1.x]/", "http://[:::1]/", "http://[1.2.3.4]/", "http://[::1].example.org/",
    # names
    "http://localhost/", "http://LOCALHOST/", "http://metadata/", "http://postgres:5432/", "http://example.org./",
    "http://.example.org/", "http://example..org/", "http://-a.example.org/", "http://a-.example.org/",
    "http://a_b.example.org/", f"http://{'a' * 64}.example.org/", "http://exämple.org/", "http://exa mple.org/",
    # ports, fragments, and what ends a line or a host for some
    "http://example.org:0/", "http://example.org:65536/", "http://example.org:99999999/", "http://example.org:/",
    "http://example.org:x/", "http://example.org:80:80/", "http://example.org/#fragment", "http://example.org#@x/",
    "http://example.org\\@127.0.0.1/", "http://example.org\\.x/", "http://example.org/\r\nHost: x", "http://ex\tample.org/",
    "http://example.org/a b", "http://example.org/ä", "http://example.org/\x00", " http://example.org/",
    "http://example.org/ ", "http://example.org\n", "http://example.org;x/", "http://example.org,x/",
)  # fmt: skip
PLAIN = {
    "https://example.org": ("https", "example.org", 443, "/"),
    "HTTPS://Hooks.Example.ORG/A?b=c%20d": ("https", "hooks.example.org", 443, "/A?b=c%20d"),
    "http://example.org:8080/x": ("http", "example.org", 8080, "/x"),
    "http://example.org?q=1": ("http", "example.org", 80, "/?q=1"),
    "https://xn--exmple-cua.org/": ("https", "xn--exmple-cua.org", 443, "/"),
    "http://8.8.8.8/": ("http", "8.8.8.8", 80, "/"),
    "http://[2606:4700:4700:0::1111]:81/": ("http", "2606:4700:4700::1111", 81, "/"),
    "http://1.example.org/": ("http", "1.example.org", 80, "/"),
    "http://3com.example/": ("http", "3com.example", 80, "/"),
}


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet(address: str) -> None:
    assert is_global_unicast(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_any_other_address(address: str) -> None:
    assert not is_global_unicast(address)


@pytest.mark.parametrize("url", SPELT_OTHERWISE)
def test_a_url_in_another_spelling_is_refused(url: str) -> None:
    with pytest.raises(RefusedDestinationError):
        take_apart(url)


@pytest.mark.parametrize(("url", "parts"), PLAIN.items())
def test_a_plain_url(url: str, parts: tuple[str, str, int, str]) -> None:
    found = take_apart(url)
    assert (found.scheme, found.host, found.port, found.target) == parts


@pytest.mark.parametrize("address", [address for address in NOT_PUBLIC if ":" in address and "%" not in address][:-1])
async def test_a_url_with_such_an_address_is_refused_before_anything_is_sent(address: str) -> None:
    with pytest.raises(RefusedDestinationError):
        await resolve(take_apart(f"http://[{address}]/"))


async def test_nothing_is_connected_to_that_is_not_public() -> None:
    async with Receiver().listening() as receiver, OutgoingClient() as client:
        for url in (receiver.url(), receiver.url().replace("127.0.0.1", "localhost"), "http://[::1]:1/"):
            with pytest.raises(OutgoingError, match="refused"):
                await client.post(url, b"{}", {})
        assert receiver.received == []


async def test_a_name_is_connected_to_at_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two addresses is private, or the only one: the name is refused whole, at the moment of the call."""
    loop = asyncio.get_running_loop()
    found: list[str] = []

    async def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        assert host == "rebound.example.org"
        return [(0, 0, 0, "", (address, port)) for address in found]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo, raising=False)
    for addresses in (["8.8.8.8", "127.0.0.1"], ["169.254.169.254"], ["2606:4700::1", "fe80::1%eth0"]):
        found[:] = addresses
        with pytest.raises(RefusedDestinationError):
            await resolve(take_apart("https://rebound.example.org/"))
    found[:] = ["8.8.8.8", "2606:4700:4700::1111", "8.8.8.8"]
    assert await resolve(take_apart("https://rebound.example.org/")) == found[:2]
