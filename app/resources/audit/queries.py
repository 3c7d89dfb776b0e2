"""Reads of the audit trail."""

from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import columns, moment, same, text_of
from app.paging import Key, after, order_by
from app.resources.audit.schemas import AuditEntry, AuditQuery

KEYS = (Key("a.id", "bigint", descending=True),)
DOCUMENT = columns(
    AuditEntry,
    {
        **same(
            "a", "id", "organization", "client_id", "request_id", "action", "record_type", "record_id", "version",
            "changed",
        ),
        "at": moment("a.at"),
    },
)  # fmt: skip


def audit_page(caller: Caller, query: AuditQuery, position: list[str] | None) -> Statement:
    """A page of the audit trail, newest first, and one more row where there are more: `body`, `id`."""
    arg = Arguments()
    conditions = ["TRUE" if caller.is_operator else f"a.organization = {arg(caller.organization)}"]
    equal = {
        "organization": query.organization,
        "record_type": query.record_type,
        "record_id": query.record_id,
        "action": query.action,
    }
    conditions += [f"a.{name} = {arg(value)}" for name, value in equal.items() if value is not None]
    if query.since is not None:
        conditions.append(f"a.at >= {arg(query.since)}")
    if query.until is not None:
        conditions.append(f"a.at < {arg(query.until)}")
    if position is not None:
        conditions.append(after(KEYS, position, arg))
    return Statement(
        f"""
SELECT {text_of(DOCUMENT)} AS body, a.id::text
FROM audit a WHERE {" AND ".join(conditions)} ORDER BY {order_by(KEYS)} LIMIT {query.limit + 1}""",
        arg.values,
    )
