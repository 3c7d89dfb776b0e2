"""Writes of answers, inside the caller's transaction: the request is locked first, so that one acceptance wins."""

from uuid import UUID

import asyncpg

from app.audit import audited
from app.caller import Actor, Caller
from app.database import Arguments, Connection, Row
from app.errors import Conflict, Forbidden, InvalidInput, NotFound, TransitionNotAllowed, error
from app.identifiers import uuid7
from app.resources.exchanges import lifecycle
from app.resources.exchanges.commands import marked
from app.resources.exchanges.queries import writable as writable_request
from app.resources.exchanges.responses import queries
from app.resources.exchanges.responses.lifecycle import ENDED, MOVES
from app.resources.exchanges.responses.schemas import ResponseCreate, ResponseTransition
from app.timeline import step
from app.visibility import practice_visible

# Those addressed are done when none of them has a live answer, and each has ended one since the request was last open.
UNFULFILLED = """
UPDATE exchange_request r SET status = 'unfulfilled', version = version + 1, updated_at = now()
WHERE r.id = $1 AND r.status = 'open' AND r.addressed_to <> '{}' AND NOT EXISTS (
    SELECT FROM unnest(r.addressed_to) AS asked WHERE EXISTS (
        SELECT FROM response s WHERE s.request_id = r.id AND 'city:' || s.city_id = asked
        AND s.status IN ('proposed', 'tentative', 'accepted'))
    OR NOT EXISTS (
        SELECT FROM response s WHERE s.request_id = r.id AND 'city:' || s.city_id = asked
        AND s.status IN ('declined', 'withdrawn') AND s.updated_at >= (
            SELECT max(t.at) FROM transition t
            WHERE t.record_type = 'exchange_request' AND t.record_id = r.id AND t.to_status = 'open')))
RETURNING id, version, visibility"""


async def create_response(connection: Connection, actor: Actor, request_id: UUID, body: ResponseCreate) -> UUID:
    """Answer an open request; gives the answer's id.

    Raises:
        NotFound: the caller does not see the request.
        Forbidden: it is the caller's own, or others are addressed.
        Conflict: it is not open, or the city has a live answer to it.
        InvalidInput: the practice cannot be meant.
    """
    current = await connection.fetchrow(*writable_request(actor.caller, request_id).flat)
    if current is None:
        raise NotFound("There is no such exchange request.")
    city_id = _city_of(actor.caller, body)
    networks = () if actor.caller.is_operator else actor.caller.networks
    _check_addressed(current, city_id, networks, is_refusal=body.status == "declined")
    if current["status"] != "open":
        raise Conflict(f"The request is {current['status']}; only an open one is answered.")
    await _check_practice(connection, actor.caller, body.practice_id)
    id_ = uuid7()
    arg = Arguments(request_id, id_)
    status, reason = arg(body.status), arg(body.decline_reason)
    answer = step(arg, actor, "response", status, reason=reason, source="answered")
    try:
        await connection.execute(
            f"""
WITH answered AS (
    INSERT INTO response (id, request_id, city_id, practice_id, message, status, decline_reason)
    VALUES ($2, $1, {arg(city_id)}, {arg(body.practice_id)}, {arg(body.message)}, {status}, {reason})
            RETURNING id, request_id, version),
timed AS ({answer}),
made AS (UPDATE exchange_request SET response_count = response_count + 1 WHERE id = $1
         RETURNING id, version, visibility),
marked AS ({marked(arg, actor)})
{audited(arg, actor, "created", "response", "FROM answered")}""",
            *arg.values,
        )
    except asyncpg.UniqueViolationError as doubled:
        raise Conflict("The city has an answer to this request already; withdraw it first.") from doubled
    if body.status in ENDED:
        await _end_unanswered(connection, actor, request_id)
    return id_


