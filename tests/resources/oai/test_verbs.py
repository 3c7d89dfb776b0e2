"""The six verbs, asked as harvesters ask; every answer is valid against the protocol's schema."""

from urllib.parse import urlencode

import pytest
from httpx import ASGITransport, AsyncClient

from app.config import Settings
from app.database import Database
from app.main import create_app
from app.resources.oai import verbs
from app.resources.oai.sets import SPEC
from tests.conftest import SqlCount, Token
from tests.factories import make_practice
from tests.resources.oai.validity import OWN, O, ask, error_of, id_of, listed, valid

LIST = "verb=ListRecords&metadataPrefix=oai_dc"
ABSENT = "01936a3e-9f00-7c3a-8d4e-2f6b1a9c0d7e"


REFUSED = [
    ("", "badVerb"),
    ("verb=Nothing", "badVerb"),
    ("verb=identify", "badVerb"),
    ("verb=Identify&verb=Identify", "badVerb"),
    ("verb=Identify&set=x", "badArgument"),
    ("verb=ListRecords", "badArgument"),
    ("verb=GetRecord&metadataPrefix=oai_dc", "badArgument"),
    (f"{LIST}&x=1", "badArgument"),
    (f"{LIST}&from=2026-01-01&from=2026-01-01", "badArgument"),
    (f"{LIST}&from=2026-01-02&until=2026-01-01", "badArgument"),
    (f"{LIST}&from=2026-01-01&until=2026-01-02T00:00:00Z", "badArgument"),
    (f"{LIST}&from=2026-13-01", "badArgument"),
    (f"{LIST}&from=0000-01-01", "badArgument"),
    (f"{LIST}&from=2026-01-01T00:00:00", "badArgument"),
    (f"{LIST}&from=2026-01-01T00:00:00.5Z", "badArgument"),
    (f"{LIST}&from=", "badArgument"),
    (f"{LIST}&set=country:", "badArgument"),
    (f"{LIST}&set=a%20b", "badArgument"),
    (f"{LIST}&set=tag::x", "badArgument"),
    (f"{LIST}&resumptionToken=x", "badArgument"),
    ("verb=ListRecords&metadataPrefix=a%20b", "badArgument"),
    ("verb=ListRecords&metadataPrefix=%FF", "badArgument"),
    ("verb=ListRecords&metadataPrefix=%00", "badArgument"),
    ("verb=Identify&" + urlencode({f"a{n}": n for n in range(50)}), "badArgument"),
    ("verb=ListRecords&metadataPrefix=marc", "cannotDisseminateFormat"),
    (f"verb=GetRecord&metadataPrefix=marc&identifier=oai:127.0.0.1:{ABSENT}", "cannotDisseminateFormat"),
    (f"{LIST}&until=1999-01-01", "noRecordsMatch"),
    (f"{LIST}&from=9999-12-31&until=9999-12-31", "noRecordsMatch"),
    (f"{LIST}&set=nonsense", "noRecordsMatch"),
    (f"{LIST}&set=scheme:x", "noRecordsMatch"),
    (f"{LIST}&set=country:XX", "noRecordsMatch"),
    ("verb=ListRecords&resumptionToken=x", "badResumptionToken"),
    ("verb=ListSets&resumptionToken=x", "badResumptionToken"),
    ("verb=ListRecords&resumptionToken=%C3%A9", "badResumptionToken"),
    ("verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:127.0.0.1:x", "idDoesNotExist"),
    (f"verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:elsewhere.org:{ABSENT}", "idDoesNotExist"),
    (f"verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:127.0.0.1:{ABSENT.upper()}", "idDoesNotExist"),
    (f"verb=ListMetadataFormats&identifier=oai:127.0.0.1:{ABSENT}", "idDoesNotExist"),
]


async def test_errors_are_the_protocols(bare: AsyncClient) -> None:
    for query, code in REFUSED:
        root = await ask(bare, query)
        assert error_of(root) == code, query
        asked = root.find(f"{O}request")
        assert asked is not None
        assert asked.text == "http://127.0.0.1:8000/oai"
        assert bool(asked.attrib) == (code not in {"badVerb", "badArgument"}), query


async def test_identify_says_what_is_true(bare: AsyncClient, client: AsyncClient, token: Token) -> None:
    headers = await token("city:ca-montreal")
    for _ in range(3):
        await make_practice(client, headers)
    stamps = [header.findtext(f"{O}datestamp") or "" for header in await listed(bare, "")]
    root = await ask(bare, "verb=Identify")
    told = {element.tag.removeprefix(O): element.text for element in root.iterfind(f"{O}Identify/*")}
    assert told["deletedRecord"] == "transient"
    assert told["baseURL"] == "http://127.0.0.1:8000/oai"
    assert told["adminEmail"] == "postmaster@127.0.0.1"
    assert told["earliestDatestamp"] == min(stamps)
    assert told["granularity"] == "YYYY-MM-DDThh:mm:ssZ"
    compressions = [element.text for element in root.iter(f"{O}compression")]
    assert compressions == ["gzip", "zstd"]
    for encoding in compressions:
        answer = await bare.get("/oai?verb=ListSets", headers={"Accept-Encoding": encoding or ""})
        assert answer.headers["content-encoding"] == encoding
        valid(answer.content)


