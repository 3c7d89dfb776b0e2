"""The drawn report in a real browser: it asks for nothing, fits every width, and names and arcs can be read."""

import re
from pathlib import Path

from app.database import Database
from tests.cli.processes import run
from tests.variety import Variety
from tests.web.browser import NEEDS_CHROMIUM, Watched

pytestmark = NEEDS_CHROMIUM
OVERLAPS = """() => {
    const boxes = [...document.querySelectorAll('.map text')].map(text => text.getBBox());
    const meet = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
    return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b => meet(a, b))).length;
}"""
WIDTHS = """() => [...document.querySelectorAll('#gcm tbody tr')].map(row => {
    const cell = row.querySelector('td.practices'), bar = cell.querySelector('.bar');
    return [Number(cell.textContent), bar ? bar.getBoundingClientRect().width : 0];
})"""


async def test_the_drawn_report(watched: Watched, database: Database, database_url: str, tmp_path: Path) -> None:
    await Variety(database, seed=8).fill()
    file = tmp_path / "report.html"
    made = run(tmp_path / "data", "report", "--html", str(file), DATABASE_URL=database_url)
    assert made.returncode == 0, made.stderr
    page = watched.page
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        for width in (320, 768, 1280):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.goto(file.as_uri())
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, "it scrolls sideways"
    assert watched.requests == [file.as_uri()] * 6
    assert watched.faults == []
    assert await page.locator(".map text").count() >= 6
    assert await page.evaluate(OVERLAPS) == 0
    assert await page.locator(".map a.exchanges path").count() > 0
    assert await page.locator(".map a.adoptions path").count() > 0
    bars = await page.evaluate(WIDTHS)
    most = max(bars)
    assert most[0] > 1
    for count, shown in bars:
        assert abs(shown - most[1] * count / most[0]) <= most[1] * 0.02
    unlabelled = "a:not([aria-label]):not(:has(title))"
    assert all(name.strip() for name in await page.locator(unlabelled).all_inner_texts())
    printed = await page.pdf(prefer_css_page_size=True)
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 10
