"""Writes of adoptions, inside the caller's transaction. Only the adopting city writes; the origin confirms."""

import json
from uuid import UUID

import asyncpg

from app.audit import audited
from app.caller import Actor
from app.database import Arguments, Connection, Row
from app.errors import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed, error
from app.feed import mark
from app.identifiers import uuid7
from app.merging import Versions, merge_patch
from app.resources.adoptions.queries import PLAIN, writable
from app.resources.adoptions.schemas import AdoptionCreate, AdoptionFields, AdoptionUpdate
from app.visibility import PUBLIC, practice_visible, request_visible

# Whoever writes a link between practices holds this lock until it is committed: two links made at once could otherwise
# close a circle that neither of them sees.
LINKING = "SELECT pg_advisory_xact_lock(hashtext('practice-exchange lineage'))"
DESCENDS = """
WITH RECURSIVE below (id) AS (
    SELECT $1::uuid
    UNION SELECT a.resulting_practice_id FROM below b JOIN adoption a ON a.practice_id = b.id
    WHERE a.resulting_practice_id IS NOT NULL)
SELECT EXISTS (SELECT FROM below WHERE id = $2)"""


async def create_adoption(connection: Connection, actor: Actor, practice_id: UUID, body: AdoptionCreate) -> UUID:
    """Record that the caller's city adapts a published practice; gives the adoption's id.

    Raises:
        NotFound: the caller does not see the practice.
        Forbidden: the caller is no city, or it is its own practice.
        Conflict: the practice is not published, or the city has an adoption of it.
        InvalidInput: the version or a reference leads nowhere, or the lineage would be a circle.
    """
    caller = actor.caller
    arg = Arguments(practice_id)
    practice = await connection.fetchrow(
        f"SELECT p.version, p.status, p.city_id FROM practice p WHERE p.id = $1 AND {practice_visible(caller, arg)}"
        " FOR NO KEY UPDATE OF p",
        *arg.values,
    )
    if practice is None:
        raise NotFound("There is no such practice.")
    if caller.city_id is None:
        raise Forbidden("Cities adopt practices.")
    if practice["city_id"] == caller.city_id:
        raise Forbidden("A city does not adopt its own practice.")
    if practice["status"] != "published":
        raise Conflict(f"The practice is {practice['status']}; only a published one is adopted.")
    if body.practice_version is not None and body.practice_version > practice["version"]:
        detail = f"The practice is at version {practice['version']}."
        raise InvalidInput(detail, errors=[error("/practice_version", "out_of_range", detail)])
    await _check_references(connection, actor, practice_id, body)
    id_ = uuid7()
    arg = Arguments(practice_id, id_)
    values = {name: arg(getattr(body, name)) for name in PLAIN}
    try:
        await connection.execute(
            f"""
WITH made AS (
    INSERT INTO adoption (id, practice_id, practice_version, city_id, {", ".join(values)})
    VALUES ($2, $1, {arg(body.practice_version or practice["version"])}, {arg(caller.city_id)},
            {", ".join(values.values())}) RETURNING id, version),
counted AS (UPDATE practice SET adoption_count = adoption_count + 1 WHERE id = $1
            RETURNING id, version, status, visibility),
shown AS ({mark("practice", f"FROM counted WHERE {PUBLIC}", origin=arg(actor.organization))}),
marked AS ({_marked(arg, actor, "counted")})
{audited(arg, actor, "created", "adoption", "FROM made")}""",
            *arg.values,
        )
    except asyncpg.UniqueViolationError as reason:
        raise Conflict("The city has an adoption of this practice already; change that one.") from reason
    return id_


async def update_adoption(
    connection: Connection, actor: Actor, practice_id: UUID, id_: UUID, versions: Versions, patch: AdoptionUpdate
) -> None:
    """Apply a merge patch (RFC 7396); a change of what was said takes the origin's confirmation away.

    Raises:
        NotFound, Forbidden, PreconditionFailed: as the names say.
        InvalidInput: it would break a rule after the change.
    """
    current = _seen(await connection.fetchrow(*writable(actor.caller, practice_id, id_).flat))
    if not actor.caller.is_operator and actor.caller.city_id != current["city_id"]:
        raise Forbidden("Only the adopting city changes its adoption.")
    if versions is not None and current["version"] not in versions:
        raise PreconditionFailed(f"The adoption is at version {current['version']} now.")
    before = json.loads(current["fields"])
    wanted = AdoptionFields.model_validate(merge_patch(before, patch.model_dump(mode="json", exclude_unset=True)))
    after = wanted.model_dump(mode="json")  # what the patch removed is back as null
    changed = sorted(name for name in PLAIN if after[name] != before[name])
    if not changed:
        return
    await _check_references(connection, actor, practice_id, wanted, changed, city_id=current["city_id"])
    arg = Arguments(practice_id, id_)
    assignments = ", ".join(f"{name} = {arg(getattr(wanted, name))}" for name in PLAIN)
    await connection.execute(
        f"""
WITH made AS (
    UPDATE adoption SET {assignments}, confirmed_by_origin = false, version = version + 1, updated_at = now()
    WHERE id = $2 RETURNING id, version),
practice_of AS (SELECT status, visibility FROM practice WHERE id = $1),
marked AS ({_marked(arg, actor, "practice_of")})
{audited(arg, actor, "updated", "adoption", "FROM made", changed=changed)}""",
        *arg.values,
    )


