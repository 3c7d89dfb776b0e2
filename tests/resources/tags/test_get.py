"""GET /v1/tags/{id}, as JSON and as SKOS."""

import pytest
from httpx import AsyncClient

from tests.conftest import SqlCount

PATH = "/v1/tags/sdg:10.7"
LD = {"Accept": "application/ld+json"}


async def test_a_tag(client: AsyncClient, sql_count: SqlCount) -> None:
    with sql_count() as statements:
        response = await client.get(PATH)
    assert len(statements) == 1, statements
    tag = response.json()
    assert (tag["id"], tag["scheme"], tag["code"], tag["broader"]) == ("sdg:10.7", "sdg", "10.7", "sdg:10")
    assert (tag["created_by"], tag["practice_count"], tag["version"]) == (None, 0, 1)
    assert tag["labels"]["fr"]
    broader = (await client.get("/v1/tags/sdg:10")).json()
    assert "sdg:10.7" in broader["narrower"]


async def test_as_skos(client: AsyncClient, sql_count: SqlCount) -> None:
    tag = (await client.get(PATH)).json()
    with sql_count() as statements:
        response = await client.get(PATH, headers=LD)
    assert len(statements) == 1, statements
    assert response.headers["content-type"] == "application/ld+json"
    concept = response.json()
    assert next(iter(concept)) == "@context"
    assert (concept["@id"], concept["@type"]) == (f"http://127.0.0.1:8000{PATH}", "Concept")
    assert concept["inScheme"] == "http://127.0.0.1:8000/v1/tags?scheme=sdg"
    assert concept["broader"] == "http://127.0.0.1:8000/v1/tags/sdg:10"
    assert concept["prefLabel"] == tag["labels"]
    assert "narrower" not in concept


async def test_each_form_has_its_etag(client: AsyncClient) -> None:
    plain, linked = await client.get(PATH), await client.get(PATH, headers=LD)
    assert plain.headers["etag"] != linked.headers["etag"]
    for headers, response in (({}, plain), (LD, linked)):
        again = await client.get(PATH, headers={**headers, "If-None-Match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert "Accept" in again.headers["vary"].split(", ")
        assert again.headers["cache-control"].startswith("public, max-age=300")
    assert (await client.get(PATH, headers={**LD, "If-None-Match": plain.headers["etag"]})).status_code == 200


@pytest.mark.parametrize("id_", ["gcm:24", "colour:red", "gcm", "GCM:4", "gcm:4%00", "x:" + "y" * 200])
@pytest.mark.parametrize("headers", [{}, LD])
async def test_none_such(client: AsyncClient, id_: str, headers: dict[str, str]) -> None:
    assert (await client.get(f"/v1/tags/{id_}", headers=headers)).status_code == 404
