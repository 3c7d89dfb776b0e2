"""Whatever is typed into a search: an answer, the same from all that answer it, each record once, marks that fit."""

import random
from typing import Any

import pytest
from httpx import AsyncClient

from app.loading import load_samples
from benchmarks.judging import judgements

SEED = 20_261_125
LONGEST = 400
PIECES = (
    *"'\"\\!&|<>()[]{}*:@#~^%_-+/=?.,;$`", " ", "  ", "\t", "\n", "<->", ":*", "''", '""', ' -"', "&&", "||", "!!",
    "\\'", "::tsquery", "a & b", "a <2> b", "$1", "%s", "{x}", "E'\\n'", "--", "/*", "*/", "<b>", "&amp;", "a@b.c",
    "http://a.b/c?d=e#f", "1e999", "-1", "0x0", "½", "²", "ß", "ﬃ", "İ", "ı", "ǆ", "Ω", "ς", "ـ", "ّ", "é", "e\u0301",
    "\u200b", "\u200f", "\u202e", "\ufeff", "\u00ad", "🦘", "👩‍👩‍👧", "𝓐", "外国人", "東京", "ประเทศ", "서울", "עברית",
    "عمّان", "للاجئين", "Київ", "Αθήνα", "gcm 15", "SDG 10.7", "the", "de", "und", "في", "housing", "refugees",
    "-migrants", '"one-stop shop"', "munic",
)  # fmt: skip


def typed(rng: random.Random) -> str:
    """Something between a question and noise."""
    parts = rng.choices(PIECES, k=rng.randrange(1, 40))
    return rng.choice(("", " ")).join(parts)[:LONGEST].strip() or "-"


def mistyped(rng: random.Random, question: str) -> str:
    """A question with some of its letters lost, doubled or in another's place."""
    letters = list(question)
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(letters))
        letters[place] = rng.choice(("", letters[place] * 2, rng.choice(PIECES)))
    return "".join(letters)[:LONGEST].strip() or "-"


@pytest.fixture
async def questions(database_url: str) -> list[str]:
    await load_samples(database_url)
    rng = random.Random(SEED)
    judged = [judged.q for judged in judgements("practices")]
    long = ("a ", "x", '"', "-", "(", "-a ", "migrants the city ", '"migrants" ', "外", "ﷺ")
    return [
        *(typed(rng) for _ in range(24)),
        *(mistyped(rng, question) for question in rng.sample(judged, 12)),
        *((piece * LONGEST)[:LONGEST].strip() for piece in long),
    ]


async def test_every_question_has_one_answer(client: AsyncClient, bare: AsyncClient, questions: list[str]) -> None:
    for q in questions:
        listed = await whole(client, q)
        lines = (await bare.get("/v1/practices.csv", params={"q": q})).text.splitlines()[1:]
        starts = [line[:36] for line in lines if line[:36] in set(listed)]
        assert list(dict.fromkeys(starts)) == listed, q
        facets = await client.get("/v1/practices/facets", params={"q": q})
        assert facets.json()["total"] == len(listed), q


async def whole(client: AsyncClient, q: str) -> list[str]:
    """All pages of a search; each record stands there once, and its marks are within its texts."""
    params: dict[str, Any] = {"q": q, "limit": 100}
    seen: list[str] = []
    while True:
        response = await client.get("/v1/practices", params=params)
        assert response.status_code == 200, (q, response.text)
        page = response.json()
        for item in page["items"]:
            seen.append(item["id"])
            for part in item["highlight"]:
                ends = [end for mark in part["marks"] for end in mark]
                assert ends == sorted(ends), (q, part)
                assert all(0 <= end <= len(part["text"]) for end in ends), (q, part)
                assert all(begin < end for begin, end in part["marks"]), (q, part)
        if page["next_cursor"] is None:
            assert len(seen) == len(set(seen)), q
            return seen
        params["cursor"] = page["next_cursor"]


async def test_other_lists_answer_everything_too(client: AsyncClient, questions: list[str]) -> None:
    for q in questions[::3]:
        for path in ("/v1/exchange-requests", "/v1/cities", "/v1/tags"):
            first, again = [await client.get(path, params={"q": q, "limit": 5}) for _ in range(2)]
            assert first.status_code == 200, (path, q, first.text)
            assert first.json()["items"] == again.json()["items"], (path, q)