async def confirm_adoption(connection: Connection, actor: Actor, practice_id: UUID, id_: UUID) -> None:
    """The city that the practice comes from confirms the adoption; once confirmed, nothing changes.

    Raises:
        NotFound, Forbidden: as the names say.
    """
    current = _seen(await connection.fetchrow(*writable(actor.caller, practice_id, id_).flat))
    if not actor.caller.is_operator and actor.caller.city_id != current["origin_id"]:
        raise Forbidden("Only the city that the practice comes from confirms an adoption.")
    if current["confirmed_by_origin"]:
        return
    arg = Arguments(practice_id, id_)
    await connection.execute(
        f"""
WITH made AS (UPDATE adoption SET confirmed_by_origin = true, version = version + 1, updated_at = now()
              WHERE id = $2 RETURNING id, version),
practice_of AS (SELECT status, visibility FROM practice WHERE id = $1),
marked AS ({_marked(arg, actor, "practice_of")})
{audited(arg, actor, "confirmed", "adoption", "FROM made", changed=["confirmed_by_origin"])}""",
        *arg.values,
    )


def _marked(arg: Arguments, actor: Actor, practice: str) -> str:
    """The feed mark of `made`: of a practice that is not public only where the feed has shown it."""
    source = (
        f"FROM made, (SELECT {PUBLIC} AS is_public FROM {practice}) shown_as WHERE is_public"
        " OR EXISTS (SELECT FROM feed f WHERE f.type = 'adoption' AND f.id = made.id::text)"
    )
    op = "CASE WHEN is_public THEN 'upsert' ELSE 'delete' END"
    return mark("adoption", source, id_="made.id", version="made.version", op=op, origin=arg(actor.organization))


def _seen(row: Row | None) -> Row:
    if row is None:
        raise NotFound("There is no such adoption.")
    return row


async def _check_references(
    connection: Connection,
    actor: Actor,
    practice_id: UUID,
    body: AdoptionFields,
    changed: list[str] | None = None,
    *,
    city_id: str | None = None,
) -> None:
    """Refuse a resulting practice that is not the city's or closes a circle, and an exchange it had no part in."""
    city_id = city_id or actor.caller.city_id
    new = PLAIN if changed is None else changed
    if body.resulting_practice_id is not None and "resulting_practice_id" in new:
        await connection.execute(LINKING)
        own = "SELECT EXISTS (SELECT FROM practice WHERE id = $1 AND city_id = $2)"
        if not await connection.fetchval(own, body.resulting_practice_id, city_id):
            _refuse("/resulting_practice_id", "unknown_reference", "The adopting city has no such practice.")
        if await connection.fetchval(DESCENDS, body.resulting_practice_id, practice_id):
            _refuse("/resulting_practice_id", "circle", "The adopted practice comes from that one itself.")
    if body.exchange_request_id is not None and "exchange_request_id" in new:
        arg = Arguments(body.exchange_request_id, city_id)
        taken_part = (
            "r.city_id = $2 OR EXISTS (SELECT FROM response s WHERE s.request_id = r.id AND s.city_id = $2"
            " AND s.status = 'accepted')"
        )
        conditions = f"r.id = $1 AND ({taken_part}) AND {request_visible(actor.caller, arg)}"
        sql = f"SELECT EXISTS (SELECT FROM exchange_request r WHERE {conditions})"
        if not await connection.fetchval(sql, *arg.values):
            _refuse("/exchange_request_id", "unknown_reference", "The city took part in no such exchange.")


def _refuse(pointer: str, code: str, detail: str) -> None:
    raise InvalidInput(detail, errors=[error(pointer, code, detail)])
