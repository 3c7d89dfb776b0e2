"""Whether an answer is one of the protocol: against schemas of its facts, and our own format's as it is served."""

from pathlib import Path

from httpx import AsyncClient
from lxml import etree

SCHEMAS = Path(__file__).parent / "schemas"
OWN = Path(__file__).parents[3] / "app" / "resources" / "oai" / "practice.xsd"
O = "{http://www.openarchives.org/OAI/2.0/}"  # noqa: E741 - as short as the prefix that it stands for
PX = "{https://github.com/practice-exchange/practice-exchange/ns/practice/1.0}"
NAMESPACES = {
    "http://www.openarchives.org/OAI/2.0/": SCHEMAS / "protocol.xsd",
    "http://www.openarchives.org/OAI/2.0/oai_dc/": SCHEMAS / "dublin_core.xsd",
    "http://www.openarchives.org/OAI/2.0/oai-identifier": SCHEMAS / "identifier.xsd",
    PX.strip("{}"): OWN,
}
PARSER = etree.XMLParser(resolve_entities=False, no_network=True)
IMPORTS = "".join(
    f'<xs:import namespace="{namespace}" schemaLocation="{path.as_uri()}"/>' for namespace, path in NAMESPACES.items()
)
SCHEMA = etree.XMLSchema(
    etree.fromstring(f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{IMPORTS}</xs:schema>', PARSER)
)


def valid(content: bytes) -> etree._Element:
    """The answer's root; AssertionError when the schemas do not allow it."""
    root = etree.fromstring(content, PARSER)
    SCHEMA.validate(root)
    assert not SCHEMA.error_log, f"{SCHEMA.error_log}\n{content.decode()[:3000]}"
    for record in root.iter(f"{O}record"):
        is_gone = record[0].get("status") == "deleted"
        assert (record.find(f"{O}metadata") is None) == is_gone
    return root


async def ask(bare: AsyncClient, query: str) -> etree._Element:
    """Ask the harvester's way; gives the root of the answer, which is valid."""
    answer = await bare.get(f"/oai?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    return valid(answer.content)


def error_of(root: etree._Element) -> str | None:
    """The code of the answer's error, None where there is none."""
    found = root.find(f"{O}error")
    return None if found is None else found.get("code")


async def listed(
    bare: AsyncClient, query: str, verb: str = "ListIdentifiers", prefix: str = "oai_dc"
) -> list[etree._Element]:
    """The headers of a whole list, page after page; none where nothing matches."""
    headers: list[etree._Element] = []
    asked = f"verb={verb}&metadataPrefix={prefix}&{query}"
    while True:
        root = await ask(bare, asked)
        if error_of(root) == "noRecordsMatch":
            return headers
        page = list(root.iter(f"{O}header"))
        assert page
        token = root.find(f"{O}{verb}/{O}resumptionToken")
        if token is not None:
            assert int(token.get("cursor", "-1")) == len(headers)
        headers += page
        if token is None or not token.text:
            return headers
        asked = f"verb={verb}&resumptionToken={token.text}"


def live(headers: list[etree._Element]) -> set[str]:
    """The ids of the records that are there, as a harvester holds them who has followed all."""
    return _followed(headers)[0]


def gone(headers: list[etree._Element]) -> set[str]:
    """The ids of the records that are told as deleted."""
    return _followed(headers)[1]


def sets_of(header: etree._Element) -> list[str]:
    """The sets that a header lists."""
    return [element.text or "" for element in header.iter(f"{O}setSpec")]


def id_of(header: etree._Element) -> str:
    """The practice's id."""
    return (header.findtext(f"{O}identifier") or "").rpartition(":")[2]


def _followed(headers: list[etree._Element]) -> tuple[set[str], set[str]]:
    told = {id_of(header): header.get("status") for header in headers}
    return {id_ for id_ in told if not told[id_]}, {id_ for id_ in told if told[id_]}
