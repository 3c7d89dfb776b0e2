"""The forms that a search takes as a file: CSV, NDJSON, GeoJSON, JSON-LD (schema.org) and Atom (RFC 4287)."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

from pydantic import Field

from app.resources.practices.parameters import PracticeFileQuery
from app.spreadsheets import csv_line, defused

FormatName = Annotated[Literal["csv", "ndjson", "geojson", "jsonld", "atom"], Field(examples=["csv"])]
Row = Mapping[str, Any]
COLUMNS = (
    "id", "title", "summary", "city_id", "city_name", "country", "language", "tags", "keywords", "offers",
    "year_start", "year_end", "stage", "budget_band", "evidence_level", "status", "published_at", "updated_at", "url",
)  # fmt: skip
UNSPEAKABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Within JSON text no other place looks like it: in a string the quotation marks are escaped.
UPDATED = re.compile(r'"updated_at":"([^"]+)"')
# Terms and types without an outside request: https://schema.org names the vocabulary and nothing is fetched from it.
CONTEXT: Mapping[str, Any] = {
    "@vocab": "https://schema.org/",
    "url": {"@type": "@id"},
    "license": {"@type": "@id"},
    "dateCreated": {"@type": "DateTime"},
    "datePublished": {"@type": "DateTime"},
    "dateModified": {"@type": "DateTime"},
}


@dataclass(frozen=True, slots=True)
class Format:
    """How a file of one kind is written.

    Attributes:
        media_type: its media type.
        head: its beginning, from the address of the list and the search.
        record: one record, from the address of the list and a row with `body`, `latitude` and `longitude`.
        between: what stands between two records.
        tail: its end, from when the newest of its records was changed; None: it has none.
        documented: what the contract says of it.
    """

    media_type: str
    head: Callable[[str, PracticeFileQuery], bytes]
    record: Callable[[str, Row], bytes]
    between: bytes
    tail: Callable[[str | None], bytes]
    documented: dict[str, Any] = field(default_factory=lambda: {"schema": {"type": "string"}})


def _csv_head(_: str, query: PracticeFileQuery) -> bytes:
    return (b"\xef\xbb\xbf" if query.bom else b"") + csv_line(COLUMNS).encode()


def _csv_record(address: str, row: Row) -> bytes:
    # Entries are defused one by one: where the list separator is the semicolon, each becomes a cell.
    document = json.loads(row["body"])
    city = document["city"]
    document |= {"city_id": city["id"], "city_name": city["name"], "country": city["country"]}
    document |= {name: "; ".join(map(defused, document[name])) for name in ("tags", "keywords", "offers")}
    document["url"] = f"{address}/{document['id']}"
    return csv_line(document[name] for name in COLUMNS).encode()


def _ndjson_record(_: str, row: Row) -> bytes:
    return f"{row['body']}\n".encode()


def _geojson_record(_: str, row: Row) -> bytes:
    document = json.loads(row["body"])
    place = [row["longitude"], row["latitude"]]
    point = None if None in place else {"type": "Point", "coordinates": place}
    feature = {"type": "Feature", "id": document["id"], "geometry": point, "properties": document}
    return json.dumps(feature, ensure_ascii=False).encode()


def _jsonld_record(address: str, row: Row) -> bytes:
    return json.dumps(creative_work(address, row), ensure_ascii=False).encode()


def creative_work(address: str, row: Row) -> dict[str, Any]:
    """A practice as a CreativeWork (https://schema.org/CreativeWork), without its context."""
    document = json.loads(row["body"])
    city = document["city"]
    home = address.removesuffix("/practices")
    place: dict[str, Any] = {"@type": "Place", "name": f"{city['name']}, {city['country']}"}
    if row["latitude"] is not None:
        place["geo"] = {"@type": "GeoCoordinates", "latitude": row["latitude"], "longitude": row["longitude"]}
    work = {
        "@type": "CreativeWork",
        "@id": f"{address}/{document['id']}",
        "url": f"{address}/{document['id']}",
        "identifier": document["id"],
        "name": document["title"],
        "abstract": document["summary"],
        "description": document["description"],
        "inLanguage": document["language"],
        "keywords": document["keywords"],
        "about": [{"@type": "DefinedTerm", "@id": f"{home}/tags/{tag}", "termCode": tag} for tag in document["tags"]],
        "creator": _government(home, city),
        "contributor": [_government(home, partner) for partner in document["partner_cities"]],
        "spatialCoverage": place,
        "temporalCoverage": _interval(document["year_start"], document["year_end"]),
        "citation": [{"@type": "CreativeWork", "name": e["title"], "url": e["url"]} for e in document["resources"]],
        "license": f"https://spdx.org/licenses/{document['license']}",
        "dateCreated": document["created_at"],
        "datePublished": document["published_at"],
        "dateModified": document["updated_at"],
        "version": document["version"],
    }
    return {name: value for name, value in work.items() if value not in (None, [])}


def _government(home: str, city: Mapping[str, Any]) -> dict[str, Any]:
    return {"@type": "GovernmentOrganization", "@id": f"{home}/cities/{city['id']}", "name": city["name"]}


def _interval(start: int | None, end: int | None) -> str | None:
    """Years as an ISO 8601 interval, open where one is not known."""
    return None if start is None and end is None else f"{start or '..'}/{end or '..'}"


def _atom_head(address: str, query: PracticeFileQuery) -> bytes:
    chosen = query.model_dump(mode="json", exclude_defaults=True)
    search = f"?{urlencode(chosen, doseq=True)}" if chosen else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>{escape(address + search)}</id>\n<title>Practices of cities for migrants and refugees</title>\n"
        f'<link rel="self" type="application/atom+xml" href={quoteattr(f"{address}.atom{search}")}/>\n'
        f'<link rel="alternate" href={quoteattr(address + search)}/>\n'
    ).encode()


