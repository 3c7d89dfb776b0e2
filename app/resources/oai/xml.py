"""The protocol's answers as XML 1.0."""

import re
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape, quoteattr

from app.database import Row

UNSPEAKABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/ http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">'
)
DUBLIN_CORE = (
    '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/oai_dc/'
    ' http://www.openarchives.org/OAI/2.0/oai_dc.xsd">'
)
FORMAT = (
    "<metadataFormat><metadataPrefix>oai_dc</metadataPrefix>"
    "<schema>http://www.openarchives.org/OAI/2.0/oai_dc.xsd</schema>"
    "<metadataNamespace>http://www.openarchives.org/OAI/2.0/oai_dc/</metadataNamespace></metadataFormat>"
)


def element(name: str, text: str, attributes: str = "") -> str:
    """An element with text; what XML 1.0 cannot hold is left out."""
    return f"<{name}{attributes}>{escape(UNSPEAKABLE.sub('', text))}</{name}>"


def answer(now: str, base: str, given: Mapping[str, str], content: str) -> bytes:
    """A whole answer; `given` are the arguments to repeat, none for badVerb and badArgument."""
    shown = "".join(f" {name}={quoteattr(UNSPEAKABLE.sub('', value))}" for name, value in given.items())
    return f"{HEAD}{element('responseDate', now)}{element('request', base, shown)}{content}</OAI-PMH>".encode()


def header(row: Row, prefix: str) -> str:
    """The header of a record: its identifier, stamp and sets."""
    sets: Iterable[str] = ()
    if row["live"]:
        sets = (
            f"country:{row['country']}",
            *(f"network:{network}" for network in row["networks"]),
            *(f"tag:{tag}" for tag in row["tags"]),
        )
    gone = "" if row["live"] else ' status="deleted"'
    specs = "".join(element("setSpec", spec) for spec in sets)
    return (
        f"<header{gone}>{element('identifier', prefix + row['id'])}{element('datestamp', row['stamp'])}{specs}</header>"
    )


def record(row: Row, prefix: str, address: str) -> str:
    """A record with its Dublin Core; without, when it is gone."""
    if not row["live"]:
        return f"<record>{header(row, prefix)}</record>"
    statements = [
        ("title", row["title"]),
        ("creator", row["city"]),
        *(("subject", subject) for subject in (*row["tags"], *row["keywords"])),
        ("description", row["summary"]),
        ("date", row["published"]),
        ("type", "Text"),
        ("identifier", f"{address}/v1/practices/{row['id']}"),
        ("language", row["language"]),
        ("coverage", row["country"]),
        ("rights", row["license"]),
    ]
    core = "".join(element(f"dc:{name}", text) for name, text in statements if text)
    return f"<record>{header(row, prefix)}<metadata>{DUBLIN_CORE}{core}</oai_dc:dc></metadata></record>"
