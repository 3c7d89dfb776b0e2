"""Fixtures of the tests in a browser."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import async_playwright

from tests.web.browser import CHROMIUM, FLAGS, Watched


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page()
        yield Watched(page)
        await browser.close()
