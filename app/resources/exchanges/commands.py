"""Writes of exchange requests, inside the caller's transaction."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.audit import audited
from app.caller import ANONYMOUS, Actor, Caller
from app.database import Arguments, Connection, Row
from app.errors import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed, error
from app.feed import mark
from app.identifiers import uuid7
from app.merging import Versions, merge_patch
from app.resources.exchanges import lifecycle
from app.resources.exchanges.queries import writable
from app.resources.exchanges.schemas import Outcome, RequestCreate, RequestFields, RequestTransition, RequestUpdate
from app.timeline import EACH_ITS_OWN, step
from app.visibility import practice_visible

OPEN_FOR = timedelta(days=90)
LONGEST = timedelta(days=731)
EXPIRE_AT_ONCE = 1_000
WARNED_DAYS = [14, 3]
SYSTEM = Actor(ANONYMOUS, "clock")


async def create_request(connection: Connection, actor: Actor, body: RequestCreate) -> UUID:
    """Make a request, open at once; gives its id.

    Raises:
        Forbidden: the caller may not write for that city.
        InvalidInput: a reference leads nowhere, a time lies in the past, or no city is named.
    """
    city_id = _city_of(actor.caller, body)
    await _check(connection, actor.caller, body, new=True)
    id_ = uuid7()
    arg = Arguments(id_)
    values = {"id": "$1", "city_id": arg(city_id), **_assignments(body, arg)}
    await connection.execute(
        f"""
WITH made AS (INSERT INTO exchange_request ({", ".join(values)}) VALUES ({", ".join(values.values())})
              RETURNING id, version, visibility),
timed AS ({step(arg, actor, "exchange_request", "'open'")}),
marked AS ({marked(arg, actor)})
{audited(arg, actor, "created", "exchange_request", "FROM made")}""",
        *arg.values,
    )
    return id_


async def update_request(
    connection: Connection, actor: Actor, id_: UUID, versions: Versions, patch: RequestUpdate
) -> None:
    """Apply a merge patch (RFC 7396) to a request that is open or returned.

    Raises:
        NotFound, Forbidden, PreconditionFailed: as the names say.
        Conflict: the request is beyond change.
        InvalidInput: it would break a rule after the change.
    """
    current = _seen(await connection.fetchrow(*writable(actor.caller, id_).flat))
    if not current["is_owner"]:
        raise Forbidden("The request belongs to another city.")
    if versions is not None and current["version"] not in versions:
        raise PreconditionFailed(f"The request is at version {current['version']} now.")
    if patch.model_fields_set == {"outcome"} and current["status"] == "completed":
        await _set_outcome(connection, actor, id_, patch.outcome)
        return
    if current["status"] not in lifecycle.CHANGEABLE:
        raise Conflict(f"The request is {current['status']}; it is changed only while open or returned.")
    if "outcome" in patch.model_fields_set:
        detail = "Only a completed exchange has an outcome."
        raise Conflict(detail, errors=[error("/outcome", "too_early", detail)])
    if not patch.model_fields_set:
        return
    before = json.loads(current["fields"])
    wanted = RequestFields.model_validate(merge_patch(before, patch.model_dump(mode="json", exclude_unset=True)))
    after = wanted.model_dump(mode="json")  # what the patch removed is back as null or empty
    if wanted.expires_at is not None:
        after["expires_at"] = wanted.expires_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    changed = sorted(name for name in patch.model_fields_set - {"outcome"} if after[name] != before[name])
    if not changed:
        return
    await _check(connection, actor.caller, wanted, new="expires_at" in changed)
    arg = Arguments(id_)
    assignments = ", ".join(f"{name} = {value}" for name, value in _assignments(wanted, arg).items())
    # An adoption names the requests that everybody sees.
    told = f"told AS ({_adoptions_marked(arg, actor)}),\n" if "visibility" in changed else ""
    await connection.execute(
        f"""
