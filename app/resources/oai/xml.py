"""The protocol's answers as XML 1.0."""

import re
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from app.database import Row

UNSPEAKABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/ http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">'
)
# What the schema of the scheme `oai` lets stand for a repository: a domain name.
DOMAIN = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*(\.[a-zA-Z][a-zA-Z0-9-]+)+")
IDENTIFIER_NAMESPACE = "http://www.openarchives.org/OAI/2.0/oai-identifier"


def element(name: str, text: str, **attributes: str) -> str:
    """An element with text; what XML 1.0 cannot hold is left out."""
    shown = "".join(f" {name}={quoteattr(UNSPEAKABLE.sub('', value))}" for name, value in attributes.items())
    return f"<{name}{shown}>{escape(UNSPEAKABLE.sub('', text))}</{name}>"


def answer(now: str, base: str, given: Mapping[str, str], content: str) -> bytes:
    """A whole answer; `given` are the arguments to repeat, none for badVerb and badArgument."""
    asked = element("request", base, **given)
    return f"{HEAD}{element('responseDate', now)}{asked}{content}</OAI-PMH>".encode("utf-8", "replace")


def resumption(token: str, cursor: int) -> str:
    """Where a list goes on, and how many were listed before; an empty token ends it."""
    return element("resumptionToken", token, cursor=str(cursor))


def header(row: Row, prefix: str) -> str:
    """The header of a record: its identifier, stamp and sets; of one that is gone, the sets it is gone from."""
    gone = "" if row["live"] else ' status="deleted"'
    specs = "".join(element("setSpec", spec) for spec in row["sets"])
    return (
        f"<header{gone}>{element('identifier', prefix + row['id'])}{element('datestamp', row['stamp'])}{specs}</header>"
    )


def record(row: Row, prefix: str, metadata: str) -> str:
    """A record with its metadata; without, when it is gone."""
    shown = f"<metadata>{metadata}</metadata>" if row["live"] else ""
    return f"<record>{header(row, prefix)}{shown}</record>"


def sets(rows: Sequence[tuple[str, str]]) -> str:
    """Sets: their specs and names."""
    return "".join(f"<set>{element('setSpec', spec)}{element('setName', name)}</set>" for spec, name in rows)


def identifiers(host: str, prefix: str) -> str:
    """How identifiers are made (the scheme `oai`), as a description of the repository; empty for a host without name.

    Args:
        host: the name of the repository.
        prefix: what all identifiers begin with.
    """
    if not DOMAIN.fullmatch(host):
        return ""
    parts = (
        ("scheme", "oai"),
        ("repositoryIdentifier", host),
        ("delimiter", ":"),
        ("sampleIdentifier", f"{prefix}01936a3e-9f00-7c3a-8d4e-2f6b1a9c0d7e"),
    )
    return (
        f'<description><oai-identifier xmlns="{IDENTIFIER_NAMESPACE}"'
        f' xsi:schemaLocation="{IDENTIFIER_NAMESPACE} {IDENTIFIER_NAMESPACE}.xsd">'
        f"{''.join(element(name, text) for name, text in parts)}</oai-identifier></description>"
    )
