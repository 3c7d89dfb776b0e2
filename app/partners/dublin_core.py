"""What simple Dublin Core tells of a practice: little, and in many ways; what it does not say is left open.

A record's city is found by its name among ours: in `creator`, `contributor`, `publisher` or `coverage`, within the
country that `coverage` or a set `country:XX` names. License terms that are no SPDX identifier become NOASSERTION.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from app.database import Connection
from app.fields import CONTROL, KEYWORD_LENGTH, MARKDOWN_LENGTH, SUMMARY_LENGTH, TITLE_LENGTH
from app.resources.practices.sources.schemas import BIRTH_SCHEME

DC = "{http://purl.org/dc/elements/1.1/}"
HOME = re.compile(r"https?://\S+/v1/practices/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}")
LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,39}")
CREATIVE_COMMONS = re.compile(r"https?://creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)/?.*")
PUBLIC_DOMAIN = re.compile(r"https?://creativecommons\.org/publicdomain/zero/1\.0/?.*")
MOST_KEYWORDS, MOST_TAGS = 30, 50
# ISO 639-2 codes that repositories use, for languages with a shorter one.
SHORTER = {
    "ara": "ar", "ben": "bn", "deu": "de", "ell": "el", "eng": "en", "fra": "fr", "fre": "fr", "ger": "de", "gre": "el",
    "hin": "hi", "ita": "it", "nld": "nl", "dut": "nl", "pol": "pl", "por": "pt", "rus": "ru", "spa": "es", "swe": "sv",
    "swa": "sw", "tur": "tr", "ukr": "uk", "urd": "ur", "zho": "zh", "chi": "zh",
}  # fmt: skip
Element = etree._Element  # noqa: SLF001 - lxml has no other name for it


@dataclass(frozen=True, slots=True)
class Places:
    """The cities and tags that there are: by what records may call them."""

    cities: Mapping[str, frozenset[str]]
    tags: frozenset[str]
    default: str | None

    def city(self, names: Sequence[str], countries: Sequence[str]) -> str | None:
        """The one city that goes by one of these names; else the default."""
        wanted = {country.lower() for country in countries}
        for name in names:
            found = self.cities.get(_folded(name), frozenset())
            near = {id_ for id_ in found if not wanted or id_[:2] in wanted}
            if len(near) == 1:
                return next(iter(near))
        return self.default


async def places(connection: Connection, default: str | None) -> Places:
    """What there is now; `default` is the city of records that name none of ours."""
    cities: dict[str, set[str]] = {}
    rows = await connection.fetch(
        "SELECT id, name FROM city UNION SELECT id, n.value FROM city, jsonb_each_text(names) n"
    )
    for row in rows:
        cities.setdefault(_folded(row["name"]), set()).add(row["id"])
    tags = frozenset(row["id"] for row in await connection.fetch("SELECT id FROM tag"))
    return Places({name: frozenset(ids) for name, ids in cities.items()}, tags, default)


def practice_of(metadata: Element, sets: Sequence[str], known: Places) -> dict[str, Any]:
    """A record as one that is brought in here; not checked yet."""

    def said(name: str) -> list[str]:
        texts = (_clean(element.text or "") for element in metadata.iterfind(f"{DC}{name}"))
        return [text for text in texts if text]

    title = (said("title") or [""])[0]
    texts = said("description")
    whole = "\n\n".join(texts)
    summary = texts[0] if texts else title
    languages, coverage = said("language"), said("coverage")
    codes = [text for text in coverage if re.fullmatch("[A-Z]{2}", text)]
    countries = codes or [spec.partition(":")[2] for spec in sets if re.fullmatch("country:[A-Za-z]{2}", spec)]
    people = [*said("creator"), *said("contributor"), *said("publisher"), *coverage]
    subjects = list(dict.fromkeys(said("subject")))
    links = [text for text in said("identifier") if re.match("https?://", text)]
    record: dict[str, Any] = {
        "title": _short(title, TITLE_LENGTH),
        "summary": _short(summary, SUMMARY_LENGTH) or None,
        "description": _short(whole, MARKDOWN_LENGTH) if len(whole) > SUMMARY_LENGTH else None,
        "language": _language(languages[0]) if languages else "en",
        "tags": [subject for subject in subjects if subject in known.tags][:MOST_TAGS],
        "keywords": [subject for subject in subjects if subject not in known.tags and len(subject) <= KEYWORD_LENGTH][
            :MOST_KEYWORDS
        ],
        "license": _licence(said("rights")),
        "city_id": known.city(people, countries),
        "source_url": links[0] if links else None,
    }
    births = [(match[1], link) for link in links if (match := HOME.fullmatch(link))]
    if births:
        record["external_ids"] = [{"scheme": BIRTH_SCHEME, "value": births[0][0], "url": births[0][1]}]
    return record


def _clean(text: str) -> str:
    """Text without control characters, in lines."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return CONTROL.sub(" ", text).strip()


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _language(text: str) -> str:
    text = text.replace("_", "-")
    return SHORTER.get(text.lower(), text) if LANGUAGE.fullmatch(text) else "en"


def _licence(rights: Sequence[str]) -> str:
    for text in rights:
        if match := CREATIVE_COMMONS.fullmatch(text):
            return f"CC-{match[1].upper()}-{match[2]}"
        if PUBLIC_DOMAIN.fullmatch(text):
            return "CC0-1.0"
        if LICENCE.fullmatch(text) and any(character in "-." for character in text):
            return text
    return "NOASSERTION"
