"""Writes of practices, inside the caller's transaction."""

import json
from typing import get_args
from uuid import UUID

import asyncpg

from app.audit import audited
from app.caller import Actor, Caller
from app.database import Arguments, Connection, Row
from app.errors import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed, error
from app.identifiers import uuid7
from app.merging import Versions, merge_patch
from app.resources.practices import lifecycle
from app.resources.practices.feed import marked, unlinked
from app.resources.practices.queries import writable
from app.resources.practices.schemas import (
    PracticeCreate,
    PracticeFields,
    PracticeTransition,
    PracticeUpdate,
)
from app.timeline import step
from app.visibility import practice_visible

IS_TRANSLATED = """SELECT EXISTS (
    SELECT FROM practice_translation WHERE practice_id = $1 AND lower(language) = lower($2))"""


async def create_practice(connection: Connection, actor: Actor, body: PracticeCreate) -> UUID:
    """Make a draft; gives its id.

    Raises:
        Forbidden: the caller may not write for that city.
        InvalidInput: a reference leads nowhere, or no city is named.
        Conflict: an external id belongs to another record.
    """
    city_id = _city_of(actor.caller, body)
    id_ = uuid7()
    arg = Arguments(id_)
    values = {"id": "$1", "city_id": arg(city_id), **_assignments(body, arg)}
    source = "FROM made"
    await _fetch(
        connection,
        f"""
WITH made AS (INSERT INTO practice ({", ".join(values)}) VALUES ({", ".join(values.values())}) RETURNING id, version),
identified AS ({_external_ids(body, arg)}),
timed AS ({step(arg, actor, "practice", "'draft'")})
{audited(arg, actor, "created", "practice", source)}""",
        arg,
    )
    return id_


async def update_practice(
    connection: Connection, actor: Actor, id_: UUID, versions: Versions, patch: PracticeUpdate
) -> None:
    """Apply a merge patch (RFC 7396).

    Args:
        connection: with its transaction.
        actor: who changes it.
        id_: the practice.
        versions: the versions that the change may be for; None: any.
        patch: the patch; only what was sent counts.

    Raises:
        NotFound, Forbidden, PreconditionFailed: as the names say.
        Conflict: it is withdrawn or merged.
        InvalidInput, ValidationError: the record would break a rule after the change.
    """
    current = await locked(connection, actor.caller, id_, versions)
    check_alive(current)
    before = json.loads(current["fields"])
    if not patch.model_fields_set:
        return
    wanted = PracticeFields.model_validate(merge_patch(before, patch.model_dump(mode="json", exclude_unset=True)))
    after = wanted.model_dump(mode="json")  # what the patch removed is back as null or empty
    changed = sorted(name for name in patch.model_fields_set if after[name] != before[name])
    if not changed:
        return
    if "language" in changed and await connection.fetchval(IS_TRANSLATED, id_, wanted.language):
        detail = "There is a translation into this language; take it away first."
        raise InvalidInput(detail, errors=[error("/language", "translated", detail)])
    if current["status"] not in lifecycle.NEVER_PUBLISHED and wanted.summary is None:
        raise _lacks_summary()
    arg = Arguments(id_)
    assignments = ", ".join(f"{name} = {value}" for name, value in _assignments(wanted, arg).items())
    await _fetch(
        connection,
        f"""
WITH made AS (
    UPDATE practice SET {assignments}, version = version + 1, updated_at = now() WHERE id = $1
    RETURNING id, version, status, visibility),
{marked(arg, actor)}
{audited(arg, actor, "updated", "practice", "FROM made", changed=changed)}""",
        arg,
    )
    if "external_ids" in changed:
        # After the record itself, so that the version that this one follows is kept with the identities it had.
        arg = Arguments(id_)
        gone = "(DELETE FROM practice_external_id WHERE practice_id = $1 RETURNING id)"
        sql = f"WITH gone AS {gone} {_external_ids(wanted, arg)} WHERE (SELECT count(*) FROM gone) IS NOT NULL"
        await _fetch(connection, sql, arg)


