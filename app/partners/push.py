"""Sends our public practices to another exchange, under a network's name there, from where we left off."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from app.database import Connection
from app.partners.batches import Tally
from app.partners.ledger import Ledger, Seen, open_ledger
from app.partners.outgoing import Outgoing, page, practices
from app.partners.remote import Answer, Remote, RemoteError
from app.resources.practices.sources.decisions import BORN_HERE

NDJSON = "application/x-ndjson"
# A token is renewed before it is over by this much.
MARGIN = 60
UNAUTHORIZED, OK, NO_CONTENT, NOT_FOUND = 401, 200, 204, 404
AT_ONCE = 200
Progress = Callable[[Tally], None]
# Networks here through which records of that exchange came in.
OF_PARTNER = "SELECT DISTINCT network_id FROM partner WHERE direction = 'pull' AND url = $1"


@dataclass(frozen=True, slots=True)
class Order:
    """What to push.

    Attributes:
        network: under whose name the records come in there.
        client_id: of a client of that network.
        client_secret: its secret.
        home: the address of this exchange, if it is known.
        except_networks: what these networks brought in here is not sent.
        is_whole: send everything anew.
        is_trial: say what would be done, and do nothing.
    """

    network: str
    client_id: str
    client_secret: str
    home: str | None
    except_networks: list[str] = field(default_factory=list)
    is_whole: bool = False
    is_trial: bool = False


class Push:
    """One partner, kept up to date."""

    def __init__(
        self, connection: Connection, remote: Remote, ledger: Ledger, order: Order, networks: Sequence[str],
        progress: Progress,
    ) -> None:  # fmt: skip
        """Begin; `networks` are those whose records came from the partner."""
        self.tally = Tally()
        self._connection = connection
        self._remote = remote
        self._ledger = ledger
        self._order = order
        self._networks = networks
        self._progress = progress
        self._path = f"/v1/sources/{quote(order.network, safe='')}/practices"
        self._token, self._renew_at = "", 0.0

    async def catch_up(self) -> None:
        """Send all that has changed.

        Raises:
            RemoteError: the partner cannot be worked with; all that was answered before is remembered.
        """
        is_last = False
        while not is_last:
            found = await page(self._connection, self._ledger.position)
            if found is None:
                await self._ledger.restart(self._connection)
                continue
            await self._deliver(found.practices, found.position)
            is_last = found.is_last
        if self._ledger.is_copying:
            await self._sweep()

    async def send_refused(self) -> None:
        """Send once more what was refused."""
        rows = await self._connection.fetch(
            "SELECT external_id FROM partner_record WHERE partner_id = $1 AND refused IS NOT NULL ORDER BY 1",
            self._ledger.id,
        )
        ids = [row["external_id"] for row in rows]
        for start in range(0, len(ids), AT_ONCE):
            found = await practices(self._connection, ids[start : start + AT_ONCE])
            await self._deliver(found, None)

    async def _deliver(self, found: Sequence[Outgoing], position: str | None) -> None:
        """Send a batch, and remember it when the partner has answered; broken off between, it is sent again."""
        tally = Tally()
        theirs = [one for one in found if one.document and one.comes_from(self._remote.url, self._networks)]
        tally.add("theirs", len(theirs))
        skipped = {one.id for one in theirs}
        lines = [one for one in found if one.document is not None and one.id not in skipped]
        seen = await self._send(lines, tally) if lines else []
        came_home = {one.id for one in lines} - {one.external_id for one in seen}
        gone = await self._ledger.known(self._connection, [one.id for one in found if one.document is None])
        for id_ in sorted(gone):
            await self._take_back(id_, tally)
        async with self._connection.transaction():
            await self._ledger.seen(self._connection, seen)
            await self._ledger.forget(self._connection, [*gone, *came_home])
            if position is not None:
                await self._ledger.advance(self._connection, position)
        self.tally.counts.update(tally.counts)
        self.tally.faults += tally.faults
        self._progress(self.tally)

    async def _sweep(self) -> None:
        """Take back what an earlier copy sent, and is here no more."""
        while gone := await self._ledger.not_met(self._connection, AT_ONCE):
            tally = Tally()
            for id_ in gone:
                await self._take_back(id_, tally)
            await self._ledger.forget(self._connection, gone)
            self.tally.counts.update(tally.counts)
        await self._ledger.complete(self._connection)

    async def _send(self, lines: Sequence[Outgoing], tally: Tally) -> list[Seen]:
        body = "".join(f"{json.dumps(one.line(self._order.home), ensure_ascii=False)}\n" for one in lines).encode()
        trial = {"dry_run": "true"} if self._order.is_trial else None
        # What may be there is remembered before it is sent: if this is broken off and the record ends meanwhile, it is
        # taken back.
        ids = [one.id for one in lines]
        known = await self._ledger.known(self._connection, ids)
        await self._ledger.seen(self._connection, [Seen("practice", id_) for id_ in ids if id_ not in known])
        answer = await self._authorized("POST", self._path, trial, body)
        if answer.status != OK:
            message = f"{self._remote.url}{self._path} answers {answer.status}: {answer.says}"
            raise RemoteError(message)
        results = self._results(answer, lines)
        seen = []
        for one, result in zip(lines, results, strict=True):
            errors = result["errors"] if isinstance(result.get("errors"), list) else []
            kinds = {error.get("code") for error in errors if isinstance(error, dict)}
            if BORN_HERE in kinds:
                tally.add("theirs")
            elif errors:
                why = "; ".join(f"{error.get('pointer')}: {error.get('detail')}" for error in errors)[:500]
                tally.refuse(str(result.get("result")), one.id, why)
                seen.append(Seen("practice", one.id, why))
            else:
                tally.add(str(result.get("result")))
                seen.append(Seen("practice", one.id))
        return seen

    def _results(self, answer: Answer, lines: Sequence[Outgoing]) -> list[dict[str, Any]]:
        try:
            results = [json.loads(line) for line in answer.body.splitlines()]
        except (ValueError, RecursionError):
            results = []
        if [result.get("external_id") if isinstance(result, dict) else None for result in results] != [
            one.id for one in lines
        ]:
            message = f"{self._remote.url}{self._path} does not answer each line with a result."
            raise RemoteError(message)
        return results

    async def _take_back(self, id_: str, tally: Tally) -> None:
        if not self._order.is_trial:
            answer = await self._authorized("DELETE", f"{self._path}/{quote(id_, safe='')}")
            if answer.status not in {NO_CONTENT, NOT_FOUND}:
                message = f"{self._remote.url}{self._path}/{id_} answers {answer.status}: {answer.says}"
                raise RemoteError(message)
        tally.add("taken back")

    async def _authorized(
        self, method: str, path: str, parameters: dict[str, str] | None = None, content: bytes | None = None
    ) -> Answer:
        """Send with a token, a new one where the old one is not taken any more."""
        for attempt in (1, 2):
            headers = {"Authorization": f"Bearer {await self._fresh_token()}"}
            if content is not None:
                headers["Content-Type"] = NDJSON
            answer = await self._remote.send(method, path, parameters, content=content, headers=headers)
            if answer.status != UNAUTHORIZED or attempt == 2:  # noqa: PLR2004 - the second attempt is the last
                return answer
            self._token = ""
        raise AssertionError

    async def _fresh_token(self) -> str:
        if not self._token or time.monotonic() > self._renew_at:
            answer = await self._remote.send(
                "POST",
                "/oauth/token",
                content=b"grant_type=client_credentials",
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                auth=(self._order.client_id, self._order.client_secret),
            )
            try:
                given = json.loads(answer.body)
                token, seconds = given["access_token"], float(given.get("expires_in", 300))
            except (ValueError, KeyError, TypeError, RecursionError) as reason:
                message = f"{self._remote.url} gives no token to the client ({answer.status}): {answer.says}"
                raise RemoteError(message) from reason
            if not isinstance(token, str) or not token.isascii() or not token.isprintable():
                message = f"{self._remote.url} gives a token that is none."
                raise RemoteError(message)
            self._token, self._renew_at = token, time.monotonic() + max(seconds - MARGIN, 5)
        return self._token


async def open_push(connection: Connection, remote: Remote, order: Order, progress: Progress) -> Push:
    """A push to this partner for this connection alone; raises BusyError where another process has it."""
    ledger = await open_ledger(connection, "push", remote.url, order.network, "", is_trial=order.is_trial)
    if order.is_whole and not ledger.is_copying:
        await ledger.restart(connection)
    came = [row["network_id"] for row in await connection.fetch(OF_PARTNER, remote.url)]
    return Push(connection, remote, ledger, order, [*came, *order.except_networks], progress)
