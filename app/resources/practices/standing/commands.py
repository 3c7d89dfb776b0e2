"""Verifications and endorsements, inside the caller's transaction."""

from uuid import UUID

import asyncpg

from app.audit import audited
from app.caller import Actor
from app.database import Arguments, Connection, Row
from app.errors import Conflict, Forbidden
from app.events import cities_that_want, noted
from app.resources.practices.commands import locked
from app.resources.practices.feed import marked
from app.resources.practices.filters import STALE_AFTER
from app.resources.practices.standing.schemas import EndorsementCreate

REMINDED_AT_ONCE = 1_000


async def verify_practice(connection: Connection, actor: Actor, id_: UUID) -> None:
    """Record that a person of those who stand behind the practice checked it today.

    Raises:
        NotFound, Forbidden: as the names say.
        Conflict: the practice is not published.
    """
    current = await _published(connection, actor, id_)
    if not current["is_owner"]:
        raise Forbidden("Those who stand behind a practice verify it: its city, or the network that brought it in.")
    arg = Arguments(id_)
    await connection.execute(
        f"""
WITH made AS (UPDATE practice SET last_verified_at = now(), version = version + 1 WHERE id = $1
              RETURNING id, version, status, visibility),
{marked(arg, actor)}
{audited(arg, actor, "verified", "practice", "FROM made", changed=["last_verified_at"])}""",
        *arg.values,
    )


async def endorse_practice(connection: Connection, actor: Actor, id_: UUID, body: EndorsementCreate) -> None:
    """Vouch for another's published practice, once.

    Raises:
        NotFound: the caller does not see the practice.
        Forbidden: the caller stands behind it itself, or is no member city or network.
        Conflict: the practice is not published, or endorsed by the caller already.
    """
    current = await _published(connection, actor, id_)
    if actor.caller.is_operator:
        raise Forbidden("Member cities and networks endorse practices.")
    if current["is_owner"] or current["city_id"] == actor.caller.city_id:
        raise Forbidden("Nobody endorses what is its own.")
    arg = Arguments(id_, actor.organization, body.comment)
    try:
        await connection.execute(
            f"""
WITH endorsed AS (INSERT INTO practice_endorsement (practice_id, organization, comment) VALUES ($1, $2, $3)
                  RETURNING practice_id),
made AS (UPDATE practice p SET version = p.version + 1 FROM endorsed WHERE p.id = endorsed.practice_id
         RETURNING p.id, p.version, p.status, p.visibility),
{marked(arg, actor)}
{audited(arg, actor, "endorsed", "practice", "FROM made", changed=["endorsements"])}""",
            *arg.values,
        )
    except asyncpg.UniqueViolationError as reason:
        raise Conflict("The organization has endorsed this practice already.") from reason


async def remind_of_verification(connection: Connection) -> int:
    """Note that practices have become stale whose cities want to be told, each once for a due date; gives how many."""
    status = await connection.execute(
        f"""
WITH due AS MATERIALIZED (
    SELECT p.id, p.version, d.due_at FROM practice p
    CROSS JOIN LATERAL (
        SELECT coalesce(p.last_verified_at, p.published_at, p.created_at) + {STALE_AFTER} AS due_at) d
    WHERE p.city_id IN ({cities_that_want("verification.due")}) AND p.status = 'published' AND d.due_at <= now()
      AND NOT EXISTS (SELECT FROM verification_notice n WHERE n.practice_id = p.id AND n.due_at >= d.due_at)
    LIMIT {REMINDED_AT_ONCE}),
told AS (INSERT INTO verification_notice (practice_id, due_at) SELECT id, due_at FROM due
         ON CONFLICT (practice_id) DO UPDATE SET due_at = excluded.due_at)
{noted("verification.due", "FROM due")}"""
    )
    return int(status.split()[-1])


async def _published(connection: Connection, actor: Actor, id_: UUID) -> Row:
    current = await locked(connection, actor.caller, id_, needs_owner=False)
    if current["status"] != "published":
        raise Conflict(f"The practice is {current['status']}; only a published one is verified and endorsed.")
    return current
