"""Writes of messages, inside the caller's transaction."""

from uuid import UUID

from app.audit import audited
from app.caller import Actor
from app.database import Arguments, Connection
from app.errors import Conflict, NotFound
from app.identifiers import uuid7
from app.resources.exchanges.messages.queries import sides
from app.resources.exchanges.messages.schemas import MessageCreate


async def create_message(connection: Connection, actor: Actor, request_id: UUID, body: MessageCreate) -> UUID:
    """Write to the other side of a match; gives the message's id.

    Raises:
        NotFound: the caller is on neither side.
        Conflict: no answer is accepted, so that there is nobody to write to.
    """
    current = await connection.fetchrow(*sides(actor.caller, request_id).flat)
    if current is None:
        raise NotFound("There is no such exchange of the caller's.")
    if current["response_id"] is None:
        raise Conflict(f"The request is {current['status']}; messages pass once an answer is accepted.")
    id_ = uuid7()
    arg = Arguments(id_, current["response_id"], actor.caller.city_id, body.body)
    await connection.execute(
        f"""
WITH made AS (INSERT INTO message (id, response_id, city_id, body) VALUES ($1, $2, $3, $4) RETURNING id)
{audited(arg, actor, "created", "message", "FROM made", version="1")}""",
        *arg.values,
    )
    return id_
