"""A practice as a Markdown document (RFC 7763), to be read, printed, or put into a page."""

import re
from collections.abc import Iterable
from typing import Any

SECTIONS = {
    "challenge": "Challenge",
    "description": "What was done",
    "results": "Results",
    "lessons": "Lessons",
    "what_failed": "What failed",
    "conditions": "Conditions",
}
MEANING = re.compile(r"([\\`*_{}\[\]<>#|~&!])")
# What begins a list, a rule or a heading where a line begins.
BEGINNING = re.compile(r"^(\d*)([-+=.)])")


def markdown(address: str, document: dict[str, Any]) -> str:
    """The document of a practice as Markdown.

    The six long texts are Markdown already and stand as they are; everything else is escaped.

    Args:
        address: the address of the list of practices.
        document: the practice as the caller may see it; a contact that it holds is shown.
    """
    parts = [f"# {_line(document['title'])}", _line(document["summary"] or "")]
    parts.append("\n".join(f"- **{name}:** {value}" for name, value in _facts(document) if value))
    parts += [f"## {title}\n\n{document[name]}" for name, title in SECTIONS.items() if document[name]]
    parts += [
        f"## {title}\n\n{entries}"
        for title, entries in (
            ("Indicators", _list(_indicator(entry) for entry in document["indicators"])),
            ("Resources", _list(f"[{_line(entry['title'])}](<{entry['url']}>)" for entry in document["resources"])),
        )
        if entries
    ]
    own = f"{address}/{document['id']}"
    parts.append(f"---\n\n<{own}>, version {document['version']}, licence {_line(document['license'])}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(document: dict[str, Any]) -> list[tuple[str, str]]:
    contact = document["contact"] or {}
    return [
        ("City", _city(document["city"])),
        ("Partner cities", ", ".join(map(_city, document["partner_cities"]))),
        ("Implemented by", ", ".join(_line(entry["name"]) for entry in document["implementers"])),
        ("Years", _years(document["year_start"], document["year_end"])),
        ("Stage", _line(document["stage"] or "")),
        ("Budget", _line(document["budget_band"] or "")),
        ("Tags", ", ".join(map(_line, document["tags"]))),
        ("Keywords", ", ".join(map(_line, document["keywords"]))),
        ("Offers", ", ".join(map(_line, document["offers"]))),
        ("Language", _line(document["language"])),
        ("Contact", ", ".join(_line(contact[name]) for name in ("unit", "email") if contact.get(name))),
    ]


def _years(start: int | None, end: int | None) -> str:
    if start and end:
        return f"{start} to {end}"
    return f"from {start}" if start else f"until {end}" if end else ""


def _city(city: dict[str, Any]) -> str:
    return f"{_line(city['name'])} ({city['country']})"


def _indicator(entry: dict[str, Any]) -> str:
    amount = " ".join(_line(str(entry[name])) for name in ("value", "unit") if entry[name] is not None)
    year = f" ({entry['year']})" if entry["year"] else ""
    source = f", [source](<{entry['source_url']}>)" if entry["source_url"] else ""
    return f"{_line(entry['name'])}: {amount}{year}{source}"


def _list(entries: Iterable[str]) -> str:
    return "\n".join(f"- {entry}" for entry in entries)


def _line(text: str) -> str:
    """Plain text in one line of Markdown, whatever it holds."""
    return BEGINNING.sub(r"\1\\\2", MEANING.sub(r"\\\1", " ".join(text.split())))
