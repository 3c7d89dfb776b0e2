"""A real browser: where it is found, and a page that remembers what it asked for and what went wrong."""

import shutil

import pytest
from playwright.async_api import Page, Request

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NEEDS_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium; none is installed and none could be"),
]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip


class Watched:
    """A page that remembers what it asked for and what went wrong."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.faults: list[str] = []
        page.on("request", self._asked)
        page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda fault: self.faults.append(str(fault)))

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def outside(self, base: str) -> list[str]:
        """Requests that left the server, `data:` and `blob:` apart."""
        return [url for url in self.requests if not url.startswith((base, "data:", "blob:"))]