WITH made AS (UPDATE exchange_request SET {assignments}, version = version + 1, updated_at = now() WHERE id = $1
              RETURNING id, version, visibility),
{told}marked AS ({marked(arg, actor)})
{audited(arg, actor, "updated", "exchange_request", "FROM made", changed=changed)}""",
        *arg.values,
    )


async def move_request(connection: Connection, actor: Actor, id_: UUID, body: RequestTransition) -> None:
    """Move a request to another state; one who steps back from a match ends the answer that was accepted.

    Raises:
        NotFound, Forbidden: as the names say.
        TransitionNotAllowed: there is no such move from where it is now.
        InvalidInput: the move lacks what it needs.
    """
    current = _seen(await connection.fetchrow(*writable(actor.caller, id_).flat))
    known: tuple[lifecycle.Side, ...] = lifecycle.BY_CALLERS
    sides = {side for side in known if current[f"is_{side}"]}
    if not sides:
        raise Forbidden("The request belongs to another city; it is neither addressed nor matched to the caller.")
    move = lifecycle.check(current["status"], body.to, sides, body.model_dump())
    if move.needs == "expires_at":
        _check_expiry(body.expires_at)
    if body.outcome is not None and not ("owner" in sides and move.to == "completed"):
        detail = "The outcome is given by the city that asked, with the completion or after it."
        raise InvalidInput(detail, errors=[error("/outcome", "not_allowed", detail)])
    await _check_adoption(connection, id_, body.outcome)
    arg = Arguments(id_)
    reason, note = arg(body.reason), arg(body.note)
    is_cancelled = arg(move.to == "cancelled")
    stepped = ""
    if (move.start, move.to) == ("matched", "open"):
        stepped = _stepped_back(arg, actor, "declined" if "owner" in sides else "withdrawn", reason)
    moved = step(arg, actor, "exchange_request", arg(move.to), start=arg(move.start), note=note, reason=reason)
    await connection.execute(
        f"""
WITH made AS (
    UPDATE exchange_request SET status = {arg(move.to)}, version = version + 1, updated_at = now(),
        closed_reason = CASE WHEN {is_cancelled} THEN {reason}::text END,
        closed_note = CASE WHEN {is_cancelled} THEN {note}::text END,
        outcome = {arg(_json(body.outcome))}::jsonb,
        expires_at = coalesce({arg(body.expires_at if move.needs == "expires_at" else None)}::timestamptz, expires_at)
    WHERE id = $1 AND status = {arg(move.start)} RETURNING id, version, visibility),
timed AS ({moved}),
{stepped}
marked AS ({marked(arg, actor)})
{audited(arg, actor, "transitioned", "exchange_request", "FROM made", changed=["status"])}""",
        *arg.values,
    )


def _stepped_back(arg: Arguments, actor: Actor, to: str, reason: str) -> str:
    """What a step back from a match does to the accepted answer."""
    ended = step(arg, actor, "response", f"'{to}'", start="'accepted'", reason=reason, source="stepped")
    return f"""stepped AS (
    UPDATE response s SET status = '{to}', decline_reason = {reason}::text, version = s.version + 1, updated_at = now()
    FROM made WHERE s.request_id = made.id AND s.status = 'accepted' RETURNING s.id, s.version),
stepped_timed AS ({ended}),"""


async def _set_outcome(connection: Connection, actor: Actor, id_: UUID, outcome: Outcome | None) -> None:
    await _check_adoption(connection, id_, outcome)
    arg = Arguments(id_)
    await connection.execute(
        f"""
WITH made AS (UPDATE exchange_request SET outcome = {arg(_json(outcome))}::jsonb, version = version + 1,
              updated_at = now() WHERE id = $1 RETURNING id, version, visibility),
marked AS ({marked(arg, actor)})
{audited(arg, actor, "updated", "exchange_request", "FROM made", changed=["outcome"])}""",
        *arg.values,
    )


async def _check_adoption(connection: Connection, id_: UUID, outcome: Outcome | None) -> None:
    """Refuse an adoption that is of neither of the two cities."""
    if outcome is None or outcome.adoption_id is None:
        return
    known = """SELECT EXISTS (SELECT FROM adoption a JOIN exchange_request r ON r.id = $1
        LEFT JOIN response s ON s.request_id = r.id AND s.status = 'accepted'
        WHERE a.id = $2 AND a.city_id IN (r.city_id, s.city_id))"""
    if not await connection.fetchval(known, id_, outcome.adoption_id):
        detail = "Neither of the two cities has such an adoption."
        raise InvalidInput(detail, errors=[error("/outcome/adoption_id", "unknown_reference", detail)])


def _json(outcome: Outcome | None) -> str | None:
    return outcome.model_dump_json() if outcome else None


async def warn_of_expiry(connection: Connection) -> int:
    """Note in the timeline that a request expires in 14 or 3 days, each once for a day of expiry; gives how many."""
    arg = Arguments()
    reason = "('expires_in_' || days || '_days')"
    warning = step(
        arg, SYSTEM, "exchange_request", "status", start="status", reason=reason, source="due", id_=EACH_ITS_OWN
    )
    status = await connection.execute(
        f"""
