"""The forms in which one practice can be read beside JSON, chosen by Accept."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.resources.practices.files import CONTEXT, Row, creative_work
from app.resources.practices.markdown import markdown

LD_EXAMPLE: dict[str, Any] = {
    "@context": CONTEXT,
    "@type": "CreativeWork",
    "name": "Municipal identity card for every resident",
    "inLanguage": "en",
}


@dataclass(frozen=True, slots=True)
class Form:
    """A form of one record.

    Attributes:
        mark: tells its entity tags from those of other forms.
        write: makes it, from the address of the list and a row with `body`, `latitude` and `longitude`.
        documented: what the contract says of it.
    """

    mark: str
    write: Callable[[str, Row], str]
    documented: dict[str, Any]


def _linked_data(address: str, row: Row) -> str:
    return json.dumps({"@context": CONTEXT, **creative_work(address, row)}, ensure_ascii=False)


def _markdown(address: str, row: Row) -> str:
    return markdown(address, json.loads(row["body"]))


FORMS = {
    "application/ld+json": Form(
        "ld",
        _linked_data,
        {"schema": {"type": "object", "required": ["@context", "@type"]}, "example": LD_EXAMPLE},
    ),
    "text/markdown": Form(
        "md",
        _markdown,
        {"schema": {"type": "string"}, "example": "# Municipal identity card for every resident\n"},
    ),
}
