"""The commands of the partner's guide run as they are printed, between two exchanges."""

import json
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from httpx import AsyncClient

from tests.factories import make_practice, make_token
from tests.partners.exchanges import Exchange, credentials, exchange

GUIDE = (Path(__file__).parents[1] / "docs" / "partners.md").read_text(encoding="utf-8")


@pytest.fixture
async def pair(server: str) -> AsyncIterator[tuple[Exchange, Exchange]]:
    async with exchange(server) as here, exchange(server) as there:
        yield here, there


def test_the_parts_that_the_table_leads_to_are_there() -> None:
    titles = re.findall(r"^## (.*)$", GUIDE, re.MULTILINE)
    parts = {re.sub(r"[^a-z -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([a-z-]+)\)", GUIDE)) <= parts


async def test_the_commands_run_as_printed(pair: tuple[Exchange, Exchange], tmp_path: Path) -> None:
    here, there = pair
    for at, title in ((here, "Made here"), (there, "Made there")):
        async with AsyncClient(base_url=at.url, timeout=30) as client:
            await make_practice(client, await make_token(at.database, "city:ca-montreal"), title=title)
    client_id, secret = await credentials(there, "mmc")
    environment = {
        **os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "BASE": there.url,
        "CLIENT_ID": client_id, "CLIENT_SECRET": secret, "DATABASE_URL": here.database_url, "WAIT": "0",
        "PX_PUBLIC_URL": here.url, "COLUMNS": "200",
    }  # fmt: skip
    script = "set -euo pipefail\n" + "\n".join(re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL))
    ran = await anyio.run_process(["bash", "-c", script], env=environment, cwd=tmp_path, check=False)
    output = ran.stdout.decode()
    assert ran.returncode == 0, ran.stderr.decode() + output

    def results(name: str) -> list[str]:
        return [json.loads(line)["result"] for line in (tmp_path / name).read_text().splitlines()]

    assert results("trial.ndjson") == results("results.ndjson") == ["created", "invalid"]
    *copied, last = (tmp_path / "copy.ndjson").read_text().splitlines()
    assert ("next_cursor" in json.loads(last), len(copied) > 0) == (True, True)
    said = output.splitlines()
    assert "(dry run): 1 created" in said[0]
    assert said[1].endswith("as uclg: 1 created")
    assert said[2].endswith("as mmc: 1 created, 1 theirs")
    assert said[3].endswith("as c40: 1 linked, 1 ours")
    assert said[4].endswith("unchanged")
    for at in pair:
        published = "SELECT title FROM practice WHERE status = 'published' ORDER BY 1"
        assert await at.rows(published) == [("Made here",), ("Made there",)]
    for name in ("public.ndjson", "everything.ndjson"):
        trailer = json.loads((tmp_path / name).read_text().splitlines()[-1])
        assert trailer["counts"]["practice"] >= 2
