"""Statistics and reports: nobody's hidden records are counted, the report as CSV, what is cached, what is refused."""

import csv
import io
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import Headers, make_adoption, make_exchange, make_practice, make_request

ASKING, HELPING, OTHER = "city:sl-freetown", "city:ca-montreal", "city:gb-bristol"


@pytest.fixture
async def callers(client: AsyncClient, token: Token) -> dict[str, Headers]:
    """Three cities with practices, requests, a completed exchange and an adoption, some of it hidden."""
    callers = {name: await token(name) for name in (ASKING, HELPING, OTHER)}
    first = await make_practice(client, callers[HELPING], tags=["gcm:4", "sdg:10.7", "theme:municipal-id"])
    await make_practice(client, callers[OTHER], tags=["gcm:15", "gcr:2"])
    await make_practice(client, callers[OTHER], tags=["gcm:22"], visibility="members")
    await make_practice(client, callers[OTHER], tags=["gcm:23"], publish=False)
    request_id, _ = await make_exchange(client, callers[ASKING], callers[HELPING], tags=["gcm:4"])
    await make_request(client, callers[ASKING], tags=["gcr:1"])
    await make_request(client, callers[OTHER], tags=["gcm:5"], visibility="members")
    await make_adoption(client, callers[ASKING], first["id"], exchange_request_id=request_id)
    return callers


async def test_what_is_hidden_is_not_counted(client: AsyncClient, callers: dict[str, Headers]) -> None:
    def count(report: dict[str, Any], tag: str, kind: str) -> int:
        line = next(line for line in report["gcm"] if line["id"] == tag)
        figure: int = line[kind]["count"]
        return figure

    public = (await client.get("/v1/report")).json()
    member = (await client.get("/v1/report", headers=callers[ASKING])).json()
    assert [count(public, tag, "practices") for tag in ("gcm:4", "gcm:22", "gcm:23")] == [1, 0, 0]
    assert [count(member, tag, "practices") for tag in ("gcm:4", "gcm:22", "gcm:23")] == [1, 1, 0]
    assert [count(found, "gcm:5", "exchange_requests") for found in (public, member)] == [0, 1]


async def test_the_report_as_csv(client: AsyncClient, callers: dict[str, Headers], database: Database) -> None:
    assert callers
    await database.execute("UPDATE tag SET label = '=cmd()' WHERE id = 'gcm:7'")
    report = (await client.get("/v1/report")).json()
    by_accept = await client.get("/v1/report", headers={"Accept": "text/csv"})
    file = await client.get("/v1/report.csv")
    assert by_accept.text == file.text
    rows = list(csv.DictReader(io.StringIO(file.text, newline="")))
    assert len(rows) == 1 + sum(len(report[name]) for name in ("gcm", "gcr", "sdg", "regions"))
    by_id = {row["id"]: row for row in rows}
    for line in (report["total"], *report["gcm"], *report["gcr"], *report["sdg"], *report["regions"]):
        row = by_id[line["id"]]
        assert (row["gap"] == "yes") == line["gap"]
        for kind in ("practices", "exchange_requests", "adoptions"):
            assert (int(row[kind]), row[f"{kind}_href"]) == (line[kind]["count"], line[kind]["href"])
    assert int(by_id["all"]["practices"]) == 2
    assert by_id["gcm:7"]["label"] == "'=cmd()"


async def test_what_is_cached(client: AsyncClient, callers: dict[str, Headers]) -> None:
    for path in ("/v1/stats", "/v1/report", "/v1/report.csv"):
        first = await client.get(path)
        assert first.headers["cache-control"] == "public, max-age=60"
        assert first.headers["etag"].startswith('W/"')  # the moment that it was made changes, and nothing else
        known = {"If-None-Match": first.headers["etag"]}
        assert (await client.get(path, headers=known)).status_code == 304
        assert (await client.get(path, headers={**known, **callers[ASKING]})).status_code == 200
        await make_practice(client, callers[OTHER], tags=["gcm:4"])
        changed = await client.get(path, headers=known)
        assert (changed.status_code, changed.headers["etag"] != first.headers["etag"]) == (200, True)
        member = await client.get(path, headers=callers[OTHER])
        assert member.headers["cache-control"] == "private, no-cache"


async def test_hostile_filters(client: AsyncClient) -> None:
    told = {
        "from=2026-02-01&to=2026-01-01": 422, "from_=2026-02-01": 400, "region=atlantis": 422, "colour=red": 400,
        "network=%00": 422, "network=a%27--": 422, "city=%27": 422, "from=2026-02-30": 422, "from=-1": 422,
        "to=99999-01-01": 422, "from=1767225600": 422, "network=none": 200, "from=1900-01-01&to=2100-12-31": 200,
    }  # fmt: skip
    for query, status in told.items():
        for path in ("/v1/stats", "/v1/report", "/v1/report.csv"):
            assert (await client.get(f"{path}?{query}")).status_code == status, (path, query)


async def test_stats(client: AsyncClient, callers: dict[str, Headers], sql_count: SqlCount) -> None:
    with sql_count() as statements:
        stats = (await client.get("/v1/stats")).json()
    assert len(statements) == 1
    assert stats["practices"] == {"published": 2, "adopted": 1}
    requests = stats["exchange_requests"]
    assert (requests["total"], requests["by_status"]) == (2, {"completed": 1, "open": 1})
    assert (requests["answered"], requests["completion_rate"], requests["adoption_rate"]) == (1, 1.0, 1.0)
    assert requests["median_hours_to_first_answer"] == 0
    assert stats["adoptions"] == {"total": 1, "by_stage": {"adapting": 1}, "confirmed": 0}
    [flow] = stats["flows"]
    assert (flow["source"]["id"], flow["target"]["id"]) == ("ca-montreal", "sl-freetown")
    assert (flow["exchanges"], flow["adoptions"]) == (1, 1)
    wide = (await client.get("/v1/stats", headers=callers[OTHER])).json()
    assert (wide["practices"]["published"], wide["exchange_requests"]["total"]) == (3, 3)
    assert stats["answers_given"] == {"requests": 1, "median_hours": 0}
    with sql_count() as statements:
        await client.get("/v1/report")
    assert len(statements) == 1
