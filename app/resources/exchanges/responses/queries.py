"""Reads of answers: one function, one SQL statement."""

from uuid import UUID

from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import city_ref, columns, moment, same, text_of, text_unless_known
from app.paging import Key, after, order_by
from app.resources.exchanges.lifecycle import allowed_sql
from app.resources.exchanges.responses.lifecycle import MOVES
from app.resources.exchanges.responses.schemas import ResponsePublic, ResponseQuery
from app.resources.exchanges.schemas import RequestStep
from app.timeline import step_document, steps
from app.visibility import request_owned, request_visible, response_visible

OLDEST = (Key("s.created_at", "timestamptz"), Key("s.id", "uuid"))
SOURCE = "response s JOIN exchange_request r ON r.id = s.request_id JOIN city c ON c.id = s.city_id"


def is_own(caller: Caller, arg: Arguments) -> str:
    """The condition that the answer `s` is of the caller's city."""
    return f"s.city_id = {arg(caller.city_id)}" if caller.city_id else "FALSE"


def response(caller: Caller, request_id: UUID, id_: UUID, if_none_match: list[str]) -> Statement:
    """One answer: `etag`, and `body`, null when the client has it."""
    arg = Arguments(request_id, id_, if_none_match)
    return Statement(
        f"""
SELECT e.etag, {text_unless_known(_document(caller, arg), "$3")} AS body
FROM {SOURCE}
CROSS JOIN LATERAL (SELECT '"' || s.version || '-' || c.version
    || CASE WHEN r.status = 'open' THEN 'o' ELSE 'c' END || CASE WHEN {is_own(caller, arg)} THEN 'r' ELSE 'o' END
    || '"' AS etag) e
WHERE s.request_id = $1 AND s.id = $2 AND {response_visible(caller, arg)}""",
        arg.values,
    )


def response_page(caller: Caller, request_id: UUID, query: ResponseQuery, position: list[str] | None) -> Statement:
    """A page of a request's answers that the caller sees, oldest first: `body`, `created_at`, `id`.

    The first row stands for the request itself and has a null body; no row at all: the caller does not see it.
    """
    arg = Arguments(request_id)
    conditions = ["s.request_id = $1", response_visible(caller, arg)]
    if query.status:
        conditions.append(f"s.status = {arg(query.status)}")
    if position is not None:
        conditions.append(after(OLDEST, position, arg))
    return Statement(
        f"""
SELECT NULL AS body, NULL AS created_at, NULL AS id
FROM exchange_request r WHERE r.id = $1 AND {request_visible(caller, arg)}
UNION ALL
(SELECT {text_of(_document(caller, arg))}, s.created_at::text, s.id::text
 FROM {SOURCE} WHERE {" AND ".join(conditions)} ORDER BY {order_by(OLDEST)} LIMIT {query.limit + 1})""",
        arg.values,
    )


def timeline(caller: Caller, request_id: UUID, id_: UUID, limit: int, position: list[str] | None) -> Statement:
    """A page of the timeline of an answer, as `app.timeline.steps` gives it."""
    arg = Arguments(request_id, id_)
    seen = f"SELECT FROM {SOURCE} WHERE s.request_id = $1 AND s.id = $2 AND {response_visible(caller, arg)}"
    return Statement(steps(step_document(RequestStep), "response", "$2", seen, limit, position, arg), arg.values)


def writable(caller: Caller, request_id: UUID, id_: UUID) -> Statement:
    """What a move starts from, answer and request locked: both states, and what the caller is to the answer."""
    arg = Arguments(request_id, id_)
    own, owner = is_own(caller, arg), request_owned(caller, arg)
    is_responder = "TRUE" if caller.is_operator else own
    return Statement(
        f"""
SELECT s.status, r.status AS request_status, {owner} AS is_owner, {is_responder} AS is_responder
FROM {SOURCE} WHERE s.request_id = $1 AND s.id = $2 AND {response_visible(caller, arg)} FOR UPDATE OF r, s""",
        arg.values,
    )


def _document(caller: Caller, arg: Arguments) -> str:
    # Accepting waits until the request is open again.
    owner = request_owned(caller, arg)
    own = "TRUE" if caller.is_operator else is_own(caller, arg)
    possible = [move for move in MOVES if move.to != "accepted"]
    moves = allowed_sql("s.status", {"owner": owner, "responder": own}, MOVES)
    without_acceptance = allowed_sql("s.status", {"owner": owner, "responder": own}, possible)
    return columns(
        ResponsePublic,
        {
            **same("s", "id", "request_id", "practice_id", "message", "status", "decline_reason", "version"),
            "city": city_ref("c"),
            "created_at": moment("s.created_at"),
            "updated_at": moment("s.updated_at"),
            "allowed_transitions": f"CASE WHEN r.status = 'open' THEN {moves} ELSE {without_acceptance} END",
        },
    )