async def move_response(
    connection: Connection, actor: Actor, request_id: UUID, id_: UUID, body: ResponseTransition
) -> None:
    """Move an answer to another state; accepting it makes the match.

    Raises:
        NotFound: the caller does not see the answer.
        TransitionNotAllowed: there is no such move from where answer and request are now.
        InvalidInput: the move lacks what it needs.
    """
    current = await connection.fetchrow(*queries.writable(actor.caller, request_id, id_).flat)
    if current is None:
        raise NotFound("There is no such response.")
    known: tuple[lifecycle.Side, ...] = ("owner", "responder")
    sides = {side for side in known if current[f"is_{side}"]}
    is_open = current["request_status"] == "open"
    moves = MOVES if is_open else [move for move in MOVES if move.to != "accepted"]
    try:
        move = lifecycle.check(current["status"], body.to, sides, body.model_dump(), moves)
    except TransitionNotAllowed as refused:
        if is_open or body.to != "accepted":
            raise
        raise TransitionNotAllowed(
            f"The request is {current['request_status']}; answers are accepted while it is open.",
            current=current["status"],
            allowed=lifecycle.allowed(current["status"], sides, moves),
        ) from refused
    arg = Arguments(request_id, id_)
    moved = step(
        arg, actor, "response", arg(move.to), start=arg(move.start), note=arg(body.note), reason=arg(body.reason),
        source="answered",
    )  # fmt: skip
    matching = ""
    if move.to == "accepted":
        matched = step(arg, actor, "exchange_request", "'matched'", start="'open'")
        matching = f"""made AS (
    UPDATE exchange_request SET status = 'matched', version = version + 1, updated_at = now()
    WHERE id = $1 AND status = 'open' RETURNING id, version, visibility),
matched AS ({matched}),
marked AS ({marked(arg, actor)}),
audited AS ({audited(arg, actor, "transitioned", "exchange_request", "FROM made", changed=["status"])}),"""
    await connection.execute(
        f"""
WITH answered AS (
    UPDATE response SET status = {arg(move.to)}, version = version + 1, updated_at = now(),
        decline_reason = {arg(body.reason if move.to == "declined" else None)}
    WHERE id = $2 AND request_id = $1 AND status = {arg(move.start)} RETURNING id, version),
{matching}
timed AS ({moved})
{audited(arg, actor, "transitioned", "response", "FROM answered", changed=["status"])}""",
        *arg.values,
    )
    if move.to in ENDED:
        await _end_unanswered(connection, actor, request_id)


async def _end_unanswered(connection: Connection, actor: Actor, request_id: UUID) -> None:
    """Move the request to unfulfilled when all who are addressed have declined."""
    system = Actor(Caller(), actor.request_id)
    arg = Arguments(request_id)
    await connection.execute(
        f"""
WITH made AS ({UNFULFILLED}),
timed AS ({step(arg, system, "exchange_request", "'unfulfilled'", start="'open'")}),
marked AS ({marked(arg, system)})
{audited(arg, system, "transitioned", "exchange_request", "FROM made", changed=["status"])}""",
        *arg.values,
    )


def _city_of(caller: Caller, body: ResponseCreate) -> str:
    city_id = body.city_id or caller.city_id
    if city_id is None:
        if not caller.is_operator:
            raise Forbidden("Cities answer requests.")
        detail = "Name the city that answers."
        raise InvalidInput(detail, errors=[error("/city_id", "missing", detail)])
    if caller.is_operator or caller.city_id == city_id:
        return city_id
    raise Forbidden("A city answers for itself only.")


def _check_addressed(current: Row, city_id: str, networks: tuple[str, ...], *, is_refusal: bool) -> None:
    if city_id == current["city_id"]:
        raise Forbidden("A city does not answer its own request.")
    asked = set(current["addressed_to"])
    is_asked = f"city:{city_id}" in asked
    if is_refusal and not is_asked:
        detail = "Only a city that is addressed declines."
        raise InvalidInput(detail, errors=[error("/status", "not_allowed", detail)])
    if asked and not is_asked and not asked & {f"network:{network}" for network in networks}:
        raise Forbidden("The request is addressed to others.")


async def _check_practice(connection: Connection, caller: Caller, practice_id: UUID | None) -> None:
    if practice_id is None:
        return
    arg = Arguments(practice_id)
    visible = f"p.id = $1 AND p.status = 'published' AND {practice_visible(caller, arg)}"
    if not await connection.fetchval(f"SELECT EXISTS (SELECT FROM practice p WHERE {visible})", *arg.values):
        detail = "There is no such published practice."
        raise InvalidInput(detail, errors=[error("/practice_id", "unknown_reference", detail)])
