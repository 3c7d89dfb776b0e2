"""Writes of webhooks, inside the caller's transaction."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.audit import audited
from app.caller import Actor, Caller
from app.database import Arguments, Connection, Row
from app.errors import Conflict, NotFound, PreconditionFailed
from app.events import CHANNEL, searches
from app.identifiers import uuid7
from app.merging import Versions
from app.outgoing.signature import new_secret
from app.resources.webhooks.queries import managed
from app.resources.webhooks.schemas import WebhookCreate, WebhookUpdate

MOST_WEBHOOKS = 100
MOST_TRIES = 200
# The scopes that decide what a token sees.
SEEING = frozenset({"exchanges:read", "exchanges:write", "operator"})
MISSING = "There is no such webhook."


async def create_webhook(connection: Connection, actor: Actor, body: WebhookCreate, base_url: str) -> tuple[UUID, str]:
    """Register a webhook whose URL was checked; gives its id and secret.

    `base_url` is the address of this exchange, with which the records' addresses begin in what is sent.

    Raises:
        InvalidInput: the filter is no search for practices.
        Conflict: the organization has as many as it may.
    """
    if body.filter is not None:
        searches["practice"].check(body.filter)
    id_, secret = uuid7(), new_secret()
    arg = Arguments(id_, actor.organization)
    values = {"base_url": base_url, "secret": secret, "scopes": _sight(actor.caller), **body.model_dump()}
    made = await connection.execute(
        f"""
WITH made AS (
    INSERT INTO webhook (id, organization, {", ".join(values)})
    SELECT $1, $2, {", ".join(map(arg, values.values()))}
    WHERE (SELECT count(*) FROM webhook WHERE organization = $2) < {MOST_WEBHOOKS} RETURNING id, version)
{audited(arg, actor, "created", "webhook", "FROM made")}""",
        *arg.values,
    )
    if made == "INSERT 0 0":
        raise Conflict(f"The organization has {MOST_WEBHOOKS} webhooks already; delete one that is not needed.")
    return id_, secret


async def update_webhook(
    connection: Connection, actor: Actor, id_: UUID, versions: Versions, patch: WebhookUpdate
) -> None:
    """Apply a merge patch (RFC 7396); a URL in it was checked. Enabled again or led elsewhere, it begins afresh.

    Raises:
        NotFound, PreconditionFailed: as the names say.
        InvalidInput: the filter is no search for practices.
    """
    current = await _locked(connection, actor.caller, id_, versions)
    given = patch.model_dump(exclude_unset=True)
    if not given:
        return
    if given.get("filter") is not None:
        searches["practice"].check(given["filter"])
    arg = Arguments(id_)
    assignments = [f"{name} = {arg(value)}" for name, value in given.items() if name != "status"]
    assignments += [f"scopes = {arg(_sight(actor.caller))}", "version = version + 1", "updated_at = now()"]
    status = given.get("status", current["status"])
    if status != current["status"]:
        reason, at = ("NULL", "NULL") if status == "active" else ("'paused'", "now()")
        assignments += [f"status = {arg(status)}", f"disabled_reason = {reason}", f"disabled_at = {at}"]
    if status != current["status"] or "url" in given:
        assignments += ["failures = 0", "failing_since = NULL", "resting_until = NULL"]
    await connection.execute(
        f"""
WITH made AS (UPDATE webhook SET {", ".join(assignments)} WHERE id = $1 RETURNING id, version),
woken AS (SELECT pg_notify('{CHANNEL}', ''))
{audited(arg, actor, "updated", "webhook", "FROM made, woken", id_="made.id", changed=sorted(given))}""",
        *arg.values,
    )


async def rotate_secret(connection: Connection, actor: Actor, id_: UUID) -> str:
    """Give a webhook a new secret; the one that it replaces signs 24 hours more, an older one no longer.

    Raises:
        NotFound: the organization has no such webhook.
    """
    await _locked(connection, actor.caller, id_)
    secret = new_secret()
    arg = Arguments(id_, secret)
    await connection.execute(
        f"""
