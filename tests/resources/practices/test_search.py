"""GET /v1/practices?q=: what is found, in which order, with which marks; who finds what is in the last tests."""

from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from httpx import AsyncClient

from app.database import Database
from app.search.drafts import BATCH, MOST_BATCHES, index_drafts, index_waiting_drafts
from tests.conftest import SqlCount, Token
from tests.factories import Headers, make_practice

RECORDS: dict[str, dict[str, Any]] = {
    "card": {
        "city": "us-new-york", "title": "A card for every neighbour", "tags": ["theme:municipal-id"],
        "summary": "The city gives proof of identity to whoever lives here.",
    },
    "roof": {
        "city": "gr-athens", "title": "A roof first", "tags": ["theme:housing"], "keywords": ["deposit guarantee"],
        "summary": "Empty flats are let to families who came by sea.",
    },
    "accueil": {
        "city": "ca-montreal", "title": "Un guichet d'accueil à la mairie", "language": "fr", "tags": [],
        "summary": "Les nouveaux arrivants trouvent leurs droits expliqués en dix langues.",
        "description": "Le guichet cherche aussi des bureaux vacants.",
    },
    "market": {
        "city": "sl-freetown", "title": "Market stalls", "tags": ["theme:entrepreneurship"],
        "summary": "Women who came from the countryside get stalls and small loans.",
        "contact": {"unit": "Zanzibar desk", "email": "zanzibar@example.org"},
    },
    "parque": {
        "city": "jo-amman", "title": "A park for all", "tags": [], "summary": "Cash for work in a public garden.",
    },
}  # fmt: skip


@pytest.fixture
async def ids(client: AsyncClient, token: Token) -> dict[str, str]:
    """The names of the records above, by their ids."""
    made = {}
    for name, fields in RECORDS.items():
        headers = await token(f"city:{fields['city']}")
        document = await make_practice(client, headers, **{k: v for k, v in fields.items() if k != "city"})
        made[document["id"]] = name
    return made


async def found(client: AsyncClient, ids: dict[str, str], q: str, more: str = "") -> list[str]:
    response = await client.get(f"/v1/practices?q={quote(q)}{more}")
    assert response.status_code == 200, response.text
    return [ids[item["id"]] for item in response.json()["items"]]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("ID card", "card"),  # a synonym of a tag, and words of a title
        ("vivienda", "roof"),  # a tag in another language
        ("الإسكان", "roof"),
        ("bureau vacant", "accueil"),  # stemmed in the record's language
        ("Montreal", "accueil"),  # a city without its accent
        ("Montréal", "accueil"),
        ("Fretown", "market"),  # a city, misspelt
        ("Αθήνα", "roof"),  # a city in another script
        ("ΑΘΗΝΑ", "roof"),
        ("عمّان", "parque"),
        ("عمان", "parque"),
        ("Grèce", "roof"),  # a country in any language
        ("neigbour", "card"),  # a word, misspelt
        ("neighbo", "card"),  # a word that is being typed
        ("deposit", "roof"),  # a keyword
        ("arrives", "accueil"),  # another form of a word, in French
        ('"small loans"', "market"),
        ("the park", "parque"),  # words that say nothing are not required
    ],
)
async def test_finds(client: AsyncClient, ids: dict[str, str], q: str, expected: str) -> None:
    assert (await found(client, ids, q))[:1] == [expected]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ('"loans small"', []),
        ("who came", ["market", "roof"]),
        ("who came -sea", ["market"]),
        ("who came -flat", ["market"]),  # in any form
        ('came -"by sea"', ["market"]),
        ("-came", ["accueil", "card", "parque"]),
        ("!!! ??", []),
        ("zanzibar", []),  # a contact is not searched
        ("xyzzy", []),
    ],
)
async def test_finds_exactly(client: AsyncClient, ids: dict[str, str], q: str, expected: list[str]) -> None:
    assert sorted(await found(client, ids, q)) == expected


async def test_all_words_come_before_some_and_titles_before_texts(client: AsyncClient, token: Token) -> None:
    headers = await token("city:ca-montreal")
    plain: dict[str, Any] = {"tags": [], "keywords": [], "summary": "Nothing of it."}
    texts: dict[str, dict[str, Any]] = {
        "neither": {"title": "Something else"},
        "one": {"title": "Wombats, wombats and wombats"},
        "text": {"title": "Third", "description": "Of quokkas and wombats."},
        "summary": {"title": "Second", "summary": "Of quokkas and wombats."},
        "title": {"title": "Of quokkas and wombats"},
    }
    ids = {(await make_practice(client, headers, **{**plain, **part}))["id"]: name for name, part in texts.items()}
    assert await found(client, ids, "quokkas wombats") == ["title", "summary", "text", "one"]


