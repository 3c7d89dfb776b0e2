"""The export over HTTP: what is in it for whom, of one moment, with its numbers."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.caller import ANONYMOUS
from app.database import Database
from app.resources.export.lines import lines, snapshot
from app.resources.export.parts import PARTS, table_of
from app.resources.export.queries import OPERATOR, reads
from tests.conftest import SqlCount, Token
from tests.exchange_of_everything import OTHER, OWNER, Everything, make_everything
from tests.factories import Headers, make_practice

BROADER = "theme:reception-and-welcome"
Lines = list[dict[str, Any]]


async def export(client: AsyncClient, headers: Headers | None = None) -> Lines:
    answer = await client.get("/v1/export", headers=headers or {})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture
async def everything(client: AsyncClient, token: Token) -> Everything:
    return await make_everything(client, token)


async def test_everybody_gets_what_is_public_and_its_vocabularies(client: AsyncClient, everything: Everything) -> None:
    header, *records, trailer = await export(client)
    assert (header["type"], header["format"], header["version"], header["seen_by"]) == (
        "header", "practice-exchange", 1, "everybody",
    )  # fmt: skip
    counts = Counter(line["type"] for line in records)
    assert trailer == {"type": "trailer", "counts": counts, "records": len(records)}
    assert counts.keys() == {"tag", "network", "city", "membership", "practice", "exchange_request", "adoption"}
    assert "Secret" not in json.dumps(records)
    assert "secret@" not in json.dumps(records)
    by_id = {line["data"]["id"]: line["data"] for line in records if line["type"] == "practice"}
    assert by_id.keys() == {everything.practices[name] for name in ("whole", "result", "brought")}
    whole = by_id[everything.practices["whole"]]
    assert whole["translations"][0]["texts"]["title"] == "Public traduit"
    assert [entry["organization"] for entry in whole["endorsements"]] == ["network:mmc"]
    assert [(step["to_status"], step["client_id"]) for step in whole["timeline"]] == [("published", None)]
    assert [entry["content"]["contact"] for entry in whole["versions"]] == [None] * len(whole["versions"])
    assert (whole["external_ids"], whole["adoption_count"]) == ([{"scheme": "doi", "value": "10.1/x", "url": None}], 1)
    assert by_id[everything.practices["brought"]]["origins"][0]["external_id"] == "m-1"
    tags = {line["data"]["id"]: line["data"] for line in records if line["type"] == "tag"}
    assert (tags["theme:a-first"]["related"], tags["theme:a-first"]["broader"]) == (["gcm:4"], BROADER)
    requests = [line["data"] for line in records if line["type"] == "exchange_request"]
    assert {request["practice_id"] for request in requests} == {None}, "it leads to what is not in the file"


async def test_a_city_gets_its_own_in_every_state_and_its_own_exchanges(
    client: AsyncClient, everything: Everything
) -> None:
    _, *records, trailer = await export(client, everything.callers[OWNER])
    titles = {line["data"].get("title") for line in records}
    assert {"Secret draft", "Secret of members", "Secret archived", "Secret match"} <= titles
    assert trailer["counts"]["message"] == 1
    assert trailer["counts"]["response"] == 2
    assert any(line["data"].get("contact_email") == "secret@example.org" for line in records)
    _, *others, trailer = await export(client, everything.callers[OTHER])
    assert "Secret draft" not in {line["data"].get("title") for line in others}
    assert trailer["counts"]["message"] == 1, "it is the other side"


async def test_the_operator_gets_all_records_but_no_messages(client: AsyncClient, everything: Everything) -> None:
    _, *records, trailer = await export(client, everything.callers["operator"])
    assert {line["data"]["id"] for line in records if line["type"] == "practice"} == set(everything.practices.values())
    order = [line["data"]["id"] for line in records if line["type"] == "practice"]
    assert order[-2:] == [everything.practices["between"], everything.practices["merged"]], "successors come first"
    assert "message" not in trailer["counts"]
    assert trailer["counts"]["response"] == 2


async def test_it_reads_by_a_cursor_for_each_kind(client: AsyncClient, sql_count: SqlCount) -> None:
    with sql_count() as statements:
        await export(client)
    # The settings of the transaction; cursors are not among what is counted, and there is one for each kind of record.
    assert len(statements) == 1
    assert len(reads(ANONYMOUS)) == len(PARTS)


async def test_all_of_it_is_of_one_moment(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token(OWNER)
    await make_practice(client, headers, title="Before")
    async with database.connection() as connection, snapshot(connection):
        pieces = [piece async for _, piece in _while_others_write(client, headers, connection)]
    text = b"".join(pieces).decode()
    assert ("Before" in text, "Meanwhile" in text) == (True, False)


async def _while_others_write(client: AsyncClient, headers: Headers, connection: Any) -> Any:
    is_written = False
    async for piece in lines(connection, OPERATOR, None):
        yield piece
        if not is_written and piece[0]:
            await make_practice(client, headers, title="Meanwhile")
            is_written = True


async def test_a_third_one_at_once_is_asked_to_come_again(app: FastAPI, client: AsyncClient) -> None:
    """Two readers that take nothing hold their connections; everybody else is still served."""
    stopped = [asyncio.Event(), asyncio.Event()]
    begun = [asyncio.Event(), asyncio.Event()]

    async def take(number: int) -> None:
        async def send(_: dict[str, Any]) -> None:
            begun[number].set()
            await stopped[number].wait()

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        scope = {
            "type": "http", "method": "GET", "path": "/v1/export", "raw_path": b"/v1/export", "query_string": b"",
            "headers": [(b"host", b"127.0.0.1:8000")], "client": ("127.0.0.1", number), "server": ("127.0.0.1", 8000),
            "scheme": "http", "root_path": "", "http_version": "1.1", "asgi": {"version": "3.0", "spec_version": "2.4"},
        }  # fmt: skip
        await app(scope, receive, send)  # type: ignore[arg-type]  # a message is a dict

    tasks = [asyncio.create_task(take(number)) for number in (0, 1)]
    await asyncio.gather(*(event.wait() for event in begun))
    refused = await client.get("/v1/export")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
    assert (await client.get("/v1/practices")).status_code == 200
    for event in stopped:
        event.set()
    await asyncio.gather(*tasks)
    assert (await client.get("/v1/export")).status_code == 200


def test_every_table_is_in_the_export_or_stays_for_a_reason() -> None:
    exported = {part.table for part in PARTS}
    exported |= {table_of(child.model).name for part in PARTS for child in part.children.values()}
    staying = {
        "client", "signing_key", "secret", "revoked_token", "login_failure", "rate_limit", "idempotency_key",  # trust
        "audit", "feed", "partner", "partner_record",  # what happened in this database
        "webhook", "webhook_delivery", "webhook_event", "verification_notice", "feed_follower",
        "practice_search", "exchange_request_search", "search_term", "search_word", "place_names", "search_due",
        "practice_document", "facet_bits", "facet_dirty", "facet_slot",  # derived
        "practice_left_set",  # what harvesters of this exchange still have to be told
    }  # fmt: skip
    known = {table.name for table in table_of(PARTS[0].model).metadata.sorted_tables}
    assert known == exported | staying