WITH made AS (
    UPDATE webhook SET previous_secret = secret, previous_secret_until = now() + interval '24 hours', secret = $2,
        version = version + 1, updated_at = now() WHERE id = $1 RETURNING id, version)
{audited(arg, actor, "secret_rotated", "webhook", "FROM made", changed=["previous_secret_until"])}""",
        *arg.values,
    )
    return secret


async def delete_webhook(connection: Connection, actor: Actor, id_: UUID, versions: Versions) -> None:
    """Delete a webhook with its deliveries.

    Raises:
        NotFound, PreconditionFailed: as the names say.
    """
    await _locked(connection, actor.caller, id_, versions)
    arg = Arguments(id_)
    await connection.execute(
        f"""
WITH made AS (DELETE FROM webhook WHERE id = $1 RETURNING id, version)
{audited(arg, actor, "deleted", "webhook", "FROM made")}""",
        *arg.values,
    )


async def send_test(connection: Connection, actor: Actor, id_: UUID) -> UUID:
    """Send a webhook an event that tells of nothing; gives the delivery's id.

    Raises:
        NotFound: the organization has no such webhook.
        Conflict: it is disabled.
    """
    current = _active(await _locked(connection, actor.caller, id_))
    delivery_id = uuid7()
    data: dict[str, Any] = {
        "id": str(id_),
        "type": "webhook",
        "url": f"{current['base_url']}/v1/webhooks/{id_}",
        "version": current["version"],
        "status": None,
        "reason": None,
    }
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    payload = json.dumps({"type": "webhook.test", "timestamp": now, "data": data}, separators=(",", ":"))
    # Of a record of its own: no test waits for another. It goes first, also where the webhook rests from failures.
    await connection.execute(
        f"""
WITH made AS (
    INSERT INTO webhook_delivery (id, webhook_id, event, record_id, payload, due_at)
    VALUES ($2, $1, 'webhook.test', $2, $3, now() - interval '1 day')),
rested AS (UPDATE webhook SET resting_until = NULL WHERE id = $1 AND resting_until IS NOT NULL)
SELECT pg_notify('{CHANNEL}', '')""",
        id_,
        delivery_id,
        payload,
    )
    return delivery_id


async def redeliver(connection: Connection, actor: Actor, id_: UUID, delivery_id: UUID) -> None:
    """Send a delivery again, whatever became of it, with the same id; it is then tried for another day.

    Raises:
        NotFound: the organization has no such webhook, or that no such delivery.
        Conflict: the webhook is disabled, or the delivery is under way just now.
    """
    _active(await _locked(connection, actor.caller, id_))
    current = await connection.fetchrow(
        "SELECT d.tries, coalesce(d.leased_until > now(), false) AS is_under_way FROM webhook_delivery d"
        " WHERE d.webhook_id = $1 AND d.id = $2 FOR UPDATE",
        id_,
        delivery_id,
    )
    if current is None:
        raise NotFound("There is no such delivery; they are kept for 30 days.")
    if current["is_under_way"]:
        raise Conflict("It is being delivered just now.", headers={"Retry-After": "15"})
    if current["tries"] >= MOST_TRIES:
        raise Conflict(f"It was tried {MOST_TRIES} times; read the record at the address in its payload.")
    await connection.execute(
        f"""
WITH again AS (
    UPDATE webhook_delivery SET status = 'pending', due_at = now() - interval '1 day', first_tried_at = NULL,
        leased_until = NULL, delivered_at = NULL WHERE id = $2),
rested AS (UPDATE webhook SET resting_until = NULL WHERE id = $1 AND resting_until IS NOT NULL)
SELECT pg_notify('{CHANNEL}', '')""",
        id_,
        delivery_id,
    )


async def _locked(connection: Connection, caller: Caller, id_: UUID, versions: Versions = None) -> Row:
    row = await connection.fetchrow(*managed(caller, id_).flat)
    if row is None:
        raise NotFound(MISSING)
    if versions is not None and row["version"] not in versions:
        raise PreconditionFailed(f"The webhook is at version {row['version']} now.")
    return row


def _active(current: Row) -> Row:
    if current["status"] != "active":
        raise Conflict('The webhook is disabled; enable it again by PATCH: {"status": "active"}.')
    return current


def _sight(caller: Caller) -> list[str]:
    return sorted(caller.scopes & SEEING)
