"""`report`: what the files hold, that every figure has the search that yields it, and that nothing in it runs."""

import csv
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from httpx import AsyncClient
from lxml import html
from typer.testing import CliRunner

from app.__main__ import app
from app.database import Database
from tests.cli.processes import run
from tests.variety import Variety

HOSTILE = "<script>alert(1)</script>&\"'><img src=x onerror=alert(2)>"
PUBLIC = "https://exchange.example/api"


async def number(client: AsyncClient, address: str) -> int:
    """How many records a search of the report yields."""
    path = address.removeprefix(PUBLIC)
    found, more = 0, f"{path}{'&' if '?' in path else '?'}limit=100"
    while more:
        answer = await client.get(more)
        assert answer.status_code == 200, answer.text
        found += len(answer.json()["items"])
        more = answer.links.get("next", {}).get("url", "")
    return found


@pytest.mark.parametrize("options", [(), ("--network", "mmc", "--from", "2026-03-01", "--to", "2026-03-31")])
async def test_every_figure_of_the_drawing_has_its_search(
    bare: AsyncClient, database: Database, database_url: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    await Variety(database, seed=11).fill()
    await database.execute("UPDATE city SET name = $1 WHERE id = 'ca-montreal'", HOSTILE)
    await database.execute("UPDATE tag SET label = $1 WHERE id = 'gcm:7'", HOSTILE)
    await database.execute("UPDATE network SET name = $1 WHERE id = 'mmc'", HOSTILE)
    files = {kind: tmp_path / f"report.{kind}" for kind in ("html", "json", "csv")}
    wanted = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    made = run(tmp_path / "data", "report", *wanted, *options, DATABASE_URL=database_url, PX_PUBLIC_URL=PUBLIC)
    assert (made.returncode, made.stderr) == (0, "")

    # The same figures as over HTTP.
    report = json.loads(files["json"].read_text(encoding="utf-8"))
    filters = dict(zip((name.strip("-") for name in options[::2]), options[1::2], strict=True))
    told = (await bare.get("/v1/report", params=filters)).json()
    assert {**told, "generated_at": 0} == {
        **json.loads(json.dumps(report).replace(PUBLIC, "http://127.0.0.1:8000")), "generated_at": 0,
    }  # fmt: skip
    rows = list(csv.DictReader(files["csv"].read_text(encoding="utf-8").splitlines()))
    assert [int(row["practices"]) for row in rows if row["section"] == "gcm"] == [
        line["practices"]["count"] for line in report["gcm"]
    ]

    # Nothing runs, nothing is fetched, nothing leads elsewhere.
    page: Any = html.document_fromstring(files["html"].read_text(encoding="utf-8"))
    assert page.xpath("//script | //img | //link | //iframe | //object | //form | //@src | //@onerror | //@style") == []
    assert not re.search(r"url\(|@import", page.xpath("string(//style)"))
    addresses = [str(address) for address in page.xpath("//a/@href")]
    assert all(address.startswith((f"{PUBLIC}/", "#")) for address in addresses)
    assert HOSTILE in {str(name) for name in page.xpath("//th//bdi/text() | //th/span/text()")}

    # Each figure, on the map and in the tables, is what its search yields.
    cells = page.xpath("//td/a") + page.xpath("//ul[@class='tiles']//a[not(starts-with(@href, '#'))]")
    figures = {(a.get("href"), re.sub(r"\D", "", (a.xpath("b/text()") or [a.text])[0])) for a in cells}
    figures |= {(a.get("href"), re.findall(r": ([\d,]+) ", a.get("aria-label"))[-1]) for a in page.xpath("//svg//a")}
    lists = [(href, count) for href, count in figures if not urlsplit(href).path.endswith("/stats")]
    assert len(lists) > 100
    for href, count in lists:
        assert await number(bare, href) == int(count), href


def test_what_is_refused() -> None:
    for arguments, words in (
        ((), "Say what to write"),
        (("--html", "-", "--json", "-"), "Only one"),
        (("--html", "-", "--region", "atlantis"), "--region"),
        (("--html", "-", "--from", "2026-02-30"), "--from"),
        (("--html", "-", "--from", "2026-03-01", "--to", "2026-01-01"), "ends before it begins"),
    ):
        ended = CliRunner().invoke(app, ["report", *arguments])
        assert (ended.exit_code, ended.stdout) == (1, ""), arguments
        assert words in ended.stderr, arguments


async def test_a_network_that_is_not_there(database_url: str, tmp_path: Path) -> None:
    ended = run(tmp_path / "data", "report", "--html", "-", "--network", "nobody", DATABASE_URL=database_url)
    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (1, "", "There is no network nobody.")


def test_an_empty_exchange_has_a_report(tmp_path: Path) -> None:
    made = run(tmp_path / "data", "report", "--html", "-")
    assert made.returncode == 0, made.stderr
    page: Any = html.document_fromstring(made.stdout)
    assert "No exchange has been completed" in page.text_content()