async def test_marks_are_offsets_into_plain_text(client: AsyncClient, token: Token) -> None:
    title = "<b>Éducation</b> & éducation"
    await make_practice(client, await token("city:ca-montreal"), title=title, language="fr", tags=["theme:education"])
    item = (await client.get("/v1/practices?q=education")).json()["items"][0]
    marks = {part["field"]: part for part in item["highlight"]}
    assert marks["title"] == {"field": "title", "text": title, "marks": [[3, 12], [19, 28]]}
    assert marks["tags"] == {"field": "tags", "text": "theme:education", "marks": [[0, 15]]}


async def test_marks_a_long_text_where_the_short_ones_have_nothing(client: AsyncClient, token: Token) -> None:
    await make_practice(client, await token("city:ca-montreal"), description="word " * 500 + "quokka " + "word " * 500)
    [part] = (await client.get("/v1/practices?q=quokka")).json()["items"][0]["highlight"]
    assert part["field"] == "description"
    assert len(part["text"]) <= 240
    assert [part["text"][begin:end] for begin, end in part["marks"]] == ["quokka"]


async def test_pages_by_relevance_hold_every_record_once(client: AsyncClient, token: Token) -> None:
    headers = await token("city:ca-montreal")
    made = {(await make_practice(client, headers, title=f"Wombat {number % 3}"))["id"] for number in range(11)}
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await client.get(f"/v1/practices?q=wombat&limit=3{cursor}")).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(made)
    assert set(seen) == made


async def test_a_cursor_keeps_the_search(client: AsyncClient, token: Token) -> None:
    headers = await token("city:ca-montreal")
    for number in range(3):
        await make_practice(client, headers, title=f"Wombat {number}")
    response = await client.get("/v1/practices?q=wombat&limit=1")
    assert parse_qs(urlsplit(response.links["next"]["url"]).query)["q"] == ["wombat"]
    cursor = response.json()["next_cursor"]
    assert (await client.get(f"/v1/practices?q=other&limit=1&cursor={cursor}")).status_code == 400


async def test_relevance_needs_words(client: AsyncClient) -> None:
    response = await client.get("/v1/practices?sort=relevance")
    assert response.status_code == 422
    assert "needs a `q`" in response.json()["errors"][0]["detail"]


async def test_is_one_statement(client: AsyncClient, ids: dict[str, str], sql_count: SqlCount) -> None:
    with sql_count() as statements:
        await found(client, ids, 'housing "small loans" -sea mispelt', "&country=SL")
    assert len(statements) == 1


@pytest.mark.parametrize("sort", ["relevance", "newest", "updated", "title"])
async def test_files_facets_and_every_order_find_the_same(
    client: AsyncClient, bare: AsyncClient, ids: dict[str, str], sort: str
) -> None:
    for q in ("came", "who came by sea", "vivienda", "-came"):
        listed = await found(client, ids, q, f"&sort={sort}")
        lines = (await bare.get(f"/v1/practices.csv?q={q}&sort={sort}")).text.splitlines()[1:]
        assert [ids[line[:36]] for line in lines] == listed
        if sort == "relevance":
            assert (await client.get(f"/v1/practices/facets?q={q}")).json()["total"] == len(listed)


async def test_filters_narrow_what_is_found(client: AsyncClient, ids: dict[str, str]) -> None:
    assert await found(client, ids, "who came", "&country=GR") == ["roof"]
    assert await found(client, ids, "who came", "&tag=theme:entrepreneurship&sort=title") == ["market"]


HOSTILE = (
    "'", '"', "\\", "''::tsquery", "a:*", "!", "&", "|", "<->", "a & | b", "(((", ":*", "'''a'''", "%", "_", "-", "--",
    '-"', '"-"', "🦘", "a" * 400, "a " * 200, "ﷺ", "ß", "0", "-1", "1e999", "İstanbul", "é" * 200, "${x}", "{}", "*",
    "-only -those", '"a" "b" -"c" -d e', "\u200b", "#theme:housing", "@ca", "~card", "x:card", "c++",
    "http://a/b?c=d", "ǆ", "ﬃ", "١٢",
)  # fmt: skip


