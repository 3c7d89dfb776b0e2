"""Statistics and reports: every figure is what its search yields, and nobody's hidden records are counted."""

import csv
import io
from typing import Any

import pytest
from httpx import AsyncClient

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


async def number(client: AsyncClient, address: str, headers: Headers) -> int:
    """How many records a search yields."""
    return len((await client.get(address, params=None, headers=headers)).json()["items"])


@pytest.mark.parametrize(
    ("filters", "name"),
    [
        ({}, ""), ({}, OTHER), ({"region": "africa"}, ""), ({"network": "mmc"}, HELPING),
        ({"from": "2020-01-01", "to": "2035-12-31"}, ""), ({"to": "2020-01-01"}, ""),
    ],
)  # fmt: skip
async def test_each_figure_is_what_its_search_yields(
    client: AsyncClient, callers: dict[str, Headers], filters: dict[str, str], name: str
) -> None:
    headers = callers.get(name, {})
    report = (await client.get("/v1/report", params=filters, headers=headers)).json()
    lines = [report["total"], *report["gcm"], *report["gcr"], *report["sdg"], *report["regions"]]
    assert (len(report["gcm"]), len(report["gcr"])) == (23, 4)
    asked = 0
    for line in lines:
        for kind in ("practices", "exchange_requests", "adoptions"):
            figure = line[kind]
            if figure["count"] or asked < 12:  # of the empty ones a few
                asked += 1
                assert await number(client, figure["href"], headers) == figure["count"], (line["id"], kind)
    assert report["gaps"] == [line["id"] for line in lines[1:] if line["practices"]["count"] == 0]


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


async def test_the_report_as_csv(client: AsyncClient, callers: dict[str, Headers]) -> None:
    assert callers
    report = (await client.get("/v1/report")).json()
    by_accept = await client.get("/v1/report", headers={"Accept": "text/csv"})
    file = await client.get("/v1/report.csv")
    assert by_accept.text == file.text
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert len(rows) == 1 + sum(len(report[name]) for name in ("gcm", "gcr", "sdg", "regions"))
    told = {row["id"]: int(row["practices"]) for row in rows}
    assert told["gcm:4"] == 1
    assert told["all"] == report["total"]["practices"]["count"] == 2


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
    assert (await client.get("/v1/stats?from=2026-02-01&to=2026-01-01")).status_code == 422
    assert (await client.get("/v1/stats?from_=2026-02-01")).status_code == 400
