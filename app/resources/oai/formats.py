"""The metadata formats: unqualified Dublin Core, which the protocol asks for, and `px`, the whole record."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from app.database import Row
from app.resources.oai.xml import element

# Names the format for ever; where its schema lies depends on who serves it.
NAMESPACE = "https://github.com/practice-exchange/practice-exchange/ns/practice/1.0"
SCHEMA_PATH = "/oai/schemas/practice.xsd"
DUBLIN_CORE = "http://www.openarchives.org/OAI/2.0/oai_dc"
# An array of the JSON document is a run of elements, each named for one entry.
ENTRIES = {
    "translations": "translation",
    "tags": "tag",
    "keywords": "keyword",
    "resources": "resource",
    "partner_cities": "partner_city",
    "implementers": "implementer",
    "indicators": "indicator",
    "offers": "offer",
    "endorsements": "endorsement",
    "external_ids": "external_id",
    "origins": "origin",
    "networks": "network",
}
# What is for members, and what depends on who asks.
LEFT_OUT = ("contact", "allowed_transitions")


def formats(base: str) -> str:
    """The formats, as ListMetadataFormats tells them; `base` is the address of the service."""
    known = (
        ("oai_dc", f"{DUBLIN_CORE}.xsd", f"{DUBLIN_CORE}/"),
        ("px", f"{base}{SCHEMA_PATH}", NAMESPACE),
    )
    return "".join(
        f"<metadataFormat>{element('metadataPrefix', prefix)}{element('schema', schema)}"
        f"{element('metadataNamespace', namespace)}</metadataFormat>"
        for prefix, schema, namespace in known
    )


def dublin_core(row: Row, base: str) -> str:
    """A record as Dublin Core; what is written in its language says so."""
    language = row["language"]
    implementers = [entry["name"] for entry in json.loads(row["implementers"])]
    statements: list[tuple[str, str | None, dict[str, str]]] = [
        ("title", row["title"], {"xml:lang": language}),
        ("creator", row["city"], {}),
        *(("subject", subject, {}) for subject in (*row["tags"], *row["keywords"])),
        ("description", row["summary"], {"xml:lang": language}),
        *(("contributor", name, {}) for name in (*row["partners"], *implementers)),
        ("date", row["published"], {}),
        ("type", "Text", {}),
        ("identifier", f"{base}/v1/practices/{row['id']}", {}),
        ("language", language, {}),
        *(("relation", entry["url"], {}) for entry in json.loads(row["resources"])),
        ("coverage", row["city"], {}),
        ("coverage", row["country"], {}),
        ("rights", row["license"], {}),
    ]
    core = "".join(element(f"dc:{name}", text, **attributes) for name, text, attributes in statements if text)
    return (
        f'<oai_dc:dc xmlns:oai_dc="{DUBLIN_CORE}/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        f' xsi:schemaLocation="{DUBLIN_CORE}/ {DUBLIN_CORE}.xsd">{core}</oai_dc:dc>'
    )


def practice(row: Row, base: str) -> str:
    """The whole public record: the members of its JSON document as elements of the same names, null ones left out.

    Translations bring their texts.
    """
    document = json.loads(row["body"])
    original = {"language": document["language"], "status": "original"}
    translations = [
        {"language": entry["language"], "status": entry["status"], **entry["texts"]}
        for entry in json.loads(row["translations"])
    ]
    document["translations"] = [original, *translations]
    address = element("url", f"{base}/v1/practices/{row['id']}")
    members = "".join(_member(name, value) for name, value in document.items() if name not in LEFT_OUT)
    return (
        f'<practice xmlns="{NAMESPACE}" xsi:schemaLocation="{NAMESPACE} {base}{SCHEMA_PATH}">'
        f"{address}{members}</practice>"
    )


WRITERS: Mapping[str, Callable[[Row, str], str]] = {"oai_dc": dublin_core, "px": practice}


def _member(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "".join(_member(ENTRIES[name], entry) for entry in value)
    if isinstance(value, dict):
        return f"<{name}>{''.join(_member(part, of) for part, of in value.items())}</{name}>"
    if isinstance(value, bool):
        return element(name, "true" if value else "false")
    return element(name, str(value))
