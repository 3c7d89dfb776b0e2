"""Selective harvesting by time: nothing is missed between two harvests, nor while records change during one."""

import asyncio

import pytest
from httpx import AsyncClient

from app.database import Database
from app.feed import LOCK, stamp
from app.resources.oai import verbs
from tests.conftest import Token
from tests.factories import make_practice
from tests.resources.oai.validity import O, ask, error_of, id_of, listed, live


async def test_a_harvest_from_the_date_of_the_last_answer_misses_nothing(
    client: AsyncClient, bare: AsyncClient, token: Token, database: Database
) -> None:
    """Another process is at its stamping, since before this harvest began, and is done with it only after."""
    headers = await token("city:ca-montreal")
    first = await make_practice(client, headers)
    await stamp(database)
    second = await make_practice(client, headers)
    async with database.transaction() as other:
        assert await other.fetchval(LOCK)
        await asyncio.sleep(1.1)
        root = await ask(bare, "verb=ListIdentifiers&metadataPrefix=oai_dc")
        assert [id_of(header) for header in root.iter(f"{O}header")] == [first["id"]]
        date = root.findtext(f"{O}responseDate")
        stamped = "UPDATE feed SET seq = nextval('feed_position_seq'), stamped_at = statement_timestamp()"
        await other.execute(f"{stamped} - interval '1 second' WHERE seq IS NULL AND type = 'practice'")
    assert second["id"] in live(await listed(bare, f"from={date}"))


async def test_stamps_never_go_back(client: AsyncClient, bare: AsyncClient, token: Token, database: Database) -> None:
    """The clock was an hour ahead when the last record was stamped; whoever asks from there on hears of the next."""
    headers = await token("city:ca-montreal")
    await make_practice(client, headers)
    await stamp(database)
    await database.execute("UPDATE feed SET stamped_at = stamped_at + interval '1 hour'")
    later = await make_practice(client, headers)
    first, second = await listed(bare, "")
    assert id_of(second) == later["id"]
    assert second.findtext(f"{O}datestamp") == first.findtext(f"{O}datestamp")
    assert live(await listed(bare, f"from={first.findtext(f'{O}datestamp')}")) >= {later["id"]}


async def test_from_and_until_hold_both_ends(
    client: AsyncClient, bare: AsyncClient, token: Token, database: Database
) -> None:
    headers = await token("city:ca-montreal")
    ids = [(await make_practice(client, headers))["id"] for _ in range(4)]
    await stamp(database)
    times = ["2026-03-01 23:59:59.999999", "2026-03-02 00:00:00", "2026-03-02 12:00:00.5", "2026-03-03 00:00:00.000001"]
    for id_, moment in zip(ids, times, strict=True):
        await database.execute(f"UPDATE feed SET stamped_at = '{moment}Z' WHERE id = $1", id_)
    for query, found in [
        ("from=2026-03-02&until=2026-03-02", ids[1:3]),
        ("from=2026-03-02", ids[1:]),
        ("until=2026-03-01", ids[:1]),
        ("from=2026-03-02T12:00:00Z&until=2026-03-02T12:00:00Z", ids[2:3]),
        ("from=2026-03-02T12:00:01Z", ids[3:]),
        ("until=2026-03-01T23:59:59Z", ids[:1]),
        ("until=9999-12-31", ids),
    ]:
        for more in ("", "&set=country:CA"):
            assert [id_of(header) for header in await listed(bare, query + more)] == found, query
    root = await ask(bare, "verb=Identify")
    assert root.findtext(f".//{O}earliestDatestamp") == "2026-03-01T23:59:59Z"


async def test_a_record_that_changes_during_a_harvest_is_told_again_where_it_is_then(
    client: AsyncClient, bare: AsyncClient, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(verbs.PAGES, "ListRecords", 2)
    headers = await token("city:ca-montreal")
    ids = [(await make_practice(client, headers))["id"] for _ in range(4)]
    for query in ("", "&set=country:CA"):
        root = await ask(bare, f"verb=ListRecords&metadataPrefix=oai_dc{query}")
        seen = [id_of(header) for header in root.iter(f"{O}header")]
        resumption = root.findtext(f".//{O}resumptionToken")
        for id_ in (seen[0], next(id_ for id_ in ids if id_ not in seen)):
            tag = (await client.get(f"/v1/practices/{id_}")).headers["etag"]
            answer = await client.patch(
                f"/v1/practices/{id_}", json={"stage": "pilot"}, headers={**headers, "If-Match": tag}
            )
            assert answer.is_success
        while resumption:
            # The same token gives the same again, whoever lost the answer.
            await ask(bare, f"verb=ListRecords&resumptionToken={resumption}")
            root = await ask(bare, f"verb=ListRecords&resumptionToken={resumption}")
            seen += [id_of(header) for header in root.iter(f"{O}header")]
            resumption = root.findtext(f".//{O}resumptionToken")
        assert (set(seen), len(seen)) == (set(ids), 5)


async def test_a_token_is_good_for_its_verb_and_its_database(
    client: AsyncClient, bare: AsyncClient, token: Token, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(verbs.PAGES, "ListRecords", 1)
    headers = await token("city:ca-montreal")
    for _ in range(3):
        await make_practice(client, headers)
    root = await ask(bare, "verb=ListRecords&metadataPrefix=px")
    resumption = root.findtext(f".//{O}resumptionToken") or ""
    good = f"verb=ListRecords&resumptionToken={resumption}"
    assert error_of(await ask(bare, good)) is None
    for query in (good.replace("Records", "Identifiers"), good.replace("Records", "Sets"), good[:-1], good + "A"):
        assert error_of(await ask(bare, query)) == "badResumptionToken"
    await database.execute("INSERT INTO secret (name, value) VALUES ('feed epoch', 'x')")
    assert error_of(await ask(bare, good)) == "badResumptionToken"
