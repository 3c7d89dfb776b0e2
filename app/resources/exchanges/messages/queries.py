"""Reads of messages. Nobody but the two cities reads them, the operator included."""

from uuid import UUID

from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import city_ref, columns, moment, same, text_of
from app.paging import Key, after, order_by
from app.resources.exchanges.messages.schemas import MessagePublic, MessageQuery
from app.visibility import message_visible

OLDEST = (Key("m.created_at", "timestamptz"), Key("m.id", "uuid"))
DOCUMENT = columns(
    MessagePublic,
    {**same("m", "id", "response_id", "body"), "city": city_ref("c"), "created_at": moment("m.created_at")},
)
SOURCE = "message m JOIN response s ON s.id = m.response_id JOIN city c ON c.id = m.city_id"


def message(id_: UUID) -> Statement:
    """A message that was just written: `etag`, `body`."""
    return Statement(
        f"""
SELECT '"1-' || c.version || '"' AS etag, {text_of(DOCUMENT)} AS body
FROM {SOURCE} WHERE m.id = $1""",
        [id_],
    )


def message_page(caller: Caller, request_id: UUID, query: MessageQuery, position: list[str] | None) -> Statement:
    """A page of messages about a request, oldest first: `body`, `created_at`, `id`.

    The first row stands for the request and has a null body; no row at all: the caller is on neither side of a match.
    """
    arg = Arguments(request_id, caller.city_id)
    later = f"AND {after(OLDEST, position, arg)}" if position is not None else ""
    return Statement(
        f"""
SELECT NULL AS body, NULL AS created_at, NULL AS id FROM exchange_request r WHERE r.id = $1 AND (r.city_id = $2
    OR EXISTS (SELECT FROM response s WHERE s.request_id = r.id AND s.city_id = $2
               AND (s.status = 'accepted' OR EXISTS (SELECT FROM message m WHERE m.response_id = s.id))))
UNION ALL
(SELECT {text_of(DOCUMENT)}, m.created_at::text, m.id::text
 FROM {SOURCE} JOIN exchange_request r ON r.id = s.request_id
 WHERE r.id = $1 AND {message_visible(caller, arg)} {later} ORDER BY {order_by(OLDEST)} LIMIT {query.limit + 1})""",
        arg.values,
    )


def sides(caller: Caller, request_id: UUID) -> Statement:
    """What a message needs to know, the answer kept as it is: `status` of the request, `response_id` of the match.

    No row: the caller is neither the city that asked nor the one that was accepted.
    """
    arg = Arguments(request_id)
    return Statement(
        f"""
SELECT r.status, s.id AS response_id
FROM exchange_request r LEFT JOIN response s ON s.request_id = r.id AND s.status = 'accepted'
WHERE r.id = $1 AND {message_visible(caller, arg)} FOR SHARE OF r""",
        arg.values,
    )