WITH due AS MATERIALIZED (
    SELECT r.id, r.status, w.days FROM exchange_request r
    CROSS JOIN LATERAL (SELECT min(days) AS days FROM unnest(ARRAY{WARNED_DAYS}) AS days
                        WHERE r.expires_at <= now() + make_interval(days => days)
                          AND r.created_at <= r.expires_at - make_interval(days => days)) w
    WHERE r.status IN ('open', 'returned') AND r.expires_at > now() AND w.days IS NOT NULL
      AND (r.warned_of IS DISTINCT FROM r.expires_at OR r.warned_days > w.days)
    ORDER BY r.expires_at LIMIT {EXPIRE_AT_ONCE} FOR UPDATE OF r SKIP LOCKED),
warned AS (UPDATE exchange_request r SET warned_of = r.expires_at, warned_days = due.days FROM due WHERE r.id = due.id)
{warning}""",
        *arg.values,
    )
    return int(status.split()[-1])


async def expire_due(connection: Connection) -> int:
    """Expire what is open or returned past its time; gives how many. Processes that do so at once share the work."""
    arg = Arguments()
    status = await connection.execute(
        f"""
WITH due AS MATERIALIZED (
    SELECT id, status FROM exchange_request WHERE status IN ('open', 'returned') AND expires_at <= now()
    ORDER BY expires_at LIMIT {EXPIRE_AT_ONCE} FOR UPDATE SKIP LOCKED),
made AS (UPDATE exchange_request r SET status = 'expired', version = version + 1, updated_at = now() FROM due
         WHERE r.id = due.id RETURNING r.id, r.version, r.visibility, due.status AS was),
timed AS ({step(arg, SYSTEM, "exchange_request", "'expired'", start="was", id_=EACH_ITS_OWN)}),
marked AS ({marked(arg, SYSTEM)})
{audited(arg, SYSTEM, "expired", "exchange_request", "FROM made", changed=["status"])}""",
        *arg.values,
    )
    return int(status.split()[-1])


def marked(arg: Arguments, actor: Actor) -> str:
    """The feed mark: an upsert while the request is public, a delete once it is in the feed and no longer public."""
    source = (
        "FROM made WHERE visibility = 'public'"
        " OR EXISTS (SELECT FROM feed f WHERE f.type = 'exchange_request' AND f.id = made.id::text)"
    )
    op = "CASE WHEN visibility = 'public' THEN 'upsert' ELSE 'delete' END"
    return mark("exchange_request", source, op=op, origin=arg(actor.organization))


def _adoptions_marked(arg: Arguments, actor: Actor) -> str:
    source = (
        "FROM adoption a JOIN feed f ON f.type = 'adoption' AND f.id = a.id::text AND f.op = 'upsert'"
        " WHERE a.exchange_request_id = $1"
    )
    return mark("adoption", source, id_="a.id", version="a.version", origin=arg(actor.organization))


def _seen(row: Row | None) -> Row:
    if row is None:
        raise NotFound("There is no such exchange request.")
    return row


def _city_of(caller: Caller, body: RequestCreate) -> str:
    city_id = body.city_id or caller.city_id
    if city_id is None:
        detail = "Name the city that asks."
        raise InvalidInput(detail, errors=[error("/city_id", "missing", detail)])
    if caller.is_operator or caller.city_id == city_id:
        return city_id
    raise Forbidden("A city asks for itself only.")


async def _check(connection: Connection, caller: Caller, body: RequestFields, *, new: bool) -> None:
    """Refuse times that cannot be meant, and a practice that the caller does not see."""
    if new and body.expires_at is not None:
        _check_expiry(body.expires_at)
    if new and body.needed_by is not None and body.needed_by < datetime.now(UTC).date():
        raise InvalidInput("needed_by is over.", errors=[error("/needed_by", "past", "The day is over.")])
    if body.practice_id is not None:
        arg = Arguments(body.practice_id)
        sql = f"SELECT EXISTS (SELECT FROM practice p WHERE p.id = $1 AND {practice_visible(caller, arg)})"
        if not await connection.fetchval(sql, *arg.values):
            detail = "There is no such practice."
            raise InvalidInput(detail, errors=[error("/practice_id", "unknown_reference", detail)])


def _check_expiry(moment: datetime | None) -> None:
    now = datetime.now(UTC)
    if moment is None or not now < moment <= now + LONGEST:
        detail = "expires_at lies in the future, two years at most."
        raise InvalidInput(detail, errors=[error("/expires_at", "out_of_range", detail)])


def _assignments(body: RequestFields, arg: Arguments) -> dict[str, str]:
    values: dict[str, Any] = body.model_dump(exclude={"city_id", "preferred", "expires_at"})
    preferred = body.preferred
    values["preferred_countries"] = preferred.countries if preferred else []
    values["preferred_population_band"] = preferred.population_band if preferred else None
    values["preferred_roles"] = preferred.roles if preferred else []
    values["expires_at"] = body.expires_at or datetime.now(UTC) + OPEN_FOR
    return {name: arg(value) for name, value in values.items()}
