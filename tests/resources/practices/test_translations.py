"""Translations: written, negotiated, told, taken away."""

from typing import Any

import pytest
from httpx import AsyncClient

from tests.conftest import SqlCount, Token
from tests.factories import Headers, make_practice

OWNER = "city:ca-montreal"


@pytest.fixture
async def owner(token: Token) -> Headers:
    return await token(OWNER)


async def put(client: AsyncClient, headers: Headers, id_: str, language: str, **texts: Any) -> Any:
    body = {"title": f"Title in {language}", **texts}
    return await client.put(f"/v1/practices/{id_}/translations/{language}", json=body, headers=headers)


@pytest.fixture
async def practice(client: AsyncClient, owner: Headers) -> dict[str, Any]:
    made = await make_practice(client, owner, language="en", results="Good results.")
    for language in ("fr", "pt-BR"):
        answer = await put(client, owner, made["id"], language, summary=f"Summary in {language}")
        assert answer.status_code == 201, answer.text
    return made


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, "en"), ("fr", "fr"), ("fr-CA, en;q=0.5", "fr"), ("de, fr;q=0.3", "fr"), ("en, fr", "en"),
        ("pt", "pt-BR"), ("PT-br", "pt-BR"), ("pt-PT", "pt-BR"), ("de", "en"), ("*", "en"), ("*;q=0.9, fr;q=0.1", "en"),
        ("fr;q=0", "en"), ("fr;q=0.2, pt-BR;q=0.9", "pt-BR"), ("%, _, ,;;=", "en"), ("x" * 5000, "en"),
    ],
)  # fmt: skip
async def test_accept_language_picks(
    client: AsyncClient, practice: dict[str, Any], wanted: str | None, expected: str, sql_count: SqlCount
) -> None:
    headers = {"Accept-Language": wanted} if wanted else {}
    with sql_count() as statements:
        answer = await client.get(f"/v1/practices/{practice['id']}", headers=headers)
    assert len(statements) == 1
    document = answer.json()
    assert (answer.headers["content-language"], document["language"]) == (expected, expected)
    assert "Accept-Language" in answer.headers["vary"]
    texts = (practice["title"], practice["summary"])
    if expected != "en":
        texts = (f"Title in {expected}", f"Summary in {expected}")
    assert (document["title"], document["summary"]) == texts
    assert document["results"] == "Good results."
    listed = [(entry["language"], entry["status"]) for entry in document["translations"]]
    assert listed == [("en", "original"), ("fr", "human"), ("pt-BR", "human")]
    again = await client.get(
        f"/v1/practices/{practice['id']}", headers={**headers, "If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304


async def test_each_language_has_its_entity_tag(client: AsyncClient, practice: dict[str, Any]) -> None:
    path = f"/v1/practices/{practice['id']}"
    tags = {
        (await client.get(path, headers={"Accept-Language": wanted})).headers["etag"] for wanted in ("en", "fr", "pt")
    }
    assert len(tags) == 3


async def test_what_is_there_needs_if_match(client: AsyncClient, owner: Headers, practice: dict[str, Any]) -> None:
    path = f"/v1/practices/{practice['id']}/translations/FR"
    read = await client.get(path)
    assert (read.json()["title"], read.json()["results"]) == ("Title in fr", None)
    assert (await put(client, owner, practice["id"], "fr")).status_code == 428
    body = {"title": "Carte", "status": "machine"}
    stale = await client.put(path, json=body, headers={**owner, "If-Match": '"1-tfr"'})
    assert stale.status_code == 412
    done = await client.put(path, json=body, headers={**owner, "If-Match": read.headers["etag"]})
    assert (done.status_code, done.json()["status"], done.json()["summary"]) == (200, "machine", None)
    assert (await client.delete(path, headers=owner)).status_code == 428
    assert (await client.delete(path, headers={**owner, "If-Match": "*"})).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.delete(path, headers={**owner, "If-Match": "*"})).status_code == 404


async def test_the_same_once_more_changes_nothing(
    client: AsyncClient, owner: Headers, practice: dict[str, Any]
) -> None:
    path = f"/v1/practices/{practice['id']}"
    before = (await client.get(path)).json()
    read = await client.get(f"{path}/translations/fr")
    headers = {**owner, "If-Match": read.headers["etag"]}
    again = await put(client, headers, practice["id"], "fr", summary="Summary in fr")
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, read.json(), read.headers["etag"])
    assert (await client.get(path)).json() == before
    assert (await put(client, headers, practice["id"], "fr", summary="Another")).json()["summary"] == "Another"
    assert (await client.get(path)).json()["version"] == before["version"] + 1


async def test_what_is_refused(client: AsyncClient, owner: Headers, practice: dict[str, Any], token: Token) -> None:
    assert (await put(client, owner, practice["id"], "en")).status_code == 422
    assert (await put(client, owner, practice["id"], "nonsense language")).status_code == 404
    assert (await put(client, owner, practice["id"], "de", unknown="x")).status_code == 422
    assert (await put(client, await token("city:sl-freetown"), practice["id"], "de")).status_code == 403
    feed = (await client.get("/v1/changes?type=practice")).json()["items"]
    assert [entry["language"] for entry in feed[-1]["data"]["translations"]] == ["en", "fr", "pt-BR"]


async def test_a_put_says_what_it_expects(client: AsyncClient, owner: Headers, practice: dict[str, Any]) -> None:
    path = f"/v1/practices/{practice['id']}/translations"

    async def answer(language: str, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.put(f"{path}/{language}", json={"title": "x"}, headers={**owner, **named})

    assert (await answer("de", If_Match="*")).status_code == 412
    made = await answer("de", If_None_Match="*")
    assert (made.status_code, made.headers["location"]) == (201, f"{path}/de")
    assert (await answer("de", If_None_Match="*")).status_code == 412
    assert (await answer("de", If_None_Match="*", If_Match="*")).status_code == 412
    assert (await answer("de", If_Match="*")).status_code == 200


async def test_the_original_takes_no_language_of_a_translation(
    client: AsyncClient, owner: Headers, practice: dict[str, Any]
) -> None:
    path, headers = f"/v1/practices/{practice['id']}", {**owner, "If-Match": "*"}
    refused = await client.patch(path, json={"language": "FR"}, headers=headers)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/language")
    assert (await client.patch(path, json={"language": "de"}, headers=headers)).status_code == 200
