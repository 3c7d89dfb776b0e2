"""Files in the hands of programs that others wrote, and over a real connection."""

import asyncio
import io
import json
import socket
import urllib.request
import warnings
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import feedparser  # type: ignore[import-untyped]  # brings no types
import pytest
import uvicorn
from fastapi import FastAPI
from httpx import AsyncClient, RemoteProtocolError
from rdflib import RDF, SDO, Graph, Literal, URIRef

from app.database import Database
from app.resources.practices import routes
from tests.conftest import Token
from tests.factories import make_practice


async def test_linked_data_is_read_without_a_network(
    client: AsyncClient, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("an outside request")

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", refuse)
    made = await make_practice(
        client, await token("city:ca-montreal"), title='A "card"', year_start=2019, description="Why & how.",
        resources=[{"title": "Report", "url": "https://example.org/r?a=1"}], keywords=["one", "two"],
    )  # fmt: skip
    path = f"/v1/practices/{made['id']}"
    one = await client.get(path, headers={"Accept": "application/ld+json"})
    for text in ((await client.get("/v1/practices.jsonld")).text, one.text):
        graph = Graph()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            graph.parse(data=text, format="json-ld")
        work = URIRef(f"http://127.0.0.1:8000{path}")
        assert set(graph.subjects(RDF.type, SDO.CreativeWork)) > {work}
        assert graph.value(work, SDO.name) == Literal('A "card"')
        assert graph.value(work, SDO.url) == work
        assert graph.value(work, SDO.license) == URIRef("https://spdx.org/licenses/CC-BY-4.0")
        assert graph.value(work, SDO.dateModified) == Literal(made["updated_at"], datatype=SDO.DateTime)
        assert set(graph.objects(work, SDO.keywords)) == {Literal("one"), Literal("two")}
        about = {graph.value(term, SDO.termCode) for term in graph.objects(work, SDO.about)}
        assert about == {Literal(tag) for tag in made["tags"]}
        creator = graph.value(work, SDO.creator)
        assert creator == URIRef("http://127.0.0.1:8000/v1/cities/ca-montreal")
        assert (creator, RDF.type, SDO.GovernmentOrganization) in graph
        assert graph.value(graph.value(work, SDO.citation), SDO.url) == URIRef("https://example.org/r?a=1")
        geo = graph.value(graph.value(work, SDO.spatialCoverage), SDO.geo)
        assert float(str(graph.value(geo, SDO.longitude))) < -70
        assert all(str(predicate).startswith((str(SDO), str(RDF))) for predicate in graph.predicates())


async def test_a_feed_is_read_by_a_feed_reader(client: AsyncClient, token: Token) -> None:
    headers = await token("city:ca-montreal")
    made = [await make_practice(client, headers, title=f"A < B & {n}\ufffe") for n in range(3)]
    answer = await client.get("/v1/practices.atom", params={"sort": "title", "tag": ["gcm:4", "theme:municipal-id"]})
    feed = feedparser.parse(answer.content)
    assert (feed.bozo, feed.version) == (False, "atom10")
    search = "sort=title&tag=gcm%3A4&tag=theme%3Amunicipal-id"
    links = {link["rel"]: parse_qsl(urlsplit(link["href"]).query) for link in feed.feed.links}
    assert {rel: sorted(pairs) for rel, pairs in links.items()} == dict.fromkeys(
        ("self", "alternate"), parse_qsl(search)
    )
    assert feed.feed.id.startswith("http://127.0.0.1:8000/v1/practices?")
    assert feed.feed.updated == max(record["updated_at"] for record in made)
    for entry, record in zip(feed.entries, made, strict=True):
        assert entry.id == f"urn:uuid:{record['id']}"
        assert entry.title == record["title"].removesuffix("\ufffe")
        assert entry.link == f"http://127.0.0.1:8000/v1/practices/{record['id']}"
        assert (entry.updated, entry.published) == (record["updated_at"], record["published_at"])
        assert (entry.author, entry.summary) == ("Montreal", record["summary"])
        assert [tag["term"] for tag in entry.tags] == record["tags"]
    empty = feedparser.parse((await client.get("/v1/practices.atom?city=xx-no")).content)
    assert (empty.bozo, empty.entries, empty.feed.updated[:2]) == (False, [], "20")


async def test_maps_and_lines(client: AsyncClient, token: Token, database: Database) -> None:
    headers = await token("city:ca-montreal")
    made = await make_practice(client, headers)
    await make_practice(client, await token("city:gb-bristol"))
    await database.execute("UPDATE city SET latitude = NULL, longitude = NULL WHERE id = 'gb-bristol'")
    for language in ("fr", "es"):
        path = f"/v1/practices/{made['id']}/translations/{language}"
        assert (await client.put(path, json={"title": "Carte"}, headers=headers)).status_code == 201
    collection = (await client.get("/v1/practices.geojson")).json()
    assert collection.keys() == {"type", "features"}
    for feature in collection["features"]:
        assert feature.keys() == {"type", "id", "geometry", "properties"}
        if feature["properties"]["city"]["id"] == "gb-bristol":
            assert feature["geometry"] is None
        else:
            assert feature["geometry"]["type"] == "Point"
            longitude, latitude = feature["geometry"]["coordinates"]
            assert -75 < longitude < -73 < 45 < latitude < 46
    lines = (await client.get("/v1/practices.ndjson")).text.splitlines()
    documents = {record["id"]: record for record in map(json.loads, lines)}
    assert len(documents) == 2
    assert documents[made["id"]] == (await client.get(f"/v1/practices/{made['id']}")).json()


async def test_a_file_that_breaks_off_does_not_look_whole(
    app: FastAPI, client: AsyncClient, token: Token, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fourth of five records cannot be written, and the client of a real server hears that the file has no end."""
    monkeypatch.setattr(routes, "FILE_ROWS", 1)
    headers = await token("city:ca-montreal")
    made = [await make_practice(client, headers, title=f"Title {n}") for n in range(5)]
    broken = made[3]["id"]
    await database.execute("""UPDATE practice SET resources = '[1]' WHERE id = $1""", UUID(broken))
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, http="httptools"))
    serving = asyncio.create_task(server.serve([listening]))
    try:
        for encoding in ("identity", "gzip", "zstd"):
            received = io.StringIO()
            async with AsyncClient(base_url=f"http://127.0.0.1:{port}") as asking:
                with pytest.raises(RemoteProtocolError, match="without sending complete"):  # noqa: PT012 - where it breaks
                    async with asking.stream(
                        "GET", "/v1/practices.jsonld?sort=title", headers={"Accept-Encoding": encoding}
                    ) as answer:
                        assert answer.headers.get("content-encoding", "identity") == encoding
                        async for part in answer.aiter_text():
                            received.write(part)
            # What was read before is there: nothing was held back.
            text = received.getvalue()
            assert [record["id"] in text for record in made] == [True, True, True, False, False]
            with pytest.raises(json.JSONDecodeError):
                json.loads(text)
    finally:
        server.should_exit = True
        await serving
