"""Where a record's texts have the words that were searched: as offsets, so that no text of a record becomes markup."""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field

from app.fields import Output

EXCERPT = 240
BEFORE = 60
MOST_MARKS = 50
SHORTEST_STEM = 4
SHORT = frozenset({"title", "summary"})
MARK: dict[str, Any] = {"field": "title", "text": "Municipal identity card", "marks": [[0, 9], [10, 18]]}


class Highlight(Output):
    """A text of the record, or a part of it, and where it has what was searched."""

    field: str = Field(description="`title`, `summary` or another text; `tags` or `city`: found by what it names.")
    text: str = Field(description="Plain text, never markup.")
    marks: list[Annotated[tuple[int, int], Field(json_schema_extra={"items": {"type": "integer"}})]] = Field(
        description="Begin and end in `text`, in Unicode code points."
    )


class _Plain(dict[int, str]):
    """Each character in lower case and without its accent; a text keeps its length, so that offsets hold."""

    def __missing__(self, code: int) -> str:
        base = unicodedata.normalize("NFKD", chr(code))[0].lower()
        self[code] = found = ONE_FORM.get(base, base[:1])
        return found


ONE_FORM = {"ى": "ي", "ة": "ه", "ς": "σ"}  # noqa: RUF001 - as the vectors have them
PLAIN = _Plain()


# What stands between or over letters without being one: accents by themselves, vowel signs, the line that stretches.
OVER = "[\u0300-\u036f\u0640\u064b-\u065f\u0670]*"
# What is written in one with an Arabic word, and letters of scripts that know no blanks (as the vectors have them).
JOINED = "(?:[وفبك]?ال|لل|[وفبل])?"
ARABIC = re.compile("[ء-ي]")
UNSPACED = re.compile("[ぁ-ヿ㐀-䶿一-鿿豈-﫿ก-๛ກ-ໟက-႟ក-៿]")


@lru_cache(maxsize=256)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Finds the words, longest first; a long stem also with an ending."""
    listed = sorted(words, key=len, reverse=True)
    forms = "|".join(_form(word) for word in listed if not UNSPACED.search(word))
    letters = "|".join(re.escape(word) for word in listed if UNSPACED.search(word))
    spaced = rf"(?<![^\W_])(?:{forms})(?![^\W_])" if forms else ""
    return re.compile("|".join(part for part in (spaced, letters and f"(?:{letters})+") if part))


def _form(word: str) -> str:
    ending = r"[^\W_]{0,4}" if len(word) >= SHORTEST_STEM else ""
    return (JOINED if ARABIC.match(word) else "") + "".join(re.escape(letter) + OVER for letter in word) + ending


def found(row: Mapping[str, Any]) -> str:
    """The document of a row that a search by words gave (see `app.search.marks`), with its highlight."""
    named = {"tags": row["tags"], "city": [row["city"]] if row["is_place"] else []}
    marks = highlight(json.loads(row["texts"]).items(), named, row["words"] or ())
    return f'{row["body"][:-1]},"highlight":{json.dumps(marks, ensure_ascii=False)}}}'


def highlight(
    texts: Iterable[tuple[str, str | None]], named: Mapping[str, Sequence[str]], words: Sequence[str]
) -> list[dict[str, Any]]:
    """The marks of a record: in title and summary, or else in the first text that has any; then what is named.

    Args:
        texts: name and text of each field, the most telling first.
        named: values of a field that the search names, by field; each is marked whole.
        words: the words and stems that are searched, without accents.
    """
    found: list[dict[str, Any]] = []
    pattern = _pattern(tuple(words)) if words else None
    for field, text in texts:
        if pattern is None or text is None or (found and field not in SHORT):
            continue
        if marks := [match.span() for match in pattern.finditer(text.translate(PLAIN))][:MOST_MARKS]:
            found.append((_whole if field in SHORT else _excerpt)(field, text, marks))
    found += [_whole(field, value, [(0, len(value))]) for field, values in named.items() for value in values]
    return found


def _whole(field: str, text: str, marks: list[tuple[int, int]]) -> dict[str, Any]:
    return {"field": field, "text": text, "marks": marks}


def _excerpt(field: str, text: str, marks: list[tuple[int, int]]) -> dict[str, Any]:
    """A long text around its first mark, from the beginning of a word to the end of one."""
    start = max(0, marks[0][0] - BEFORE)
    start = text.find(" ", start, marks[0][0]) + 1 if start else 0
    part = text[start : start + EXCERPT]
    inside = [(begin - start, end - start) for begin, end in marks if end - start <= len(part) and begin >= start]
    return _whole(field, part, inside)
