"""GET /v1/tags, as JSON and as SKOS."""

from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import make_practice

LD = {"Accept": "application/ld+json"}
SCHEMES = ["theme", "group", "format", "gcm", "gcm-principle", "gcr", "sdg"]


async def everything(client: AsyncClient, query: str = "limit=100") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    address: str | None = f"/v1/tags?{query}"
    while address:
        response = await client.get(address)
        assert response.status_code == 200, response.text
        items += response.json()["items"]
        address = response.links.get("next", {}).get("url")
    return items


async def test_the_vocabularies_in_their_order(client: AsyncClient, database: Database) -> None:
    whole = await everything(client, "limit=30")
    rows = await database.rows("SELECT id, scheme, position FROM tag")
    expected = sorted(rows, key=lambda row: (SCHEMES.index(row["scheme"]), row["position"], row["id"]))
    assert [tag["id"] for tag in whole] == [row["id"] for row in expected]
    assert [tag["id"] for tag in await everything(client, "scheme=gcm")] == [f"gcm:{n}" for n in range(1, 24)]
    assert len(await everything(client, "scheme=gcr&limit=3")) == 4


async def test_relations_go_both_ways(client: AsyncClient) -> None:
    tags = {tag["id"]: tag for tag in await everything(client)}
    for tag in tags.values():
        assert all(tags[id_]["broader"] == tag["id"] for id_ in tag["narrower"])
        assert all(tag["id"] in tags[id_]["related"] for id_ in tag["related"])
        if tag["broader"]:
            assert tag["id"] in tags[tag["broader"]]["narrower"]
        assert len(set(tag["synonyms"])) == len(tag["synonyms"])
    assert any(tag["narrower"] for tag in tags.values())
    assert any(tag["related"] for tag in tags.values())


async def test_practices_are_counted_with_those_of_narrower_tags(client: AsyncClient, token: Token) -> None:
    headers = await token("city:ca-montreal")
    themes = await everything(client, "scheme=theme")
    narrow = next(tag for tag in themes if tag["broader"])
    await make_practice(client, headers, tags=[narrow["id"]])
    await make_practice(client, headers, tags=[narrow["broader"], "gcm:4"])
    await make_practice(client, headers, tags=[narrow["id"]], publish=False)
    await make_practice(client, headers, tags=[narrow["id"]], visibility="members")
    counts = {tag["id"]: tag["practice_count"] for tag in await everything(client)}
    assert (counts[narrow["id"]], counts[narrow["broader"]], counts["gcm:4"]) == (1, 2, 1)
    assert sum(counts.values()) == 4


async def test_an_item_is_what_the_single_record_is(client: AsyncClient, sql_count: SqlCount) -> None:
    with sql_count() as statements:
        items = (await client.get("/v1/tags?limit=100")).json()["items"]
    assert len(statements) == 1, statements
    for item in items[:3]:
        assert (await client.get(f"/v1/tags/{item['id']}")).json() == item


async def test_it_is_kept_by_caches(client: AsyncClient, token: Token) -> None:
    first = await client.get("/v1/tags")
    assert first.headers["cache-control"].startswith("public, max-age=300")
    assert "Accept" in first.headers["vary"].split(", ")
    again = await client.get("/v1/tags", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    own = await client.get("/v1/tags", headers=await token("city:ca-montreal"))
    assert own.headers["cache-control"].startswith("private")


async def test_as_skos(client: AsyncClient) -> None:
    nodes: list[dict[str, Any]] = []
    address: str | None = "/v1/tags?limit=70"
    while address:
        response = await client.get(address, headers=LD)
        assert response.headers["content-type"] == "application/ld+json"
        assert "Accept" in response.headers["vary"].split(", ")
        page = response.json()
        assert page["@context"]["skos"] == "http://www.w3.org/2004/02/skos/core#"
        assert all("@context" not in node for node in page["@graph"])
        nodes += page["@graph"]
        address = response.links.get("next", {}).get("url")
    concepts = {node["@id"]: node for node in nodes if node["@type"] == "Concept"}
    schemes = {node["@id"]: node for node in nodes if node["@type"] == "ConceptScheme"}
    tags = await everything(client)
    assert len(concepts) == len(tags)
    assert {node["notation"] for node in schemes.values()} == set(SCHEMES)
    for tag in tags:
        concept = concepts[f"http://127.0.0.1:8000/v1/tags/{tag['id']}"]
        assert concept["prefLabel"] == {"en": tag["label"], **tag["labels"]}
        assert {word for words in concept.get("altLabel", {}).values() for word in words} == set(tag["synonyms"])
        assert concept["notation"] == tag["code"]
        assert concept["inScheme"] in schemes
        for name in ("narrower", "related"):
            assert [address.split("/v1/tags/")[1] for address in concept.get(name, [])] == tag[name]
            assert all(address in concepts for address in concept.get(name, []))
        assert concept.get("broader") == (f"http://127.0.0.1:8000/v1/tags/{tag['broader']}" if tag["broader"] else None)


async def test_a_scheme_of_skos_leads_to_its_concepts(client: AsyncClient) -> None:
    nodes = (await client.get("/v1/tags?scheme=gcr", headers=LD)).json()["@graph"]
    again = (await client.get(nodes[1]["inScheme"], headers=LD)).json()["@graph"]
    assert again == nodes
    assert [node["@type"] for node in nodes] == ["ConceptScheme", *["Concept"] * 4]


async def test_skos_has_an_etag_of_its_own(client: AsyncClient) -> None:
    plain, linked = await client.get("/v1/tags"), await client.get("/v1/tags", headers=LD)
    assert plain.headers["etag"] != linked.headers["etag"]
    again = await client.get("/v1/tags", headers={**LD, "If-None-Match": linked.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("accept", "status", "media_type"),
    [
        (None, 200, "application/json"),
        ("*/*", 200, "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", 200, "application/json"),
        ("application/*", 200, "application/json"),
        ("application/json, application/ld+json", 200, "application/json"),
        ("application/ld+json, application/json", 200, "application/json"),
        ("application/ld+json, */*", 200, "application/ld+json"),
        ("application/ld+json;q=0.5, application/json", 200, "application/json"),
        ("application/json;q=0.5, application/ld+json;q=0.9", 200, "application/ld+json"),
        ("application/json;q=0, */*", 200, "application/ld+json"),
        ('Application/LD+JSON ; profile="http://www.w3.org/ns/json-ld#compacted" ; Q=1', 200, "application/ld+json"),
        ("application/ld+json;q=zero, application/json;q=0.1", 200, "application/json"),
        ("text/turtle", 406, "application/problem+json"),
        ("application/ld+json;q=0, application/json;q=0", 406, "application/problem+json"),
    ],
)
async def test_which_form_is_given(client: AsyncClient, accept: str | None, status: int, media_type: str) -> None:
    for path in ("/v1/tags", "/v1/tags/gcm:4"):
        request = client.build_request("GET", path)
        del request.headers["accept"]
        if accept:
            request.headers["accept"] = accept
        response = await client.send(request)
        assert (response.status_code, response.headers["content-type"]) == (status, media_type)


@pytest.mark.parametrize(
    ("query", "status"),
    [("scheme=colours", 422), ("words=id", 400), ("limit=1000", 422), ("scheme=gcm&scheme=gcr", 400)],
)
async def test_what_makes_no_sense_is_refused(client: AsyncClient, query: str, status: int) -> None:
    assert (await client.get(f"/v1/tags?{query}")).status_code == status
