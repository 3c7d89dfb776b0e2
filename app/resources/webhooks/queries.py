"""Reads of webhooks and deliveries: one function, one SQL statement. An organization sees its own only."""

from uuid import UUID

from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import columns, moment, same, text_of, text_unless_known
from app.paging import Key, after, order_by
from app.resources.webhooks.schemas import DeliveryPublic, DeliveryQuery, WebhookPublic, WebhookQuery

NEWEST = (Key("w.created_at", "timestamptz", descending=True), Key("w.id", "uuid", descending=True))
NEWEST_DELIVERY = (Key("d.number", "bigint", descending=True),)
DOCUMENT = columns(
    WebhookPublic,
    {
        **same(
            "w", "id", "organization", "url", "description", "events", "filter", "scopes", "status", "disabled_reason",
            "version",
        ),
        "disabled_at": moment("w.disabled_at"),
        "failing_since": moment("w.failing_since"),
        "previous_secret_until": moment("CASE WHEN w.previous_secret_until > now() THEN w.previous_secret_until END"),
        "created_at": moment("w.created_at"),
        "updated_at": moment("w.updated_at"),
    },
)  # fmt: skip
# What changes without a new version is told apart by the second part of the tag.
ETAG = """'"' || w.version || '-' || coalesce(extract(epoch FROM w.failing_since)::bigint, 0)
    || CASE WHEN w.previous_secret_until > now() THEN 'p' ELSE '' END || '"'"""
DELIVERY = columns(
    DeliveryPublic,
    {
        **same("d", "id", "webhook_id", "event", "status", "attempts"),
        "payload": "d.payload::json",
        "next_attempt_at": moment("CASE WHEN d.status = 'pending' AND w.status = 'active' THEN"
                                  " greatest(d.due_at, w.resting_until, d.created_at) END"),
        "created_at": moment("d.created_at"),
        "delivered_at": moment("d.delivered_at"),
    },
)  # fmt: skip


def webhook(caller: Caller, id_: UUID, if_none_match: list[str]) -> Statement:
    """One webhook: `etag`, `body` (null when the client has it)."""
    return Statement(
        f"""
SELECT e.etag, {text_unless_known(DOCUMENT, "$3")} AS body
FROM webhook w CROSS JOIN LATERAL (SELECT {ETAG} AS etag) e
WHERE w.id = $1 AND w.organization = $2""",
        [id_, caller.organization, if_none_match],
    )


def webhook_page(caller: Caller, query: WebhookQuery, position: list[str] | None) -> Statement:
    """A page of webhooks, newest first, and one more row where there are more."""
    arg = Arguments(caller.organization)
    conditions = ["w.organization = $1"]
    if query.status:
        conditions.append(f"w.status = {arg(query.status)}")
    if position is not None:
        conditions.append(after(NEWEST, position, arg))
    return Statement(
        f"""
SELECT {text_of(DOCUMENT)} AS body, w.created_at::text, w.id::text
FROM webhook w WHERE {" AND ".join(conditions)} ORDER BY {order_by(NEWEST)} LIMIT {query.limit + 1}""",
        arg.values,
    )


def delivery(webhook_id: UUID, id_: UUID) -> Statement:
    """One delivery, to whoever has been let to its webhook: `etag`, `body`."""
    return Statement(
        f"""
SELECT '"' || d.tries || '"' AS etag, {text_of(DELIVERY)} AS body
FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id WHERE d.id = $2 AND d.webhook_id = $1""",
        [webhook_id, id_],
    )


def delivery_page(caller: Caller, webhook_id: UUID, query: DeliveryQuery, position: list[str] | None) -> Statement:
    """A page of deliveries, newest first: `body`, `number`.

    The first row stands for the webhook and has a null body; no row at all: the caller has no such webhook.
    """
    arg = Arguments(webhook_id, caller.organization)
    conditions = ["d.webhook_id = $1", "w.organization = $2"]
    equal = {"status": query.status, "event": query.event}
    conditions += [f"d.{name} = {arg(value)}" for name, value in equal.items() if value is not None]
    if position is not None:
        conditions.append(after(NEWEST_DELIVERY, position, arg))
    return Statement(
        f"""
SELECT NULL AS body, NULL AS number FROM webhook w WHERE w.id = $1 AND w.organization = $2
UNION ALL
(SELECT {text_of(DELIVERY)}, d.number::text FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id
 WHERE {" AND ".join(conditions)} ORDER BY {order_by(NEWEST_DELIVERY)} LIMIT {query.limit + 1})""",
        arg.values,
    )


def managed(caller: Caller, id_: UUID) -> Statement:
    """What a change starts from, the row locked."""
    return Statement(
        "SELECT w.version, w.status, w.base_url FROM webhook w WHERE w.id = $1 AND w.organization = $2 FOR UPDATE",
        [id_, caller.organization],
    )