CONTACTS = [
    ("mailto:oai@cities.example", "oai@cities.example"),
    ("oai@cities.example", "oai@cities.example"),
    ("mailto:oai@cities.example?subject=OAI", "oai@cities.example"),
    ("https://cities.example/a@b.c", "postmaster@exchange.example.org"),
    ("mailto:nobody", "postmaster@exchange.example.org"),
]


async def test_whom_to_write_to(database: Database, settings: Settings) -> None:
    for contact, email in CONTACTS:
        app = create_app(database, settings.model_copy(update={"contact": contact}))
        transport = ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=transport, base_url="http://exchange.example.org") as asking,
        ):
            root = await ask(asking, "verb=Identify")
        assert root.findtext(f".//{O}adminEmail") == email
        repository = "{http://www.openarchives.org/OAI/2.0/oai-identifier}repositoryIdentifier"
        assert root.findtext(f".//{repository}") == "exchange.example.org"


async def test_by_post_and_by_head(bare: AsyncClient) -> None:
    by_post = await bare.post("/oai", data={"verb": "Identify"})
    assert valid(by_post.content).find(f"{O}Identify") is not None
    both = await bare.post("/oai?verb=Identify", data={"verb": "Identify"})
    assert error_of(valid(both.content)) == "badArgument"
    as_json = await bare.post("/oai", json={"verb": "Identify"})
    assert as_json.status_code == 415
    head = await bare.head("/oai?verb=Identify")
    assert (head.status_code, head.content) == (200, b"")
    assert (await bare.put("/oai")).status_code == 405


async def test_formats_and_the_schema_of_our_own(bare: AsyncClient, client: AsyncClient, token: Token) -> None:
    headers = await token("city:ca-montreal")
    made = await make_practice(client, headers)
    draft = await make_practice(client, headers, publish=False)
    item = f"identifier=oai:127.0.0.1:{made['id']}"
    for query in ("verb=ListMetadataFormats", f"verb=ListMetadataFormats&{item}"):
        root = await ask(bare, query)
        found = {f[0].text or "": [part.text for part in list(f)[1:]] for f in root.iter(f"{O}metadataFormat")}
        assert sorted(found) == ["oai_dc", "px"]
    address, namespace = found["px"]
    assert address
    served = await bare.get(address)
    assert served.headers["content-type"].startswith("application/xml")
    assert served.content == OWN.read_bytes()
    assert f'targetNamespace="{namespace}"' in served.text
    assert "max-age" in served.headers["cache-control"]
    again = await bare.get(address, headers={"If-None-Match": served.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert error_of(await ask(bare, f"verb=ListMetadataFormats&identifier=oai:127.0.0.1:{draft['id']}"))
    tag = (await client.get(f"/v1/practices/{made['id']}")).headers["etag"]
    await client.delete(f"/v1/practices/{made['id']}", headers={**headers, "If-Match": tag})
    assert error_of(await ask(bare, f"verb=ListMetadataFormats&{item}")) == "noMetadataFormats"
    one = await ask(bare, f"verb=GetRecord&metadataPrefix=px&{item}")
    assert one.find(f".//{O}header[@status='deleted']") is not None


async def test_sets_are_listed_with_those_above_them(bare: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(verbs.PAGES, "ListSets", 50)
    names: dict[str, str] = {}
    query, pages = "verb=ListSets", 0
    while query:
        root = await ask(bare, query)
        names |= {e[0].text or "": e[1].text or "" for e in root.iter(f"{O}set")}
        pages += 1
        token = root.findtext(f"{O}ListSets/{O}resumptionToken")
        query = f"verb=ListSets&resumptionToken={token}" if token else ""
    assert pages == -(-len(names) // 50)
    assert {"country:CA": "Canada", "tag:theme": "Themes"}.items() <= names.items()
    assert all(SPEC.fullmatch(spec) and name for spec, name in names.items())
    assert all(spec.rpartition(":")[0] in {*names, ""} for spec in names)


async def test_each_request_takes_few_statements(
    bare: AsyncClient, client: AsyncClient, token: Token, sql_count: SqlCount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(verbs.PAGES, "ListRecords", 2)
    headers = await token("city:ca-montreal")
    ids = [(await make_practice(client, headers))["id"] for _ in range(3)]
    item = f"identifier=oai:127.0.0.1:{ids[0]}"
    stamping = 3
    for query, expected in [
        ("verb=Identify", 1),
        ("verb=ListSets", 1),
        ("verb=ListMetadataFormats", 0),
        (f"verb=ListMetadataFormats&{item}", 1),
        (LIST, 1 + stamping + 1),  # what was written has no stamp yet
        (LIST, 1 + 1),
        (f"verb=GetRecord&metadataPrefix=px&{item}", stamping + 1),
        (f"{LIST}&set=country:CA", 1 + 1 + 1),
    ]:
        with sql_count() as statements:
            root = await ask(bare, query)
        assert len(statements) == expected, query
    resumption = root.findtext(f".//{O}resumptionToken")
    with sql_count() as statements:
        root = await ask(bare, f"verb=ListRecords&resumptionToken={resumption}")
    assert len(statements) == 1 + 1
    assert [id_of(header) for header in root.iter(f"{O}header")] == [ids[2]]


async def test_who_asks_too_often_is_told_to_wait_as_harvesters_know_it(database: Database, settings: Settings) -> None:
    limits = {"rate_limit": "on", "rate_limit_anonymous": 1}
    app = create_app(database, settings.model_copy(update=limits))
    transport = ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as asking,
    ):
        statuses = [await asking.get("/oai?verb=Identify") for _ in range(3)]
    refused = statuses[-1]
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
