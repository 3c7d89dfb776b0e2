"""Harvesting an OAI-PMH repository: an exchange's own, and such as are less well made."""

from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient
from starlette.requests import Request
from starlette.responses import Response

from app.partners.remote import RemoteError
from tests.factories import make_practice, make_token
from tests.partners.exchanges import SHOWN, Exchange, exchange
from tests.partners.test_pull import partner

MONTREAL = "city:ca-montreal"
HEAD = '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-03-01T10:00:00Z</responseDate>'
IDENTIFY = (
    f"{HEAD}<Identify><deletedRecord>{{}}</deletedRecord><granularity>YYYY-MM-DD</granularity></Identify></OAI-PMH>"
)
DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'


@pytest.fixture
async def here(server: str) -> AsyncIterator[Exchange]:
    async with exchange(server) as made:
        yield made


def record(identifier: str, *elements: tuple[str, str]) -> str:
    texts = "".join(f"<dc:{name}>{text}</dc:{name}>" for name, text in elements)
    header = f"<header><identifier>{identifier}</identifier><setSpec>country:CA</setSpec></header>"
    return f"<record>{header}<metadata><d {DC}>{texts}</d></metadata></record>"


def listed(*records: str, token: str = "") -> Response:
    more = f"<resumptionToken>{token}</resumptionToken>" if token else ""
    return Response(f"{HEAD}<ListRecords>{''.join(records)}{more}</ListRecords></OAI-PMH>", media_type="text/xml")


def error(code: str) -> Response:
    return Response(f'{HEAD}<error code="{code}">no</error></OAI-PMH>', media_type="text/xml")


async def test_an_exchange_is_harvested_whole_and_by_what_changed(server: str, here: Exchange) -> None:
    async with exchange(server) as there, AsyncClient(base_url=there.url, timeout=30) as client:
        headers = {**await make_token(there.database, MONTREAL), "If-Match": "*"}
        made = [await make_practice(client, headers, title=f"Practice {n:03}", tags=["gcm:4"]) for n in range(3)]
        address = f"{there.url}/oai"
        assert (await here.pull(address, "mmc")).counts == {"created": 3}, "the format was found out"
        [row, *_] = await here.rows(SHOWN)
        assert (row[0], row[3], row[4], row[6]) == ("Practice 000", ["gcm:4"], "ca-montreal", "CC-BY-4.0")
        await client.patch(f"/v1/practices/{made[0]['id']}", json={"title": "Practice 000 anew"}, headers=headers)
        await client.delete(f"/v1/practices/{made[1]['id']}", headers=headers)
        tally = await here.pull(address, "mmc")
        assert (tally.counts["updated"], tally.counts["taken back"], tally.counts["created"]) == (1, 1, 0)
        assert [row[0] for row in await here.rows(SHOWN)] == ["Practice 000 anew", "Practice 002"]
        before = await here.marks()
        assert not {"created", "updated", "taken back"} & {*(await here.pull(address, "mmc")).counts}
        assert await here.marks() == before
        # The same records by the feed, under another network: each is known by where it was made.
        assert (await here.pull(there.url, "uclg")).counts["linked"] == 2


async def test_tokens_that_end_and_repositories_that_tell_of_no_deletion(here: Exchange) -> None:
    records = {name: record(name, ("title", f"Title {name}"), ("publisher", "Montréal")) for name in "abc"}
    tokens_hold = False

    def say(request: Request) -> Response:
        asked = request.query_params
        if asked.get("verb") == "Identify":
            return Response(IDENTIFY.format("no"))
        if "resumptionToken" in asked:
            return listed(*list(records.values())[1:]) if tokens_hold else error("badResumptionToken")
        return listed(records["a"], token="1") if not tokens_hold or len(records) > 1 else listed(records["a"])

    with partner(say) as (url, asked):
        with pytest.raises(RemoteError, match="resumptionToken"):
            await here.pull(url, "mmc", format="oai")
        tokens_hold = True
        assert (await here.pull(url, "mmc", format="oai")).counts["created"] == 2
        assert len(await here.rows(SHOWN)) == 3
        del records["b"]
        tally = await here.pull(url, "mmc", format="oai")
        assert tally.counts == {"unchanged": 2, "taken back": 1}
        assert [row[0] for row in await here.rows(SHOWN)] == ["Title a", "Title c"]
        assert not any("from" in request.query_params for request in asked)


async def test_incremental_harvests_ask_by_the_repositorys_clock_and_granularity(here: Exchange) -> None:
    def say(request: Request) -> Response:
        asked = request.query_params
        if asked.get("verb") == "Identify":
            return Response(IDENTIFY.format("persistent"))
        return error("noRecordsMatch") if "from" in asked else listed(record("a", ("title", "A")))

    with partner(say) as (url, asked):
        assert (await here.pull(url, "mmc", format="oai", chosen=["x:y"], city="ca-montreal")).counts == {"created": 1}
        assert (await here.pull(url, "mmc", format="oai", chosen=["x:y"], city="ca-montreal")).counts == {}
        queries = [dict(request.query_params) for request in asked if request.query_params["verb"] == "ListRecords"]
        plain = {"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": "x:y"}
        assert queries == [plain, {**plain, "from": "2026-03-01"}]


async def test_dublin_core_is_taken_for_what_it_says(here: Exchange) -> None:
    long = "Long words. " * 100
    elements = [
        ("title", "T" * 200), ("description", long), ("subject", "theme:housing"), ("subject", "Shelter"),
        ("creator", "Somebody"), ("coverage", "  montréal "), ("language", "fre"), ("identifier", "urn:x"),
        ("identifier", "https://repository.example/1"), ("rights", "https://creativecommons.org/licenses/by-sa/4.0/"),
    ]  # fmt: skip

    def say(request: Request) -> Response:
        if request.query_params["verb"] == "Identify":
            return Response(IDENTIFY.format("transient"))
        nobody = record("b", ("title", "Of nobody"), ("creator", "Elsewhere"))
        return listed(record("a", *elements), nobody, "<record><header><identifier>c</identifier></header></record>")

    with partner(say) as (url, _):
        tally = await here.pull(url, "mmc", format="oai")
    assert (tally.counts, {one for one, _ in tally.faults}) == ({"created": 1, "invalid": 2}, {"b", "c"})
    [row] = await here.rows(
        "SELECT p.title, p.summary, p.description, p.tags, p.keywords, p.language, p.license, p.city_id, o.url"
        " FROM practice p JOIN practice_origin o ON o.practice_id = p.id"
    )
    assert (len(row[0]), len(row[1]), row[2]) == (150, 800, long.strip())
    assert row[3:] == (
        ["theme:housing"], ["Shelter"], "fr", "CC-BY-SA-4.0", "ca-montreal", "https://repository.example/1",
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        "<html/>",
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + HEAD + "<Identify>&e;</Identify></OAI-PMH>",
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        + HEAD
        + "<Identify>&b;</Identify></OAI-PMH>",
        HEAD + "<a>" * 5_000,
    ],
)
async def test_hostile_xml_is_no_repository(here: Exchange, body: str) -> None:
    with partner(lambda _: Response(body)) as (url, _), pytest.raises(RemoteError, match="OAI-PMH repository"):
        await here.pull(url, "mmc", format="oai")
