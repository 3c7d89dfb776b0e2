"""What each verb answers."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app.database import Database, Row
from app.errors import InvalidCursor
from app.feed import FeedType, stamp
from app.paging import Cursors
from app.resources.oai import protocol, queries, xml
from app.resources.oai.formats import WRITERS, formats
from app.resources.oai.protocol import ProtocolError
from app.resources.oai.queries import HEADER, Shown
from app.resources.oai.sets import name_of

PAGES = {"ListRecords": 100, "ListIdentifiers": 500, "ListSets": 200}
# So often is stamped before a harvest goes on: a great load leaves more marks than one stamping takes.
STAMPINGS = 5
EMAIL = re.compile(r"(?:mailto:)?([^\s@?:/]+@[^\s@?.]+(?:\.[^\s@?.]+)+)(?:\?.*)?")
practice: list[FeedType] = []


@dataclass(slots=True)
class Harvest:
    """One request of a harvester.

    Attributes:
        database: where the records are.
        cursors: makes and reads resumption tokens.
        base: the address of the service.
        contact: who looks after it: a URL, or a mail address.
        date: the responseDate. What a list of records does not show yet is stamped at this time or later, so that
            nobody who harvests from there on misses anything.
    """

    database: Database
    cursors: Cursors
    base: str
    contact: str
    date: str

    async def content(self, given: dict[str, str]) -> str:
        """The verb's element, from arguments that `protocol.arguments` has checked.

        Raises:
            ProtocolError: what the protocol answers with an error.
        """
        verb = given["verb"]
        if verb == "Identify":
            return await self._identify()
        if verb == "ListMetadataFormats":
            return await self._formats(given.get("identifier"))
        if verb == "ListSets":
            return await self._sets(given.get("resumptionToken"))
        if verb == "GetRecord":
            return await self._record(given)
        return await self._records(given)

    @property
    def _host(self) -> str:
        return urlsplit(self.base).hostname or "localhost"

    @property
    def _prefix(self) -> str:
        return f"oai:{self._host}:"

    async def _identify(self) -> str:
        row = await self.database.row(*queries.earliest().flat)
        facts = (
            ("repositoryName", "Practice Exchange"),
            ("baseURL", f"{self.base}/oai"),
            ("protocolVersion", "2.0"),
            ("adminEmail", _mail_address(self.contact, self._host)),
            ("earliestDatestamp", row["stamp"] if row else self.date),
            ("deletedRecord", "transient"),
            ("granularity", "YYYY-MM-DDThh:mm:ssZ"),
            ("compression", "gzip"),
            ("compression", "zstd"),
        )
        told = "".join(xml.element(name, text) for name, text in facts)
        return f"<Identify>{told}{xml.identifiers(self._host, self._prefix)}</Identify>"

    async def _formats(self, identifier: str | None) -> str:
        if identifier is not None and not (await self._one(identifier, HEADER))["live"]:
            raise ProtocolError("noMetadataFormats", "The item is gone: it is there in no format.")
        return f"<ListMetadataFormats>{formats(self.base)}</ListMetadataFormats>"

    async def _sets(self, token: str | None) -> str:
        after, count = self._decoded("ListSets", token) if token is not None else ("", 0)
        limit = PAGES["ListSets"]
        rows = await self.database.rows(*queries.sets(after, limit).flat)
        shown = [(row["spec"], name_of(row["spec"], row["name"])) for row in rows[:limit]]
        following = [shown[-1][0]] if len(rows) > limit else None
        return (
            f"<ListSets>{xml.sets(shown)}{self._resumption('ListSets', token, following, count, len(shown))}</ListSets>"
        )

    async def _record(self, given: dict[str, str]) -> str:
        prefix = protocol.format_of(given)
        await stamp(self.database)
        row = await self._one(given["identifier"], queries.shown(prefix, practice[0]))
        return f"<GetRecord>{self._written(row, prefix)}</GetRecord>"

    async def _one(self, identifier: str, shown: Shown) -> Row:
        id_ = protocol.record_id(identifier, self._prefix)
        row = await self.database.row(*queries.record(id_, shown).flat)
        if row is None:
            raise protocol.unknown_identifier()
        return row

    async def _records(self, given: dict[str, str]) -> str:
        verb, token = given["verb"], given.get("resumptionToken")
        after: tuple[str, int] | None = None
        asked: dict[str, str] = {name: value for name, value in given.items() if name != "verb"}
        is_small, epoch, count = None, None, 0
        if token is not None:
            place, seq, is_small, epoch, asked, count = self._decoded(verb, token)
            after = (place, seq)
        prefix, window, spec = protocol.format_of(asked), protocol.window(asked), asked.get("set")
        history = await self._told()
        if after is not None and (epoch != history["epoch"] or after[1] > history["head"]):
            raise protocol.bad_token()
        if is_small is None:
            is_small = spec is not None and await self.database.value(*queries.size(spec).flat)
        limit = PAGES[verb]
        shown = queries.shown(prefix if verb == "ListRecords" else None, practice[0])
        statement = queries.records(window, spec, after, limit, shown, is_small=is_small)
        rows = await self.database.rows(*statement.flat)
        if not rows and token is None:
            raise ProtocolError("noRecordsMatch", "No record matches.")
        page, following = rows[:limit], None
        if len(rows) > limit:
            following = [page[-1]["place"], page[-1]["seq"], is_small, history["epoch"], asked]
        if verb == "ListRecords":
            content = "".join(self._written(row, prefix) for row in page)
        else:
            content = "".join(xml.header(row, self._prefix) for row in page)
        return f"<{verb}>{content}{self._resumption(verb, token, following, count, len(page))}</{verb}>"

    async def _told(self) -> Row:
        """Where the feed stands; all that is marked has its stamp then, and `date` is before whatever has not."""
        history = await self.database.row(*queries.history().flat)
        assert history is not None  # noqa: S101 - system functions give one row
        is_complete = not history["is_marked"]
        for _ in range(0 if is_complete else STAMPINGS):
            marks, is_complete = await stamp(self.database)
            if is_complete or not marks:
                break
        # Who stamps beside us began after the last stamp that we see, and may have been at it for long.
        safe = history["now"] if is_complete else history["told"] or history["now"]
        self.date = min(safe, history["now"]).strftime("%Y-%m-%dT%H:%M:%SZ")
        return history

    def _written(self, row: Row, prefix: str) -> str:
        return xml.record(row, self._prefix, WRITERS[prefix](row, self.base) if row["live"] else "")

    def _decoded(self, verb: str, token: str) -> list[Any]:
        try:
            return self.cursors.decode(f"oai{verb}", token)
        except (InvalidCursor, UnicodeEncodeError) as reason:
            raise protocol.bad_token() from reason

    def _resumption(self, verb: str, token: str | None, following: list[Any] | None, before: int, here: int) -> str:
        if following is not None:
            return xml.resumption(self.cursors.encode(f"oai{verb}", [*following, before + here]), before)
        return xml.resumption("", before) if token is not None else ""


def _mail_address(contact: str, host: str) -> str:
    """The contact where it is a mail address; else whom one writes to at every host, or what says that nobody is."""
    if match := EMAIL.fullmatch(contact):
        return match[1]
    return f"postmaster@{host}" if EMAIL.fullmatch(f"p@{host}") else "postmaster@host.invalid"
