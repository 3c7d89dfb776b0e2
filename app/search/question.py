"""What a person typed, taken apart."""

import re
from dataclasses import dataclass

TOKEN = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')


@dataclass(frozen=True, slots=True)
class Question:
    """What was typed, taken apart.

    Attributes:
        words: the words that are wanted, those of phrases among them.
        phrases: what must stand in the record as it is.
        excluded: words and phrases that must not.
        is_open: the last word may be unfinished.
    """

    words: str
    phrases: tuple[str, ...]
    excluded: tuple[str, ...]
    is_open: bool

    @classmethod
    def of(cls, text: str) -> "Question":
        """Take apart what was typed: words, `"phrases"`, `-without`. No text is wrong; quotes may stay open."""
        words: list[str] = []
        phrases: list[str] = []
        excluded: list[str] = []
        is_open = False
        for token in TOKEN.finditer(text):
            phrase, word = token["phrase"], token["word"]
            given = word if phrase is None else phrase
            if not any(map(str.isalnum, given)):
                continue
            if token["minus"]:
                excluded.append(given)
                continue
            words.append(given)
            is_open = phrase is None and token.end() == len(text)
            if phrase is not None:
                phrases.append(given)
        return cls(" ".join(words), tuple(phrases), tuple(excluded), is_open)
