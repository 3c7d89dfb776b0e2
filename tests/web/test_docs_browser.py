"""The pages for people, in a real browser: no outside request, no broken policy, *Authorize* works, examples run."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest

from app.database import Database
from tests.factories import make_client
from tests.web.browser import NEEDS_CHROMIUM, Watched

pytestmark = NEEDS_CHROMIUM


@pytest.fixture
def address(database_url: str) -> Iterator[str]:
    """A real server process on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "DATABASE_URL": database_url, "PX_RATE_LIMIT": "off", "PX_LOG_LEVEL": "warning"}
    command = [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app", "--port", str(port)]
    with subprocess.Popen([*command, "--log-level", "warning"], env=environment) as process:
        base = f"http://127.0.0.1:{port}"
        _wait(f"{base}/readyz")
        yield base
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the server did not start")


async def test_front_page_shows_the_cities_without_an_outside_request(address: str, watched: Watched) -> None:
    await watched.page.goto(address)
    assert await watched.page.locator("svg a, svg circle").count() > 100
    assert "Montreal" in await watched.page.content()
    assert watched.outside(address) == []
    assert watched.faults == []


async def test_docs_lists_operations_under_the_strict_policy(address: str, watched: Watched) -> None:
    await watched.page.goto(f"{address}/docs")
    await watched.page.locator(".opblock-tag").first.wait_for()
    assert await watched.page.locator(".opblock-tag").count() >= 6
    assert watched.outside(address) == []
    assert watched.faults == []


async def test_authorize_gets_a_token_and_try_it_out_uses_it(
    address: str, watched: Watched, database: Database
) -> None:
    client_id, secret = await make_client(database, "city:ca-montreal")
    page = watched.page
    await page.goto(f"{address}/docs")
    await page.locator("button.authorize").first.click()
    modal = page.locator(".modal-ux")
    await modal.locator("[data-name=clientId]").first.fill(client_id)
    await modal.locator("[data-name=clientSecret]").first.fill(secret)
    await modal.locator("button.authorize").first.click()
    await modal.get_by_text("Logout").first.wait_for()
    await modal.locator("button.btn-done").first.click()
    operation = page.locator("#operations-account-get_me")
    if not await operation.count():
        await page.locator("#operations-tag-account").click()
    if not await operation.locator("button.execute").count():
        await operation.locator(".opblock-summary").click()
    await operation.locator("button.execute").click()
    await operation.locator(".live-responses-table").get_by_text("city:ca-montreal").first.wait_for()
    assert watched.faults == []


async def test_redoc_renders_without_an_outside_request(address: str, watched: Watched) -> None:
    await watched.page.goto(f"{address}/redoc")
    await watched.page.get_by_text("Practice Exchange").first.wait_for()
    assert watched.outside(address) == []