def _atom_tail(newest: str | None) -> bytes:
    # The order of a feed's elements means nothing (RFC 4287, 4.1.1), and only at its end is it known how new it is.
    updated = newest or datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"<updated>{updated}</updated>\n</feed>\n".encode()


def _atom_record(address: str, row: Row) -> bytes:
    document = json.loads(row["body"])
    link = quoteattr(f"{address}/{document['id']}")
    language = quoteattr(document["language"])
    published = document["published_at"]
    parts = [
        f"<id>urn:uuid:{document['id']}</id>",
        f"<title xml:lang={language}>{_text(document['title'])}</title>",
        f"<updated>{document['updated_at']}</updated>",
        f"<published>{published}</published>" if published else "",
        f'<link rel="alternate" href={link}/>',
        f"<author><name>{_text(document['city']['name'])}</name></author>",
        *(f"<category term={quoteattr(tag)}/>" for tag in document["tags"]),
        f"<summary xml:lang={language}>{_text(document['summary'] or '')}</summary>",
        f"<rights>{_text(document['license'])}</rights>",
    ]
    return f"<entry>{''.join(parts)}</entry>\n".encode()


def _text(value: str) -> str:
    """Text within an element; what XML 1.0 cannot hold is left out."""
    return escape(UNSPEAKABLE.sub("", value))


def changed_at(body: str) -> str:
    """When a record was changed last, from its document as text."""
    found = UPDATED.search(body)
    return found[1] if found else ""


def _starts(text: str) -> Callable[[str, PracticeFileQuery], bytes]:
    return lambda _address, _query: text.encode()


def _ends(text: str) -> Callable[[str | None], bytes]:
    return lambda _newest: text.encode()


FORMATS: dict[str, Format] = {
    "csv": Format("text/csv", _csv_head, _csv_record, b"", _ends("")),
    "ndjson": Format("application/x-ndjson", _starts(""), _ndjson_record, b"", _ends("")),
    "geojson": Format(
        "application/geo+json",
        _starts('{"type":"FeatureCollection","features":[\n'),
        _geojson_record,
        b",\n",
        _ends("\n]}\n"),
        {"schema": {"type": "object"}, "example": {"type": "FeatureCollection", "features": []}},
    ),
    "jsonld": Format(
        "application/ld+json",
        _starts(f'{{"@context":{json.dumps(CONTEXT)},"@graph":[\n'),
        _jsonld_record,
        b",\n",
        _ends("\n]}\n"),
        {"schema": {"type": "object"}, "example": {"@context": CONTEXT, "@graph": []}},
    ),
    "atom": Format("application/atom+xml", _atom_head, _atom_record, b"", _atom_tail),
}