async def move_practice(connection: Connection, actor: Actor, id_: UUID, body: PracticeTransition) -> None:
    """Move a practice to another state.

    Raises:
        NotFound, Forbidden, PreconditionFailed: as the names say.
        TransitionNotAllowed: there is no such move from where it is now.
        InvalidInput: the move lacks what it needs.
    """
    current = await locked(connection, actor.caller, id_, needs_owner=False)
    known: tuple[lifecycle.Side, ...] = get_args(lifecycle.Side)
    sides = {side for side in known if current[f"is_{side}"]}
    if not sides:
        raise Forbidden("The practice belongs to another organization.")
    move = lifecycle.check(current["status"], body.to, sides, body.model_dump())
    if move.to == "published" and not current["is_complete"]:
        raise _lacks_summary()
    if move.side == "reviewer":
        actor.caller.require("reviews:write")
    if move.to == "merged":
        await _check_successor(connection, actor.caller, id_, body.successor)
    await _move(connection, actor, id_, move, body)


async def claim_practice(connection: Connection, actor: Actor, id_: UUID) -> None:
    """Make the city the only one who changes a record that networks brought in; once claimed, nothing changes.

    Raises:
        NotFound, Forbidden: as the names say.
        Conflict: it is withdrawn or merged.
    """
    current = await locked(connection, actor.caller, id_, needs_owner=False)
    if not actor.caller.is_operator and actor.caller.city_id != current["city_id"]:
        raise Forbidden("Only the practice's city claims it.")
    check_alive(current)
    arg = Arguments(id_)
    await _fetch(
        connection,
        f"""
WITH made AS (
    UPDATE practice SET claimed = true, version = version + 1, updated_at = now() WHERE id = $1 AND NOT claimed
    RETURNING id, version, status, visibility),
timed AS ({step(arg, actor, "practice", "status", start="status", reason="'claimed'")}),
{marked(arg, actor)}
{audited(arg, actor, "claimed", "practice", "FROM made")}""",
        arg,
    )


async def delete_practice(connection: Connection, actor: Actor, id_: UUID, versions: Versions) -> None:
    """Let a draft vanish; withdraw what was published, and keep its tombstone.

    Raises:
        NotFound, Forbidden, PreconditionFailed: as the names say.
        TransitionNotAllowed: it is withdrawn or merged already.
    """
    current = await locked(connection, actor.caller, id_, versions)
    if current["status"] not in lifecycle.NEVER_PUBLISHED:
        move = lifecycle.WITHDRAWAL.get(current["status"]) or lifecycle.check(current["status"], "withdrawn", set(), {})
        await _move(connection, actor, id_, move, PracticeTransition(to="withdrawn"))
        return
    arg = Arguments(id_)
    await _fetch(
        connection,
        f"""
WITH made AS (DELETE FROM practice WHERE id = $1 RETURNING id, version),
{unlinked(arg, actor, "$1")}
{audited(arg, actor, "deleted", "practice", "FROM made")}""",
        arg,
    )


async def _move(
    connection: Connection, actor: Actor, id_: UUID, move: lifecycle.Move, body: PracticeTransition
) -> None:
    arg = Arguments(id_)
    successor = arg(body.successor if move.to == "merged" else None)
    network = arg(body.network if move.to == "submitted" else None)
    note = arg(body.note)
    await _fetch(
        connection,
        f"""
WITH made AS (
    UPDATE practice SET status = {arg(move.to)}, version = version + 1, updated_at = now(),
        published_at = CASE WHEN '{move.to}' = 'published' THEN coalesce(published_at, now()) ELSE published_at END,
        listed_at = CASE WHEN '{move.to}' = 'published' AND published_at IS NULL THEN now() ELSE listed_at END,
        submitted_to = coalesce({network}::text, submitted_to), successor = {successor}::uuid,
        closed_note = CASE WHEN '{move.to}' IN ('withdrawn', 'merged', 'archived') THEN {note}::text END
    WHERE id = $1 AND status = {arg(move.start)}
    RETURNING id, version, status, visibility),
timed AS ({step(arg, actor, "practice", "status", start=arg(move.start), note=note)}),
{marked(arg, actor)}
{audited(arg, actor, "transitioned", "practice", "FROM made", changed=["status"])}""",
        arg,
    )


