"""Whether an event is for a webhook: what its organization sees, and what its filter finds, asked in SQL.

A record is judged as it was shown at the moment of the event (`e.visibility`), because it may have been moved on since:
whoever saw it published is told that it was published, and that it is gone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.areas import CURRENT_MEMBER
from app.caller import Caller
from app.database import Arguments, Connection, Row, Statement
from app.events import Matching, searches
from app.visibility import message_visible, practice_visible, request_owned, request_visible, response_visible


@dataclass(frozen=True, slots=True)
class Hook:
    """An active webhook, and the caller whose eyes it sees with."""

    id: UUID
    caller: Caller
    events: frozenset[str]
    filter: str | None
    base_url: str

    @classmethod
    def of(cls, row: Row) -> "Hook":
        """A row of `HOOKS`."""
        kind, _, id_ = row["organization"].partition(":")
        caller = Caller(
            organization=row["organization"],
            kind=kind,
            id=id_ or None,
            scopes=frozenset(row["scopes"]),
            networks=tuple(row["networks"]),
        )
        return cls(row["id"], caller, frozenset(row["events"]), row["filter"], row["base_url"])


# An organization all of whose clients were revoked has left: it is told nothing more.
HOOKS = f"""
SELECT w.id, w.organization, w.scopes, w.events, w.filter, w.base_url,
       CASE WHEN w.organization LIKE 'network:%' THEN ARRAY[substr(w.organization, 9)]
            ELSE ARRAY(SELECT m.network_id FROM membership m
                       WHERE m.city_id = substr(w.organization, 6) AND {CURRENT_MEMBER} ORDER BY 1)
       END AS networks
FROM webhook w
WHERE w.status = 'active'
  AND EXISTS (SELECT FROM client c WHERE c.organization = w.organization AND c.revoked_at IS NULL)
ORDER BY w.id"""
ENDS = ("practice.archived", "practice.withdrawn")
ENDED = f"SELECT e.record_id FROM webhook_event e WHERE e.id = ANY ($1) AND e.type IN {ENDS}"
NOWHERE = Matching([], [])


async def told(connection: Connection, hook: Hook, events: list[Row]) -> list[Row]:
    """Of these events those that the webhook is told of: `id`, `type` (as it looks from there), `path` of the record.

    `reason` says why a record that was shown is not any more.
    """
    found: list[Row] = []
    for kind, statement in STATEMENTS.items():
        ids = [event["id"] for event in events if event["type"].partition(".")[0] == kind]
        if ids and any(name.partition(".")[0] == kind for name in hook.events):
            found += await connection.fetch(*statement(hook, ids).flat)
    return [row for row in found if row["type"] in hook.events]


def _practices(hook: Hook, ids: list[int]) -> Statement:
    arg = Arguments(ids)
    search = _search(hook, arg, f"ARRAY({ENDED})")
    sees, saw = (_practice_seen(hook.caller, visibility, arg) for visibility in ("e.visibility", "e.was"))
    return _statement(
        search,
        f"""SELECT e.id, CASE
    WHEN e.type = 'practice.updated' AND e.was IS NOT NULL AND NOT {saw} THEN 'practice.published'
    WHEN e.type = 'practice.updated' AND NOT {sees} THEN 'practice.archived'
    ELSE e.type END AS type, '/v1/practices/' || p.id AS path,
    CASE WHEN e.type = 'practice.updated' AND NOT {sees} THEN 'not_public' END AS reason
FROM webhook_event e JOIN practice p ON p.id = e.record_id
WHERE e.id = ANY ($1) AND ({sees} OR (e.was IS NOT NULL AND {saw}))""",
        arg,
    )


def _practice_seen(caller: Caller, visibility: str, arg: Arguments) -> str:
    """The condition that the caller saw the practice `p` while it was published with this visibility."""
    shown = f"SELECT p.city_id, p.networks, p.submitted_to, 'published' AS status, {visibility} AS visibility"
    return f"EXISTS (SELECT FROM ({shown}) p WHERE {practice_visible(caller, arg)})"


def _verifications(hook: Hook, ids: list[int]) -> Statement:
    arg = Arguments(ids)
    city = arg(hook.caller.city_id)
    return _statement(
        _search(hook, arg, "'{}'::uuid[]"),
        f"""SELECT e.id, e.type, '/v1/practices/' || p.id AS path, NULL AS reason
