"""The six verbs, asked as harvesters ask."""

from xml.etree import ElementTree as ET

import pytest
from httpx import AsyncClient

from app.resources.oai import routes
from tests.conftest import Token
from tests.factories import make_practice

NS = {"o": "http://www.openarchives.org/OAI/2.0/", "dc": "http://purl.org/dc/elements/1.1/"}


async def ask(bare: AsyncClient, query: str) -> ET.Element:
    answer = await bare.get(f"/oai?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/xml")
    return ET.fromstring(answer.content)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "badVerb"),
        ("verb=Nothing", "badVerb"),
        ("verb=Identify&verb=Identify", "badVerb"),
        ("verb=Identify&set=x", "badArgument"),
        ("verb=ListRecords", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-01&from=2026-01-01", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-02&until=2026-01-01", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-01&until=2026-01-02T00:00:00Z", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-13-01", "badArgument"),
        ("verb=ListRecords&metadataPrefix=marc", "cannotDisseminateFormat"),
        ("verb=ListRecords&metadataPrefix=oai_dc&until=1999-01-01", "noRecordsMatch"),
        ("verb=ListRecords&resumptionToken=x", "badResumptionToken"),
        ("verb=ListRecords&resumptionToken=%C3%A9", "badResumptionToken"),
        ("verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:127.0.0.1:x", "idDoesNotExist"),
    ],
)
async def test_errors_are_the_protocols(bare: AsyncClient, query: str, code: str) -> None:
    root = await ask(bare, query)
    error = root.find("o:error", NS)
    assert error is not None
    assert error.get("code") == code


async def test_identify_says_what_is_kept(bare: AsyncClient) -> None:
    root = await ask(bare, "verb=Identify")
    assert root.findtext("o:Identify/o:deletedRecord", None, NS) == "transient"
    assert root.findtext("o:Identify/o:baseURL", None, NS) == "http://127.0.0.1:8000/oai"
    by_post = await bare.post("/oai", data={"verb": "Identify"})
    assert by_post.status_code == 200
    assert b"<Identify>" in by_post.content


async def test_a_harvest_in_pages_holds_every_practice_and_tells_what_is_gone(
    client: AsyncClient, bare: AsyncClient, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "PAGE", 2)
    headers = await token("city:ca-montreal")
    ids = {(await make_practice(client, headers, title=f"A < B & {n}"))["id"] for n in range(5)}
    gone = min(ids)
    tag = (await client.get(f"/v1/practices/{gone}")).headers["etag"]
    assert (await client.delete(f"/v1/practices/{gone}", headers={**headers, "If-Match": tag})).is_success
    live: set[str] = set()
    deleted: set[str] = set()
    query = "metadataPrefix=oai_dc&set=country:CA"
    while query:
        root = await ask(bare, f"verb=ListRecords&{query}")
        for record in root.iterfind("o:ListRecords/o:record", NS):
            id_ = record.findtext("o:header/o:identifier", "", NS).removeprefix("oai:127.0.0.1:")
            header = record.find("o:header", NS)
            is_gone = header is not None and header.get("status") == "deleted"
            (deleted if is_gone else live).add(id_)
            assert (record.find("o:metadata", NS) is None) == is_gone
        token_text = root.findtext("o:ListRecords/o:resumptionToken", "", NS)
        query = f"resumptionToken={token_text}" if token_text else ""
    assert ids - {gone} <= live
    assert gone in deleted
    one = await ask(bare, f"verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:127.0.0.1:{min(live & ids)}")
    assert one.findtext(".//dc:title", "", NS).startswith("A < B & ")
