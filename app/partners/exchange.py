"""Reads the feed of another exchange (`/v1/changes`)."""

import asyncio
from collections.abc import Mapping
from typing import Any

from app.errors import Problem
from app.fields import IDENTIFIER_LENGTH
from app.partners.batches import Batch, Change, Kind, ResyncError
from app.partners.remote import Answer, Remote, RemoteError, TooLargeError
from app.resources.practices.sources.schemas import BIRTH_SCHEME, SourcePractice
from app.web.bodies import parse_json

PATH = "/v1/changes"
KINDS: tuple[Kind, ...] = ("city", "tag", "practice")
LIMIT = 200
CURSOR_LENGTH = 4_000
MOST_IDENTITIES = 20
MOST_IDLE, IDLE_PAUSE = 100, 0.2
# What is the receiver's own to say, or only means something at home.
NOT_COPIED = frozenset({"contact", "status", "visibility", "source_url", "city_id", "external_ids"})
COPIED = tuple(name for name in SourcePractice.model_fields if name not in NOT_COPIED)


class ExchangeFeed:
    """The changes of another exchange, in the order of its feed."""

    always_whole = False
    waits = True

    def __init__(self, remote: Remote, filters: Mapping[str, list[str]]) -> None:
        """Take the partner, and the filters of its feed that choose what is copied."""
        self._remote = remote
        self._filters = filters
        self._limit = LIMIT
        self._idle = 0

    async def following(self, position: str | None, wait: int) -> Batch:
        """The next page of the feed."""
        while True:
            given = {"type": list(KINDS), **self._filters, "limit": self._limit, "wait": wait}
            if position is not None:
                given["cursor"] = position
            try:
                answer = await self._remote.get(PATH, given)
            except TooLargeError:
                if self._limit == 1:
                    raise
                self._limit = max(1, self._limit // 4)
                continue
            batch = self._batch(answer, position)
            if batch.is_last or batch.changes or batch.position != position:
                self._idle = 0
                return batch
            # It is about to give positions to what has changed: the same question again in a moment.
            self._idle += 1
            if self._idle > MOST_IDLE:
                message = f"{self._remote.url}{PATH} says again and again that there is more, and gives nothing."
                raise RemoteError(message)
            await asyncio.sleep(IDLE_PAUSE)

    def _batch(self, answer: Answer, position: str | None) -> Batch:
        if answer.status == 410:  # noqa: PLR2004 - Gone
            raise ResyncError
        # A cursor that is not known any more: the other exchange lost the key that signed it.
        if answer.status == 400 and position is not None and b"invalid-cursor" in answer.body:  # noqa: PLR2004
            raise ResyncError
        page = self._page(answer)
        items, following, has_more = page.get("items"), page.get("next_cursor"), page.get("has_more")
        is_page = isinstance(items, list) and isinstance(has_more, bool)
        if not is_page or not isinstance(following, str) or not 0 < len(following) <= CURSOR_LENGTH:
            message = f"{self._remote.url}{PATH} is not the feed of an exchange."
            raise RemoteError(message)
        changes = [change for item in items or [] if (change := self._change(item)) is not None]
        return Batch(changes, following, is_last=not has_more)

    def _page(self, answer: Answer) -> dict[str, Any]:
        if answer.status != 200:  # noqa: PLR2004 - OK
            message = f"{self._remote.url}{PATH} answers {answer.status}: {answer.says}"
            raise RemoteError(message)
        try:
            page = parse_json(answer.body)
        except Problem as reason:
            message = f"{self._remote.url}{PATH} does not answer with JSON: {reason.detail}"
            raise RemoteError(message) from reason
        return page if isinstance(page, dict) else {}

    def _change(self, item: Any) -> Change | None:
        if not isinstance(item, dict) or item.get("type") not in KINDS:
            return None
        kind, id_, data = item["type"], item.get("id"), item.get("data")
        if not isinstance(id_, str) or not 0 < len(id_) <= IDENTIFIER_LENGTH:
            return None
        if item.get("op") != "upsert":
            return Change(kind, id_, None)
        if not isinstance(data, dict):
            return Change(kind, id_, {}, "The record is missing.")
        return Change(kind, id_, practice_of(data, id_, self._remote.url) if kind == "practice" else data)


def practice_of(data: Mapping[str, Any], id_: str, base: str) -> dict[str, Any]:
    """A practice as another exchange shows it, as one that is brought in here; not checked yet.

    Args:
        data: the document.
        id_: its id at that exchange.
        base: the address of that exchange.
    """
    city, partners, identities = data.get("city"), data.get("partner_cities"), data.get("external_ids")
    home = f"{base}/v1/practices/{id_}"
    record = {name: data[name] for name in COPIED if name in data}
    record["city_id"] = city.get("id") if isinstance(city, dict) else city
    if isinstance(partners, list):
        record["partner_cities"] = [one.get("id") if isinstance(one, dict) else one for one in partners]
    known = [entry for entry in identities if isinstance(entry, dict)] if isinstance(identities, list) else []
    birth = [entry for entry in known if entry.get("scheme") == BIRTH_SCHEME]
    birth = birth or [{"scheme": BIRTH_SCHEME, "value": id_, "url": home}]
    others = [entry for entry in known if entry.get("scheme") != BIRTH_SCHEME]
    record["external_ids"] = [*birth, *others][:MOST_IDENTITIES]
    record["source_url"] = home
    return record
