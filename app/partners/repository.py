"""Harvests a repository by OAI-PMH 2.0: whole first, then what changed, and what was deleted where it tells."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lxml import etree

from app.database import Connection
from app.fields import IDENTIFIER_LENGTH
from app.partners import whole_record
from app.partners.batches import Batch, Change, ResyncError
from app.partners.dublin_core import Places, places, practice_of
from app.partners.remote import Answer, Remote, RemoteError
from app.resources.oai.formats import NAMESPACE

OAI = "{http://www.openarchives.org/OAI/2.0/}"
METADATA_PREFIX = "oai_dc"
TOKEN_LENGTH = 4_000
# A repository may stamp a record before it shows it: the next harvest begins a little before this one did.
MOST_RESTARTS = 3
OVERLAP = timedelta(minutes=10)
SECONDS, DAYS = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"
Element = etree._Element  # noqa: SLF001 - lxml has no other name for it


class ProtocolError(Exception):
    """The repository answers with an error of the protocol; `code` is its code."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code."""
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class State:
    """Where a harvest stands: `since`, what it asks for; `token`, the page it is at; `began`, when, by their clock."""

    since: str | None = None
    token: str | None = None
    began: str | None = None


class Repository:
    """The records of a repository: whole ones of an exchange, else as far as Dublin Core tells what a practice is."""

    waits = False

    def __init__(
        self, remote: Remote, prefix: str, chosen: str | None, places: Places, *, is_granular: bool, tells: bool
    ) -> None:
        """Take the partner.

        Args:
            remote: at the repository's base URL.
            prefix: of the format to ask for.
            chosen: the set to harvest.
            places: finds the cities that records name.
            is_granular: its stamps have seconds.
            tells: it tells of deleted records; one that does not is harvested whole each time.
        """
        self._remote = remote
        self._prefix = prefix
        self._set = chosen
        self._places = places
        self._form = SECONDS if is_granular else DAYS
        self.always_whole = not tells
        self._began_anew = 0

    async def following(self, position: str | None, wait: int) -> Batch:  # noqa: ARG002 - a repository does not wait
        """The next page of the harvest."""
        state = State(**json.loads(position)) if position else State()
        try:
            root = await ask(self._remote, self._arguments(state))
        except ProtocolError as reason:
            if reason.code == "noRecordsMatch":
                return Batch([], self._finished(state), is_last=True)
            if reason.code == "badResumptionToken" and state.token is not None:
                # Tokens do not last; the pages before are taken once more and are unchanged.
                self._began_anew += 1
                if self._began_anew > MOST_RESTARTS:
                    message = f"{self._remote.url} does not honour its own resumptionToken, again and again."
                    raise RemoteError(message) from reason
                return Batch([], json.dumps(asdict(State(state.since))), is_last=False)
            message = f"{self._remote.url} answers {reason.code}: {reason}"
            raise RemoteError(message) from reason
        state.began = state.began or root.findtext(f"{OAI}responseDate")
        changes = list(self._changes(root))
        token = (root.findtext(f".//{OAI}resumptionToken") or "").strip()
        if not token:
            return Batch(changes, self._finished(state), is_last=True)
        if len(token) > TOKEN_LENGTH or token == state.token:
            message = f"{self._remote.url} gives a resumptionToken that leads nowhere."
            raise RemoteError(message)
        state.token = token
        return Batch(changes, json.dumps(asdict(state)), is_last=False)

    def _arguments(self, state: State) -> dict[str, str]:
        if state.token is not None:
            return {"verb": "ListRecords", "resumptionToken": state.token}
        given = {"verb": "ListRecords", "metadataPrefix": self._prefix, "set": self._set, "from": state.since}
        return {name: value for name, value in given.items() if value}

    def _finished(self, state: State) -> str:
        """The position after the last page: what is stamped from a little before it began."""
        try:
            began = datetime.strptime(state.began or "", SECONDS).replace(tzinfo=UTC)
        except ValueError:
            # Without a usable clock of theirs the next harvest asks for the same again.
            return json.dumps(asdict(State(state.since)))
        return json.dumps(asdict(State(since=(began - OVERLAP).strftime(self._form))))

    def _changes(self, root: Element) -> Iterator[Change]:
        for record in root.iterfind(f"{OAI}ListRecords/{OAI}record"):
            header = record.find(f"{OAI}header")
            identifier = (header.findtext(f"{OAI}identifier") or "").strip() if header is not None else ""
            if header is None or not 0 < len(identifier) <= IDENTIFIER_LENGTH:
                continue
            if header.get("status") == "deleted":
                yield Change("practice", identifier, None)
                continue
            metadata = record.find(f"{OAI}metadata")
            content = metadata[0] if metadata is not None and len(metadata) else None
            if content is None:
                yield Change("practice", identifier, {}, "The record has no metadata.")
                continue
            sets = [spec.text or "" for spec in header.iterfind(f"{OAI}setSpec")]
            is_whole = whole_record.is_whole(content)
            found = whole_record.practice_of(content) if is_whole else practice_of(content, sets, self._places)
            yield Change("practice", identifier, found)