async def _check_successor(connection: Connection, caller: Caller, id_: UUID, successor: UUID | None) -> None:
    """Refuse a successor that the caller does not see published: redirections end, and never at a 404."""
    arg = Arguments(successor, id_)
    others = f"p.id = $1 AND p.id <> $2 AND p.status = 'published' AND ({practice_visible(caller, arg)})"
    if await connection.fetchrow(f"SELECT FROM practice p WHERE {others} FOR SHARE", *arg.values) is None:
        detail = "The successor is another published practice."
        raise InvalidInput(detail, errors=[error("/successor", "unknown_reference", detail)])


async def locked(
    connection: Connection, caller: Caller, id_: UUID, versions: Versions = None, *, needs_owner: bool = True
) -> Row:
    """What a change of a practice starts from, as `queries.writable` gives it, the row locked.

    Raises:
        NotFound: the caller does not see it.
        Forbidden: it belongs to another organization, and the change needs its owner.
        PreconditionFailed: it is at none of these versions any more.
    """
    row = await connection.fetchrow(*writable(caller, id_).flat)
    if row is None:
        raise NotFound("There is no such practice.")
    if needs_owner and not row["is_owner"]:
        raise Forbidden("The practice belongs to another organization.", organization=caller.organization)
    check_version(row, versions)
    return row


def check_version(current: Row, versions: Versions) -> None:
    """Raise PreconditionFailed unless the practice is at one of these versions; None: at any."""
    if versions is not None and current["version"] not in versions:
        raise PreconditionFailed(f"The practice is at version {current['version']} now.")


def check_alive(current: Row) -> None:
    """Raise Conflict for a practice that is withdrawn or merged."""
    if current["status"] in lifecycle.FINAL:
        raise Conflict(f"The practice is {current['status']}; what is left of it stays as it is.")


def _city_of(caller: Caller, body: PracticeCreate) -> str:
    city_id = body.city_id or caller.city_id
    if city_id is None:
        detail = "Name the city whose practice it is."
        raise InvalidInput(detail, errors=[error("/city_id", "missing", detail)])
    if caller.is_operator or caller.city_id == city_id:
        return str(city_id)
    if caller.network_id:
        raise Forbidden("A network brings records in at /v1/sources/{network}/practices, under ids of its own.")
    raise Forbidden("A city writes its own practices only.")


def _assignments(body: PracticeFields, arg: Arguments) -> dict[str, str]:
    """Columns and placeholders for every field that lies in the practice's own row."""
    values = body.model_dump(mode="json", exclude={"city_id", "contact", "external_ids"})
    for name in ("resources", "implementers", "indicators"):
        values[name] = json.dumps(values[name])
    assignments = {name: arg(value) for name, value in values.items()}
    for name in ("resources", "implementers", "indicators"):
        assignments[name] += "::jsonb"
    assignments["contact_unit"] = arg(body.contact.unit if body.contact else None)
    assignments["contact_email"] = arg(body.contact.email if body.contact else None)
    return assignments


def _external_ids(body: PracticeFields, arg: Arguments) -> str:
    columns = [[getattr(entry, name) for entry in body.external_ids] for name in ("scheme", "value", "url")]
    return (
        "INSERT INTO practice_external_id (practice_id, scheme, value, url) SELECT $1, x.* FROM unnest("
        + ", ".join(f"{arg(column)}::text[]" for column in columns)
        + ") x"
    )


async def _fetch(connection: Connection, sql: str, arg: Arguments) -> None:
    try:
        await connection.execute(sql, *arg.values)
    except asyncpg.UniqueViolationError as reason:
        if reason.constraint_name == "uq_practice_external_id_scheme_value":
            raise Conflict("One of the external ids belongs to another practice.") from reason
        raise
    except asyncpg.ForeignKeyViolationError as reason:
        if reason.constraint_name == "fk_practice_submitted_to":
            detail = "There is no such network."
            raise InvalidInput(detail, errors=[error("/network", "unknown_reference", detail)]) from reason
        raise


def _lacks_summary() -> InvalidInput:
    detail = "A published practice has a summary."
    return InvalidInput(detail, errors=[error("/summary", "missing", detail)])
