"""The audit trail: one row per change, written by the statement that makes the change."""

from app.caller import Actor
from app.database import Arguments


def audited(
    arg: Arguments,
    actor: Actor,
    action: str,
    record_type: str,
    source: str,
    *,
    id_: str = "id",
    version: str = "version",
    changed: list[str] | None = None,
) -> str:
    """The statement that records a change of every row of `source`.

    Args:
        arg: collects the arguments of the whole statement.
        actor: who makes the change.
        action: such as `created`, `updated`, `transitioned`, `deleted`.
        record_type: such as `practice`.
        source: a FROM clause.
        id_: SQL expression of the record's id.
        version: SQL expression of its version.
        changed: the names of the members that the change touches.
    """
    names = f"to_jsonb({arg(changed)}::text[])" if changed is not None else "NULL"
    return (
        "INSERT INTO audit (organization, client_id, request_id, action, record_type, record_id, version, changed)"
        f" SELECT {arg(actor.organization)}, {arg(actor.caller.client_id)}, {arg(actor.request_id)}, {arg(action)},"
        f" {arg(record_type)}, {id_}::text, {version}, {names} {source}"
    )