@pytest.mark.parametrize("caller", [None, "city:ca-montreal", "operator"])
async def test_bears_everything(client: AsyncClient, ids: dict[str, str], token: Token, caller: str | None) -> None:
    headers = await token(caller) if caller else {}
    for q in HOSTILE:
        for path in ("/v1/practices", "/v1/practices/facets", "/v1/practices.ndjson", "/v1/exchange-requests"):
            response = await client.get(path, params={"q": q}, headers=headers)
            assert response.status_code == 200, (path, q, response.text)
    assert ids


@pytest.mark.parametrize("q", ["", " ", "a" * 401, "\x00", "\x1b"])
async def test_refuses_what_is_no_text(client: AsyncClient, q: str) -> None:
    response = await client.get("/v1/practices", params={"q": q})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"]


async def test_finds_only_what_the_caller_sees(client: AsyncClient, token: Token) -> None:
    owner, other = await token("city:ca-montreal"), await token("city:gb-bristol")
    await make_practice(client, owner, publish=False, title="Quokka draft")
    await make_practice(client, owner, title="Quokka among members", visibility="members")
    titles = {}
    for name, headers in (("nobody", {}), ("other", other), ("owner", owner)):
        answer = await client.get("/v1/practices?q=quokka", headers=headers)
        titles[name] = [item["title"] for item in answer.json()["items"]]
        facets = (await client.get("/v1/practices/facets?q=quokka", headers=headers)).json()
        assert facets["total"] == len(titles[name])
    assert titles == {"nobody": [], "other": ["Quokka among members"], "owner": ["Quokka among members"]}
    drafts = await client.get("/v1/practices?q=quokka&status=draft", headers=owner)
    assert [item["title"] for item in drafts.json()["items"]] == ["Quokka draft"]


async def test_a_hidden_word_does_not_change_what_others_find(client: AsyncClient, token: Token) -> None:
    headers = await token("city:ca-montreal")
    await make_practice(client, headers, title="Quokkas")
    before = (await client.get("/v1/practices?q=quokkaz")).json()["items"]
    assert len(before) == 1
    await make_practice(client, headers, title="Quokkaz", visibility="members")
    assert (await client.get("/v1/practices?q=quokkaz")).json()["items"] == before


async def test_finds_translations(client: AsyncClient, database: Database, ids: dict[str, str]) -> None:
    roof = next(id_ for id_, name in ids.items() if name == "roof")
    texts = '{"title": "Ein Dach zuerst", "description": "Wohnungen stehen leer."}'
    insert = "INSERT INTO practice_translation (practice_id, language, status, texts) VALUES ($1, 'de', 'human', $2)"
    await database.execute(insert, roof, texts)
    assert await found(client, ids, "Dächer") == ["roof"]
    assert await found(client, ids, "leerstehen steht leer") == ["roof"]
    await database.execute("DELETE FROM practice_translation")
    assert await found(client, ids, "Dächer") == []


async def test_follows_changes(client: AsyncClient, token: Token, ids: dict[str, str]) -> None:
    headers = await token("city:ca-montreal")
    made = await make_practice(client, headers, title="Quokkas")
    path = f"/v1/practices/{made['id']}"
    patched = await client.patch(path, json={"title": "Numbats"}, headers={**headers, "If-Match": "*"})
    assert patched.status_code == 200
    assert await found(client, {**ids, made["id"]: "new"}, "quokkas") == []
    assert await found(client, {**ids, made["id"]: "new"}, "numbats") == ["new"]


async def test_a_new_synonym_holds_for_all_records_at_once(
    client: AsyncClient, token: Token, ids: dict[str, str]
) -> None:
    assert await found(client, ids, "bluffkarte") == []
    tag = {"scheme": "theme", "code": "bluff", "label": "Bluff cards", "synonyms": {"de": ["Bluffkarte"]}}
    headers = await token("network:mmc")
    assert (await client.post("/v1/tags", json=tag, headers=headers)).status_code == 201
    made = await make_practice(client, await token("city:ca-montreal"), tags=["theme:bluff"])
    assert await found(client, {**ids, made["id"]: "new"}, "bluffkarte") == ["new"]


async def test_more_than_are_ranked_are_all_found_once(
    client: AsyncClient, bare: AsyncClient, database: Database
) -> None:
    await database.execute(
        "INSERT INTO practice (title, summary, language, city_id, status, published_at, listed_at, id)"
        " SELECT CASE WHEN n % 100 = 0 THEN 'Wombats' ELSE 'A record' END, 'Of wombats', 'en', 'ca-montreal',"
        " 'published', now(), now(), gen_random_uuid() FROM generate_series(1, 720) n"
    )
    listed: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await client.get(f"/v1/practices?q=wombat&limit=100{cursor}")).json()
        listed += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [item["title"] for item in listed[:8]] == ["Wombats"] * 7 + ["A record"]
    ids = [item["id"] for item in listed]
    assert len(ids) == len(set(ids)) == 720
    lines = (await bare.get("/v1/practices.csv?q=wombat")).text.splitlines()[1:]
    assert [line[:36] for line in lines] == ids
    assert (await client.get("/v1/practices/facets?q=wombat")).json()["total"] == 720