FROM webhook_event e JOIN practice p ON p.id = e.record_id
WHERE e.id = ANY ($1) AND p.city_id = {city}::text""",
        arg,
    )


def _adoptions(hook: Hook, ids: list[int]) -> Statement:
    arg = Arguments(ids)
    return _statement(
        _search(hook, arg, "'{}'::uuid[]"),
        f"""SELECT e.id, e.type, '/v1/practices/' || p.id || '/adoptions/' || a.id AS path, NULL AS reason
FROM webhook_event e JOIN adoption a ON a.id = e.record_id JOIN practice p ON p.id = a.practice_id
WHERE e.id = ANY ($1) AND {practice_visible(hook.caller, arg)}""",
        arg,
    )


def _requests(hook: Hook, ids: list[int]) -> Statement:
    arg = Arguments(ids)
    # That it will expire is told to the city that asked, as it stands in its timeline.
    owner = "FALSE" if hook.caller.city_id is None else request_owned(hook.caller, arg)
    shown = "SELECT r.id, r.city_id, r.addressed_to, e.visibility"
    seen = f"EXISTS (SELECT FROM ({shown}) r WHERE {request_visible(hook.caller, arg)})"
    return Statement(
        f"""
SELECT e.id, e.type, '/v1/exchange-requests/' || r.id AS path, NULL AS reason
FROM webhook_event e JOIN exchange_request r ON r.id = e.record_id
WHERE e.id = ANY ($1) AND CASE WHEN e.type = 'exchange_request.expiring' THEN {owner} ELSE {seen} END""",
        arg.values,
    )


def _responses(hook: Hook, ids: list[int]) -> Statement:
    arg = Arguments(ids)
    return Statement(
        f"""
SELECT e.id, e.type, '/v1/exchange-requests/' || r.id || '/responses/' || s.id AS path, NULL AS reason
FROM webhook_event e JOIN response s ON s.id = e.record_id JOIN exchange_request r ON r.id = s.request_id
WHERE e.id = ANY ($1) AND {response_visible(hook.caller, arg)}""",
        arg.values,
    )


def _messages(hook: Hook, ids: list[int]) -> Statement:
    arg = Arguments(ids)
    visible = message_visible(hook.caller, arg) if hook.caller.may("exchanges:read") else "FALSE"
    return Statement(
        f"""
SELECT e.id, e.type, '/v1/exchange-requests/' || r.id || '/messages' AS path, NULL AS reason
FROM webhook_event e JOIN message m ON m.id = e.record_id JOIN response s ON s.id = m.response_id
JOIN exchange_request r ON r.id = s.request_id
WHERE e.id = ANY ($1) AND {visible}""",
        arg.values,
    )


def _search(hook: Hook, arg: Arguments, ended: str) -> Matching:
    return searches["practice"].matching(hook.filter, hook.caller, arg, ended) if hook.filter else NOWHERE


def _statement(search: Matching, select: str, arg: Arguments) -> Statement:
    parts = f"WITH {','.join(search.parts)} " if search.parts else ""
    conditions = "".join(f" AND {condition}" for condition in search.conditions)
    return Statement(f"{parts}{select}{conditions}", arg.values)


STATEMENTS: dict[str, Callable[[Hook, list[int]], Statement]] = {
    "practice": _practices,
    "verification": _verifications,
    "adoption": _adoptions,
    "exchange_request": _requests,
    "response": _responses,
    "message": _messages,
}


def payload(hook: Hook, event: Row, shown: Row) -> dict[str, Any]:
    """What the webhook is sent: what happened to which record, and where to read it; never what stands in it."""
    kind = event["type"].partition(".")[0]
    data = {
        "id": str(event["record_id"]),
        "type": "practice" if kind == "verification" else kind,
        "url": hook.base_url + shown["path"],
        "version": event["version"],
        "status": event["status"],
        "reason": shown["reason"],
    }
    at = event["at"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"type": shown["type"], "timestamp": at, "data": data}
