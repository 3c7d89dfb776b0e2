"""Reads of clients: one function, one SQL statement."""

from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import columns, moment, same, text_of, text_unless_known
from app.paging import Key, after, order_by
from app.resources.clients.schemas import ClientPublic, ClientQuery

KEYS = (Key("c.created_at", "timestamptz", descending=True), Key("c.id", "text", descending=True))
DOCUMENT = columns(
    ClientPublic,
    {
        **same("c", "name", "organization", "scopes", "created_by", "version"),
        "client_id": "c.id",
        "created_at": moment("c.created_at"),
        "last_used_at": moment("c.last_used_at"),
        "secret_expires_at": moment("c.secret_expires_at"),
        "previous_secret_until": moment("CASE WHEN c.previous_secret_until > now() THEN c.previous_secret_until END"),
        "revoked_at": moment("c.revoked_at"),
    },
)
# The moments that pass without a change of the version are told apart by the second part of the tag.
ETAG = """'"' || c.version || '-' || coalesce(extract(epoch FROM c.last_used_at)::bigint, 0)
    || CASE WHEN c.previous_secret_until > now() THEN 'p' ELSE '' END || '"'"""
ORGANIZATION_NAME = """
SELECT coalesce((SELECT name FROM city WHERE id = $1 AND $2 = 'city'),
                (SELECT name FROM network WHERE id = $1 AND $2 = 'network'),
                'The operator of this exchange')
"""


def client(caller: Caller, client_id: str, if_none_match: list[str]) -> Statement:
    """One client: `etag`, `body` (null when the client has it)."""
    arg = Arguments(client_id, if_none_match)
    return Statement(
        f"""
SELECT e.etag, {text_unless_known(DOCUMENT, "$2")} AS body
FROM client c CROSS JOIN LATERAL (SELECT {ETAG} AS etag) e
WHERE c.id = $1 AND {_managed(caller, arg)}""",
        arg.values,
    )


def client_page(caller: Caller, query: ClientQuery, position: list[str] | None) -> Statement:
    """A page of clients, newest first, and one more row where there are more."""
    arg = Arguments()
    conditions = [_managed(caller, arg)]
    if query.organization:
        conditions.append(f"c.organization = {arg(query.organization)}")
    if position is not None:
        conditions.append(after(KEYS, position, arg))
    return Statement(
        f"""
SELECT {text_of(DOCUMENT)} AS body, c.created_at::text, c.id
FROM client c WHERE {" AND ".join(conditions)} ORDER BY {order_by(KEYS)} LIMIT {query.limit + 1}""",
        arg.values,
    )


def managed_client(caller: Caller, client_id: str) -> Statement:
    """What a change starts from, the row locked."""
    arg = Arguments(client_id)
    return Statement(
        f"""
SELECT c.version, c.organization, c.name, c.scopes, c.revoked_at IS NOT NULL AS is_revoked
FROM client c WHERE c.id = $1 AND {_managed(caller, arg)} FOR UPDATE""",
        arg.values,
    )


def organization_name(caller: Caller) -> Statement:
    """The name of the caller's organization."""
    return Statement(ORGANIZATION_NAME, [caller.id, caller.kind])


def _managed(caller: Caller, arg: Arguments) -> str:
    """The condition that the caller manages the client `c`."""
    return "TRUE" if caller.is_operator else f"c.organization = {arg(caller.organization)}"