async def open_repository(
    connection: Connection, remote: Remote, chosen: str | None, city: str | None
) -> Repository | None:
    """The repository at this address; None if there is none.

    Args:
        connection: to find the cities that records name.
        remote: at the address.
        chosen: the set to harvest.
        city: of records that name none of ours.

    Raises:
        RemoteError: the repository breaks off in the midst of telling about itself.
    """
    facts = await _identify(remote)
    if facts is None:
        return None
    prefix, known = await _best_format(remote), await places(connection, city)
    return Repository(remote, prefix, chosen, known, is_granular=facts[0], tells=facts[1])


async def _identify(remote: Remote) -> tuple[bool, bool] | None:
    """Whether stamps have seconds, and whether deleted records are told; None: that is no repository."""
    try:
        root = await ask(remote, {"verb": "Identify"})
    except (RemoteError, ProtocolError):
        return None
    granularity = root.findtext(f".//{OAI}granularity") or ""
    return "hh" in granularity, (root.findtext(f".//{OAI}deletedRecord") or "no") in {"persistent", "transient"}


async def _best_format(remote: Remote) -> str:
    """The prefix of the format of exchanges where the repository has it, else that of Dublin Core."""
    try:
        root = await ask(remote, {"verb": "ListMetadataFormats"})
    except ProtocolError:
        return METADATA_PREFIX
    for entry in root.iterfind(f".//{OAI}metadataFormat"):
        if entry.findtext(f"{OAI}metadataNamespace") == NAMESPACE and (
            prefix := entry.findtext(f"{OAI}metadataPrefix")
        ):
            return prefix
    return METADATA_PREFIX


async def ask(remote: Remote, arguments: dict[str, Any]) -> Element:
    """One request of the protocol.

    Raises:
        ProtocolError: an error of the protocol.
        RemoteError: no answer, or none that is XML of the protocol.
    """
    answer = await remote.get("", arguments)
    root = _parsed(remote, answer)
    error = root.find(f"{OAI}error")
    if error is not None:
        code = error.get("code") or "error"
        if code == "badResumptionToken" and "resumptionToken" not in arguments:
            raise ResyncError
        raise ProtocolError(code, (error.text or "").strip())
    return root


def _parsed(remote: Remote, answer: Answer) -> Element:
    if answer.status != 200:  # noqa: PLR2004 - OK
        message = f"{remote.url} answers {answer.status}: {answer.says}"
        raise RemoteError(message)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_pis=True)
    try:
        root = etree.fromstring(answer.body, parser)
    except (etree.XMLSyntaxError, ValueError) as reason:
        message = f"{remote.url} does not answer with XML: {reason}"
        raise RemoteError(message) from reason
    document_type = getattr(root.getroottree().docinfo, "doctype", "")
    if document_type or root.tag != f"{OAI}OAI-PMH":
        message = f"{remote.url} does not answer as OAI-PMH 2.0 does."
        raise RemoteError(message)
    return root