async def test_a_draft_is_found_as_soon_as_it_is_made_or_changed(
    client: AsyncClient, token: Token, database: Database
) -> None:
    headers, other = await token("city:ca-montreal"), await token("city:gr-athens")
    drafts = "/v1/practices?status=draft&q="

    async def found_ones(word: str, asker: Headers = headers) -> list[str]:
        answer = (await client.get(drafts + word, headers=asker)).json()["items"]
        facets = (await client.get(f"/v1/practices/facets?status=draft&q={word}", headers=asker)).json()
        file = (await client.get(f"/v1/practices.ndjson?status=draft&q={word}", headers=asker)).text
        assert facets["total"] == len(answer) == len(file.splitlines())
        return [item["id"] for item in answer]

    made = await make_practice(client, headers, publish=False, title="Quokka", description="A wombat, too.")
    path = f"/v1/practices/{made['id']}"
    assert await found_ones("quokka") == await found_ones("wombats") == [made["id"]]
    assert await found_ones("quokka", other) == []
    changed = await client.patch(path, json={"title": "Numbat"}, headers={**headers, "If-Match": '"1-o"'})
    assert changed.status_code == 200
    assert (await found_ones("quokka"), await found_ones("numbat")) == ([], [made["id"]])
    assert await database.value("SELECT count(*) FROM search_due") == 0
    # What is published is indexed in the same transaction, though its draft was never searched.
    await client.patch(path, json={"title": "Bilby"}, headers={**headers, "If-Match": '"2-o"'})
    await client.post(f"{path}/transitions", json={"to": "published"}, headers=headers)
    assert [item["id"] for item in (await client.get("/v1/practices?q=bilby")).json()["items"]] == [made["id"]]
    # What is gone leaves nothing behind.
    gone = await make_practice(client, headers, publish=False)
    await client.delete(f"/v1/practices/{gone['id']}", headers={**headers, "If-Match": "*"})
    async with database.transaction() as connection:
        assert await index_drafts(connection) == 1
        assert await index_drafts(connection) == 0
    assert await database.value("SELECT count(*) FROM search_due") == 0


async def test_an_index_never_shows_an_older_text_than_the_draft(
    client: AsyncClient, token: Token, database: Database
) -> None:
    """The clock works beside a writer who has not committed: it leaves that draft to the next turn."""
    headers = await token("city:ca-montreal")
    held, free = [(await make_practice(client, headers, publish=False, title="Quokka"))["id"] for _ in range(2)]
    async with database.transaction() as writer:
        await writer.execute("UPDATE practice SET title = 'Numbat' WHERE id = $1", held)
        async with database.transaction() as clock:
            assert await index_drafts(clock) == 1
        assert await database.value("SELECT array_agg(practice_id::text) FROM practice_search") == [free]
    async with database.transaction() as clock:
        assert await index_drafts(clock) == 2
    found = "SELECT array_agg(practice_id::text) FROM practice_search WHERE vector @@ 'numbat'"
    assert await database.value(found) == [held]
    assert await database.value("SELECT count(*) FROM search_due") == 0


async def test_the_clock_takes_drafts_that_waited_for_long_or_are_many(
    client: AsyncClient, token: Token, database: Database
) -> None:
    headers = await token("city:ca-montreal")

    async def turn() -> int:
        async with database.transaction() as connection:
            return await index_waiting_drafts(connection)

    made = await make_practice(client, headers, publish=False, title="Quokka")
    assert await turn() == 0
    await database.execute("UPDATE search_due SET noted_at = now() - interval '11 minutes'")
    await make_practice(client, headers, publish=False, title="Quokka")
    assert (await turn(), await turn()) == (2, 0)
    # However often one is changed, no more than a search works off at once is left to wait.
    again = "INSERT INTO search_due (practice_id) SELECT $1 FROM generate_series(1, $2)"
    await database.execute(again, made["id"], MOST_BATCHES * BATCH)
    assert await turn() == 0
    await database.execute(again, made["id"], 1)
    assert (await turn(), await turn()) == (BATCH, 0)
