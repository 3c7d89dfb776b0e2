"""Takes a partner's batch in: one transaction with the position after it: nothing is lost, nothing doubled."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import asyncpg
from pydantic import ValidationError

from app.caller import Actor, Caller
from app.database import Connection, problem_of
from app.errors import NotFound, Problem
from app.fields import OPEN_SCHEMES
from app.partners.batches import Batch, Change, Tally
from app.partners.ledger import Ledger, Seen
from app.resources.cities.commands import create_city
from app.resources.cities.schemas import CityCreate
from app.resources.practices.sources.commands import take_back
from app.resources.practices.sources.records import Record
from app.resources.practices.sources.schemas import BIRTH_SCHEME, UUID_TEXT, SourcePractice
from app.resources.practices.sources.upsert import upsert
from app.resources.tags.commands import create_tag
from app.resources.tags.schemas import TagCreate

AT_ONCE = 200
ATTEMPTS = 5
# Who waits too long for others, or stands in their way, tries the batch again.
MEANWHILE = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
# Reasons that may pass without the record being changed at the partner.
MAY_PASS = frozenset({"unknown_reference", "taken", "brought_already"})


class Intake:
    """Takes records in under a network's name."""

    def __init__(
        self, connection: Connection, ledger: Ledger, network: str, tally: Tally, *, makes_places: bool, is_trial: bool
    ) -> None:
        """Begin.

        Args:
            connection: to the database.
            ledger: of the partner.
            network: under whose name.
            tally: told what became of each record.
            makes_places: whether cities and tags that are not here are made as the partner has them.
            is_trial: nobody has to wait for a trial.
        """
        self._connection = connection
        self._ledger = ledger
        self._network = network
        self._tally = tally
        self._makes_places = makes_places
        self._is_trial = is_trial
        caller = Caller(organization=f"network:{network}", kind="network", id=network, networks=(network,))
        self._actor = Actor(caller, request_id=f"pull-{uuid4().hex}")
        # A city that is made here belongs to no network for that.
        self._maker = Actor(Caller("operator", "operator", scopes=frozenset({"operator"})), self._actor.request_id)

    async def take(self, batch: Batch) -> None:
        """Take a batch in, and go on after it next time."""

        async def work(tally: Tally) -> None:
            await self._take(batch.changes, tally)
            await self._ledger.advance(self._connection, batch.position)

        await self._at_once(work)

    async def take_waiting(self) -> None:
        """Try what waits once more."""
        after = ("", "")
        while rows := await self._ledger.waiting(self._connection, after, AT_ONCE):
            changes = [Change(row["type"], row["external_id"], json.loads(row["waiting"])) for row in rows]

            async def work(tally: Tally, changes: list[Change] = changes) -> None:
                await self._take(changes, tally, is_last_try=True)

            await self._at_once(work)
            after = (str(("city", "tag", "practice").index(rows[-1]["type"]) + 1), rows[-1]["external_id"])

    async def sweep(self) -> None:
        """Take back what the full copy has not met."""
        while gone := await self._ledger.not_met(self._connection, AT_ONCE):

            async def work(tally: Tally, gone: list[str] = gone) -> None:
                await self._take_back(gone, tally)

            await self._at_once(work)
        await self._ledger.complete(self._connection)

    async def _at_once(self, work: Callable[[Tally], Awaitable[None]]) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            tally = Tally()
            try:
                async with self._connection.transaction():
                    await work(tally)
            except MEANWHILE:
                if attempt == ATTEMPTS:
                    raise
            else:
                self._tally.counts.update(tally.counts)
                for external_id, why in tally.faults:
                    self._tally.faults.append((external_id, why))
                return

    async def _take(self, changes: Sequence[Change], tally: Tally, *, is_last_try: bool = False) -> None:
        # What is gone frees its identities for what comes.
        await self._take_back([c.external_id for c in changes if c.kind == "practice" and c.record is None], tally)
        for kind in ("city", "tag"):
            if self._makes_places:
                await self._make([c for c in changes if c.kind == kind and c.record is not None], tally)
        records = [c for c in changes if c.kind == "practice" and c.record is not None]
        await self._bring_in(records, tally, is_last_try=is_last_try)

    async def _take_back(self, external_ids: Sequence[str], tally: Tally) -> None:
        for external_id in external_ids:
            try:
                await take_back(self._connection, self._actor, self._network, external_id)
            except NotFound:
                continue
            tally.add("taken back")
        await self._ledger.forget(self._connection, external_ids)

    async def _make(self, changes: Sequence[Change], tally: Tally) -> None:
        """Make cities and tags that are not here; those that are stay as they are."""
        if not changes:
            return
        kind = changes[0].kind
        known = {
            row["id"]
            for row in await self._connection.fetch(
                f"SELECT id FROM {kind} WHERE id = ANY ($1)", [change.external_id for change in changes]
            )
        }
        seen = [Seen(kind, change.external_id) for change in changes if change.external_id in known]
        # Wider tags come before the narrower ones.
        for change in sorted(changes, key=lambda c: bool((c.record or {}).get("broader"))):
            if change.external_id in known:
                continue
            try:
                async with self._connection.transaction():
                    is_made = await self._make_one(change)
            except ValidationError as reason:
                tally.refuse("invalid", change.external_id, _first_fault(reason))
            except Problem as reason:
                seen.append(Seen(kind, change.external_id, reason.detail, change.record))
                tally.refuse("waiting", change.external_id, reason.detail)
            else:
                seen.append(Seen(kind, change.external_id))
                tally.add(f"{kind} made" if is_made else "left out")
        # Only what waits, or did, is worth a row.
        await self._ledger.seen(self._connection, [one for one in seen if one.waiting is not None])
        await self._connection.execute(
            "UPDATE partner_record SET refused = NULL, waiting = NULL WHERE partner_id = $1 AND type = $2"
            " AND external_id = ANY ($3) AND waiting IS NOT NULL",
            self._ledger.id,
            kind,
            [one.external_id for one in seen if one.waiting is None],
        )

    async def _make_one(self, change: Change) -> bool:
        given = dict(change.record or {})
        if change.kind == "city":
            body = CityCreate.model_validate({name: given[name] for name in CityCreate.model_fields if name in given})
            if body.id != change.external_id:
                return False
            await create_city(self._connection, self._maker, body)
            return True
        if given.get("scheme") not in OPEN_SCHEMES:
            return False
        related = given.get("related")
        if isinstance(related, list):
            rows = await self._connection.fetch(
                "SELECT id FROM tag WHERE id = ANY ($1)", [one for one in related if isinstance(one, str)]
            )
            given["related"] = [row["id"] for row in rows]
        tag = TagCreate.model_validate({name: given[name] for name in TagCreate.model_fields if name in given})
        await create_tag(self._connection, self._actor, tag)
        return True

    async def _bring_in(self, changes: Sequence[Change], tally: Tally, *, is_last_try: bool) -> None:
        """Bring practices in. What waits is told when it has been tried once more after all else has come."""
        records: list[tuple[Change, Record]] = []
        seen: list[Seen] = []
        ours = await self._made_here(changes)
        for change in changes:
            if change.external_id in ours:
                tally.add("ours")
                continue
            body, fault = _checked(change)
            if body is not None:
                records.append((change, Record(change.external_id, body)))
                continue
            seen.append(Seen("practice", change.external_id, fault))
            tally.refuse("invalid", change.external_id, fault)
        await self._upsert([record for _, record in records])
        for change, record in records:
            why = "; ".join(f"{error['pointer']}: {error['detail']}".lstrip(": ") for error in record.errors) or None
            waits = change.record if MAY_PASS.intersection(error["code"] for error in record.errors) else None
            seen.append(Seen("practice", change.external_id, why, waits))
            if why is None:
                tally.add(record.result)
            elif waits is None or is_last_try:
                tally.refuse("waiting" if waits else record.result, change.external_id, why)
        await self._ledger.seen(self._connection, seen)

    async def _made_here(self, changes: Sequence[Change]) -> set[str]:
        """Those that are records of ours, come home from a copy."""
        births = {change.external_id: _birth(change) for change in changes}
        rows = await self._connection.fetch(
            "SELECT id::text FROM practice WHERE id = ANY ($1::uuid[])", [birth for birth in births.values() if birth]
        )
        here = {row["id"] for row in rows}
        return {external_id for external_id, birth in births.items() if birth in here}

    async def _upsert(self, records: list[Record]) -> None:
        try:
            async with self._connection.transaction():
                await upsert(self._connection, self._actor, self._network, records, locked=not self._is_trial)
        except asyncpg.PostgresError as reason:
            if isinstance(reason, MEANWHILE) or problem_of(reason) is None:
                raise
            # A rule of the database is broken by one of them: each by itself then, so that it spoils no other.
            for record in records:
                await self._upsert_one(record)

    async def _upsert_one(self, record: Record) -> None:
        fresh = Record(record.external_id, record.body)
        try:
            async with self._connection.transaction():
                await upsert(self._connection, self._actor, self._network, [fresh], locked=not self._is_trial)
        except asyncpg.PostgresError as reason:
            problem = None if isinstance(reason, MEANWHILE) else problem_of(reason)
            if problem is None:
                raise
            errors = problem.errors or [{"pointer": "", "code": problem.slug, "detail": problem.detail}]
            record.result, record.id, record.errors = "invalid", None, errors
        else:
            record.result, record.id, record.errors = fresh.result, fresh.id, fresh.errors


def _checked(change: Change) -> tuple[SourcePractice | None, str]:
    """The record, or what is wrong with it."""
    if change.fault is not None:
        return None, change.fault
    try:
        return SourcePractice.model_validate(change.record), ""
    except ValidationError as reason:
        return None, _first_fault(reason)


def _birth(change: Change) -> str | None:
    """The id that the record has where it was made, if it was made at an exchange."""
    identities: list[Mapping[str, Any]] = (change.record or {}).get("external_ids") or []
    for entry in identities:
        value = entry.get("value")
        if entry.get("scheme") == BIRTH_SCHEME and isinstance(value, str) and UUID_TEXT.fullmatch(value):
            return value
    return None


def _first_fault(reason: ValidationError) -> str:
    fault = reason.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}".lstrip(": ")
