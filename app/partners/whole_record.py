"""The own format of exchanges in OAI-PMH: the whole record, so that nothing is guessed and what comes home is known."""

from typing import Any

from lxml import etree

from app.partners import exchange
from app.resources.oai.formats import ENTRIES, NAMESPACE

LISTS = {entry: member for member, entry in ENTRIES.items()}
WHOLE_NUMBERS = frozenset({"year", "year_start", "year_end", "months_to_implement", "beneficiaries", "evidence_level"})
NUMBERS = frozenset({"value", "staff_fte"})
# Under these a value is text, whatever it is called.
OF_TEXT = frozenset({"external_id", "origin"})
Element = etree._Element  # noqa: SLF001 - lxml has no other name for it


def is_whole(metadata: Element) -> bool:
    """Whether a record is in this format."""
    return bool(metadata.tag == f"{{{NAMESPACE}}}practice")


def practice_of(metadata: Element) -> dict[str, Any]:
    """A record as one that is brought in here; not checked yet."""
    document = _members(metadata)
    id_ = str(document.get("id") or "")
    base = str(document.get("url") or "").removesuffix(f"/v1/practices/{id_}")
    return exchange.practice_of(document, id_, base)


def _members(parent: Element) -> dict[str, Any]:
    members: dict[str, Any] = {}
    name_of_parent = etree.QName(parent).localname
    for child in parent:
        name = etree.QName(child).localname
        value = _members(child) if len(child) else _value(name, child.text or "", name_of_parent)
        if name in LISTS and name_of_parent == "practice":
            members.setdefault(LISTS[name], []).append(value)
        else:
            members[name] = value
    return members


def _value(name: str, text: str, parent: str) -> Any:
    """A text as the type that the member has; what does not fit stays text, and the check says so."""
    if name == "accepting_exchanges":
        return {"true": True, "false": False}.get(text, text)
    try:
        if name in WHOLE_NUMBERS:
            return int(text[:20])
        if name in NUMBERS and parent not in OF_TEXT:
            return float(text[:40])
    except ValueError:
        return text
    return text
