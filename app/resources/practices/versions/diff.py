"""What differs between two versions."""

import json
from collections.abc import Mapping
from difflib import unified_diff
from typing import Any

from app.resources.practices.documents import TEXTS
from app.resources.practices.versions.queries import COMPARED

# Comparing costs the product of the lines where few of them agree, and a text is a line a paragraph.
MOST_LINES = 400


def with_diff(row: Mapping[str, Any], before: int, after: int) -> str:
    """The document of a version, with what differs from another one to it.

    Args:
        row: `body` and `translations` of the version, `other_body` and `other_translations` of the other.
        before: the other's number.
        after: the version's number.
    """
    old, new = json.loads(row["other_body"]), json.loads(row["body"])
    fields = {name: _change(name, old[name], new[name]) for name in COMPARED if old[name] != new[name]}
    fields.pop("translations", None)
    was, is_now = json.loads(row["other_translations"]), json.loads(row["translations"])
    differing = sorted(language for language in was | is_now if was.get(language) != is_now.get(language))
    if differing:
        fields["translations"] = {
            "from": {language: was[language] for language in differing if language in was},
            "to": {language: is_now[language] for language in differing if language in is_now},
            "unified": None,
        }
    new["diff"] = {"from": before, "to": after, "fields": fields}
    return json.dumps(new, ensure_ascii=False, separators=(",", ":"))


def _change(name: str, old: Any, new: Any) -> dict[str, Any]:
    return {"from": old, "to": new, "unified": _unified(old or "", new or "") if name in TEXTS else None}


def _unified(old: str, new: str) -> str | None:
    """A unified diff of two texts of which one has several lines, and none too many."""
    lines = old.splitlines(), new.splitlines()
    if not 1 < max(map(len, lines)) <= MOST_LINES:
        return None
    return "\n".join(unified_diff(*lines, lineterm=""))
