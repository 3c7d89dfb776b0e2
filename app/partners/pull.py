"""Follows a partner into our database, from where we left off."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.database import Connection
from app.partners.batches import ResyncError, Source, Tally
from app.partners.exchange import PATH, ExchangeFeed
from app.partners.intake import Intake
from app.partners.ledger import Ledger, open_ledger
from app.partners.remote import Remote, RemoteError

Format = Literal["auto", "feed", "oai"]
FILTERS = ("network", "city", "country", "tag", "exclude_origin")
LONG_POLL = 30
MOST_RESTARTS = 3
Progress = Callable[[Tally], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What to pull.

    Attributes:
        network: under whose name the records come in.
        format: how the partner is asked; auto: found out.
        chosen: filters of a feed as `name=value`, or the set of a repository.
        city: of records of a repository that name none of ours.
        makes_places: whether cities and tags that are not here are made as the partner has them.
        is_whole: begin a new full copy.
        is_trial: say what would be done, and keep nothing.
    """

    network: str
    format: Format = "auto"
    chosen: list[str] = field(default_factory=list)
    city: str | None = None
    makes_places: bool = True
    is_whole: bool = False
    is_trial: bool = False


class Pull:
    """One partner, followed."""

    def __init__(self, connection: Connection, source: Source, ledger: Ledger, wish: Wish, progress: Progress) -> None:
        """Begin; `progress` is told of each batch."""
        self.tally = Tally()
        self._connection = connection
        self._source = source
        self._ledger = ledger
        self._progress = progress
        # What waits is tried by every new pull, and whenever something came that it may have waited for.
        self._has_news = True
        self._intake = Intake(
            connection, ledger, wish.network, self.tally, makes_places=wish.makes_places, is_trial=wish.is_trial
        )

    @property
    def waits(self) -> bool:
        """Whether the partner can be asked to wait for a change."""
        return self._source.waits

    async def catch_up(self, wait: int = 0) -> None:
        """Take all there is; with `wait`, wait that many seconds for something to come.

        Raises:
            RemoteError: the partner cannot be worked with; all that came before is kept.
        """
        if self._source.always_whole and not self._ledger.is_copying:
            await self._restart()
        restarts, is_last = 0, False
        while not is_last:
            try:
                batch = await self._source.following(self._ledger.position, wait)
            except ResyncError as reason:
                restarts += 1
                if restarts > MOST_RESTARTS:
                    message = "The partner does not honour its own positions."
                    raise RemoteError(message) from reason
                await self._restart()
                continue
            await self._intake.take(batch)
            self._progress(self.tally)
            self._has_news = self._has_news or bool(batch.changes)
            is_last = batch.is_last
        if self._has_news:
            await self._intake.take_waiting()
            self._has_news = False
        if self._ledger.is_copying:
            await self._intake.sweep()
        self._progress(self.tally)

    async def _restart(self) -> None:
        async with self._connection.transaction():
            await self._ledger.restart(self._connection)


async def open_pull(connection: Connection, remote: Remote, wish: Wish, progress: Progress) -> Pull:
    """A pull of this partner for this connection alone.

    Raises:
        RemoteError: the address is neither an exchange nor a repository, or what is chosen is not understood.
        BusyError: another process pulls the same.
    """
    kind = wish.format if wish.format != "auto" else await _kind(remote)
    if kind == "feed":
        source: Source = ExchangeFeed(remote, _filters(wish.chosen))
    else:
        source = await _repository(connection, remote, wish)
    ledger = await open_ledger(connection, "pull", remote.url, wish.network, " ".join([kind, *sorted(wish.chosen)]))
    if wish.is_whole and not ledger.is_copying:
        await ledger.restart(connection)
    return Pull(connection, source, ledger, wish, progress)


async def _kind(remote: Remote) -> Format:
    """What is at the address; `oai` where it is no exchange, of which harvesting tells whether it is true."""
    answer = await remote.get(PATH, {"limit": 1})
    return "feed" if answer.status == 200 and b'"next_cursor"' in answer.body else "oai"  # noqa: PLR2004 - OK


async def _repository(connection: Connection, remote: Remote, wish: Wish) -> Source:
    from app.partners.repository import open_repository  # noqa: PLC0415 - the XML library, which no server needs

    source = await open_repository(connection, remote, next(iter(wish.chosen), None), wish.city)
    if source is None:
        what = "is not the address of an OAI-PMH repository"
        if wish.format == "auto":
            what = "is neither an exchange nor an OAI-PMH repository (of an exchange: its address without path)"
        message = f"{remote.url} {what}."
        raise RemoteError(message)
    if len(wish.chosen) > 1:
        raise RemoteError("A repository is harvested one set at a time.")
    return source


def _filters(chosen: list[str]) -> Mapping[str, list[str]]:
    filters: dict[str, list[str]] = {}
    for choice in chosen:
        name, _, value = choice.partition("=")
        if name not in FILTERS or not value:
            message = f"{choice} is no filter of a feed: {', '.join(f'{known}=…' for known in FILTERS)}."
            raise RemoteError(message)
        filters.setdefault(name, []).append(value)
    return filters
