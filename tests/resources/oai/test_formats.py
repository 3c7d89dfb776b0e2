"""The formats: Dublin Core, and the whole record, which nothing is missing from."""

import json
from typing import Any, get_args

from httpx import AsyncClient
from lxml import etree

from app.fields import BudgetBand, Stage, TranslationStatus
from app.resources.oai.formats import ENTRIES, LEFT_OUT
from app.resources.practices.schemas import PracticePublic
from tests.conftest import Token
from tests.factories import make_practice
from tests.resources.oai.validity import OWN, PX, O, ask, listed

DC = "{http://purl.org/dc/elements/1.1/}"
XS = "{http://www.w3.org/2001/XMLSchema}"
ODD = "A < B & C > \"D\" 'E' ]]> é ﷽ 🏠 \ufffe\uffff\ttab\nline"
WHOLE: dict[str, Any] = {
    "title": ODD[:140], "summary": ODD, "challenge": ODD, "description": "## Why\n\n*So*.", "results": "r",
    "lessons": "l", "what_failed": "w", "conditions": "c", "language": "pt-BR",
    "tags": ["theme:municipal-id", "sdg:10.7"], "keywords": ["city card", "ID & papers"],
    "resources": [{"title": "T", "url": "HTTPS://example.org/a[b]?x=%zz&y='", "kind": "report", "language": "en"},
                  {"title": "U", "url": "http://[::1"}],
    "partner_cities": ["gb-bristol", "co-bogota"], "implementers": [{"name": "Red <Cross>", "kind": "ngo"}],
    "contact": {"unit": "Office of nobody", "email": "office@montreal.example"}, "year_start": 2019, "year_end": 2024,
    "stage": "mainstreamed", "budget_band": "50k_250k", "staff_fte": 2.5, "months_to_implement": 18,
    "beneficiaries": 2_000_000_000, "evidence_level": 4, "offers": ["format:webinar"], "accepting_exchanges": False,
    "indicators": [{"name": "cards", "value": 1e15, "unit": "cards", "year": 2023, "source_url": "https://example.org/"},
                   {"name": "less", "value": -1.5e-7}],
    "external_ids": [{"scheme": "cities-of-migration", "value": "a b/c", "url": "https://example.org/1"}],
}  # fmt: skip


async def practice(bare: AsyncClient, id_: str) -> etree._Element:
    root = await ask(bare, f"verb=GetRecord&metadataPrefix=px&identifier=oai:127.0.0.1:{id_}")
    found = root.find(f".//{PX}practice")
    assert found is not None
    return found


def document(element: etree._Element, name: str = "") -> Any:
    """The JSON document that an element was made from, as far as the names tell."""
    if not len(element):
        return element.text or ""
    members: dict[str, Any] = {}
    plural = {entry: name for name, entry in ENTRIES.items()}
    for child in element:
        child_name = child.tag.removeprefix(PX)
        if child_name in plural and name != "origin":
            members.setdefault(plural[child_name], []).append(document(child, child_name))
        else:
            members[child_name] = document(child, child_name)
    return members


def plain(value: Any) -> Any:
    """A JSON document as XML can hold it: no nulls, no empty lists, all values text."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items() if part not in (None, [])}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, str):
        return value.replace("\ufffe", "").replace("\uffff", "")
    return str(value).lower() if isinstance(value, bool) else str(value)


async def test_the_whole_record_is_in_it(client: AsyncClient, bare: AsyncClient, token: Token) -> None:
    headers = await token("city:ca-montreal")
    id_ = (await make_practice(client, headers, **WHOLE))["id"]
    texts = {"title": "Carte", "summary": "S & S", "conditions": "C", "results": "R", "what_failed": "W"}
    path = f"/v1/practices/{id_}/translations/fr"
    translation = await client.put(path, json={"status": "human", **texts}, headers=headers)
    assert translation.status_code == 201, translation.text
    other = await token("network:uclg")
    await client.post(f"/v1/practices/{id_}/endorsements", json={"comment": "Good & true"}, headers=other)
    await client.post(f"/v1/practices/{id_}/verification", headers=headers)
    linking = {"title": "x", "summary": "y", "language": "en", "city_id": "ca-montreal",
               "external_ids": WHOLE["external_ids"], "source_url": "https://example.org/uclg/1"}  # fmt: skip
    linked = await client.put("/v1/sources/uclg/practices/1", json=linking, headers=other)
    assert linked.json()["result"] == "linked", linked.text
    expected = (await client.get(f"/v1/practices/{id_}")).json()
    assert expected["endorsements"]
    assert expected["last_verified_at"]
    assert expected["origins"]
    told = document(await practice(bare, id_))
    assert told.pop("url") == f"http://127.0.0.1:8000/v1/practices/{id_}"
    for name in LEFT_OUT:
        expected.pop(name)
    for entry in expected["translations"]:
        if entry["language"] == "fr":
            entry.update(texts)
    assert told == plain(expected)
    assert "nobody" not in json.dumps(told)


async def test_the_least_record_is_valid(client: AsyncClient, bare: AsyncClient, token: Token) -> None:
    headers = await token("city:ca-montreal")
    id_ = (await make_practice(client, headers, tags=[]))["id"]
    assert "tags" not in document(await practice(bare, id_))
    assert len(await listed(bare, "", "ListRecords", "px")) == 1


def test_the_schema_knows_every_member_and_every_value() -> None:
    schema = etree.parse(OWN)
    whole = schema.find(f"{XS}complexType[@name='practice']")
    assert whole is not None
    names = [element.get("name") for element in whole.iterfind(f"{XS}sequence/{XS}element")]
    members = [ENTRIES.get(name, name) for name in PracticePublic.model_fields if name not in LEFT_OUT]
    # A published record has no successor.
    assert names == ["url", *(name for name in members if name != "successor")]
    values = [element.get("value") for element in schema.iter(f"{XS}enumeration")]
    assert values == [*get_args(Stage), *get_args(BudgetBand), *get_args(TranslationStatus)]


async def test_dublin_core(client: AsyncClient, bare: AsyncClient, token: Token) -> None:
    id_ = (await make_practice(client, await token("city:ca-montreal"), **WHOLE))["id"]
    root = await ask(bare, f"verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:127.0.0.1:{id_}")
    core: dict[str, list[str]] = {}
    for element in root.iter(f"{DC}*"):
        core.setdefault(element.tag.removeprefix(DC), []).append(element.text or "")
    assert core["title"] == [WHOLE["title"].replace("\ufffe", "").replace("\uffff", "")]
    assert core["creator"] == ["Montreal"]
    assert core["contributor"] == ["Bristol", "Bogotá", "Red <Cross>"]
    assert core["subject"] == [*WHOLE["tags"], *WHOLE["keywords"]]
    assert core["identifier"] == [f"http://127.0.0.1:8000/v1/practices/{id_}"]
    assert core["language"] == ["pt-BR"]
    assert core["relation"] == [entry["url"] for entry in WHOLE["resources"]]
    title = root.find(f".//{DC}title")
    assert title is not None
    assert title.get("{http://www.w3.org/XML/1998/namespace}lang") == "pt-BR"
    assert root.find(f".//{O}metadata") is not None
