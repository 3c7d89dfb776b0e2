"""GET /v1/practices/{id} as schema.org and as Markdown."""

import json

import pytest
from httpx import AsyncClient

from tests.conftest import SqlCount, Token
from tests.factories import make_practice

OWNER = "city:ca-montreal"
LD, MARKDOWN = "application/ld+json", "text/markdown"
CONTACT = {"unit": "Office for Newcomers", "email": "newcomers@montreal.example"}


@pytest.fixture
async def path(client: AsyncClient, token: Token) -> str:
    made = await make_practice(
        client, await token(OWNER), contact=CONTACT, title="# A <b>card</b> | for *all*\n## of us", year_start=2019,
        description="## What\n\nThe *card*.", partner_cities=["gb-bristol"], summary="1. - A card.",
        keywords=["city card"],
        resources=[{"title": "A [report]", "url": "https://example.org/r?a=(1)", "kind": "report", "language": "en"}],
        indicators=[{"name": "cards", "value": 61000, "unit": None, "year": 2025, "source_url": None}],
    )  # fmt: skip
    return f"/v1/practices/{made['id']}"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("", "application/json"),
        ("application/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        (LD, LD),
        ("application/json;q=0.5, application/ld+json", LD),
        ("application/ld+json;q=0.1, application/json;q=0.2", "application/json"),
        (MARKDOWN, MARKDOWN),
        ("text/*", MARKDOWN),
        ("text/markdown;q=0, */*", "application/json"),
        ("Text/Markdown; variant=CommonMark", MARKDOWN),
    ],
)
async def test_which_form_is_given(client: AsyncClient, path: str, accept: str, media_type: str) -> None:
    answer = await client.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, media_type)
    assert {"Accept", "Authorization"} <= {name.strip() for name in answer.headers["vary"].split(",")}


@pytest.mark.parametrize("accept", ["text/html", "image/png", "application/json;q=0", "x" * 3000])
async def test_a_form_that_is_not_there(client: AsyncClient, path: str, accept: str) -> None:
    answer = await client.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (406, "not-acceptable")
    assert "Accept" in answer.headers["vary"]


async def test_as_schema_org(client: AsyncClient, path: str) -> None:
    record = (await client.get(path)).json()
    work = (await client.get(path, headers={"Accept": LD})).json()
    assert (work["@context"]["@vocab"], work["@type"]) == ("https://schema.org/", "CreativeWork")
    assert (work["name"], work["identifier"], work["version"]) == (record["title"], record["id"], record["version"])
    assert work["url"] == f"http://127.0.0.1:8000{path}"
    assert [term["termCode"] for term in work["about"]] == record["tags"]
    assert work["creator"]["@id"].endswith("/v1/cities/ca-montreal")
    assert [partner["name"] for partner in work["contributor"]] == ["Bristol"]
    assert work["temporalCoverage"] == "2019/.."
    assert round(work["spatialCoverage"]["geo"]["latitude"]) in {45, 46}
    assert "datePublished" in work
    assert "abstract" in work
    file = json.loads((await client.get("/v1/practices.jsonld")).text)
    assert {**file["@graph"][0], "@context": file["@context"]} == work


async def test_as_markdown(client: AsyncClient, path: str) -> None:
    text = (await client.get(path, headers={"Accept": MARKDOWN})).text
    first, *_ = text.splitlines()
    assert first == r"# \# A \<b\>card\</b\> \| for \*all\* \#\# of us"
    assert "\n1\\. - A card.\n" in text
    assert "## What\n\nThe *card*." in text
    assert "- **Years:** from 2019" in text
    assert r"- [A \[report\]](<https://example.org/r?a=(1)>)" in text
    assert "- cards: 61000" in text
    assert f"<http://127.0.0.1:8000{path}>" in text


@pytest.mark.parametrize("accept", [LD, MARKDOWN])
async def test_a_contact_is_for_members(client: AsyncClient, token: Token, path: str, accept: str) -> None:
    answer = await client.get(path, headers={"Accept": accept})
    assert "newcomers" not in answer.text.lower()
    seen = await client.get(path, headers={"Accept": MARKDOWN, **await token("city:gb-bristol")})
    assert "newcomers@montreal.example" in seen.text
    assert "private" in seen.headers["cache-control"]


async def test_each_form_has_its_own_entity_tag(
    client: AsyncClient, token: Token, path: str, sql_count: SqlCount
) -> None:
    forms = ("application/json", LD, MARKDOWN)
    tags = [(await client.get(path, headers={"Accept": form})).headers["etag"] for form in forms]
    assert len(set(tags)) == 3
    for form, tag in zip(forms, tags, strict=True):
        with sql_count() as statements:
            same = await client.get(path, headers={"Accept": form, "If-None-Match": tag})
        assert (same.status_code, same.content, len(statements)) == (304, b"", 1)
        others = ", ".join(other for other in tags if other != tag)
        with sql_count() as statements:
            fresh = await client.get(path, headers={"Accept": form, "If-None-Match": others})
        assert (fresh.status_code, len(statements)) == (200, 1)
    owner = await token(OWNER)
    tag = (await client.get(path, headers={"Accept": LD, **owner})).headers["etag"]
    changed = await client.patch(path, json={"stage": "pilot"}, headers={**owner, "If-Match": tag})
    assert changed.status_code == 200


@pytest.mark.parametrize("accept", [LD, MARKDOWN])
async def test_what_is_not_there_any_more(client: AsyncClient, token: Token, accept: str) -> None:
    owner = await token(OWNER)
    old, new = await make_practice(client, owner), await make_practice(client, owner)
    draft = await make_practice(client, owner, publish=False)
    moves = f"/v1/practices/{old['id']}/transitions"
    await client.post(moves, json={"to": "merged", "successor": new["id"]}, headers=owner)
    headers = {"Accept": accept}
    assert (await client.get(f"/v1/practices/{old['id']}", headers=headers)).status_code == 301
    assert (await client.get(f"/v1/practices/{draft['id']}", headers=headers)).status_code == 404
