"""The timeline of a record's states: how a step is written, and how the steps are read, oldest first."""

from pydantic import BaseModel

from app.caller import Actor
from app.database import Arguments
from app.documents import columns, moment, same, text_of
from app.identifiers import uuid7
from app.paging import Key, after, order_by

OLDEST = (Key("t.at", "timestamptz"), Key("t.id", "uuid"))
# For a statement that writes steps of many records at once.
EACH_ITS_OWN = "gen_random_uuid()"


def step(
    arg: Arguments,
    actor: Actor,
    record_type: str,
    to: str,
    *,
    start: str = "NULL",
    note: str = "NULL",
    reason: str = "NULL",
    source: str = "made",
    id_: str | None = None,
) -> str:
    """The statement that writes a step into the timeline of every row of `source`.

    Args:
        arg: collects the arguments of the whole statement.
        actor: who makes the step.
        record_type: such as `practice`.
        to: SQL expression of the state after it.
        start: SQL expression of the state before it; NULL: the record is new.
        note: SQL expression.
        reason: SQL expression.
        source: the table expression whose rows have the records' `id`.
        id_: SQL expression of the step's id, for more rows than one.
    """
    return (
        "INSERT INTO transition (id, record_type, record_id, from_status, to_status, organization, client_id, note,"
        f" reason) SELECT {id_ or arg(uuid7())}, '{record_type}', id, {start}, {to}, {arg(actor.organization)},"
        f" {arg(actor.caller.client_id)}, {note}::text, {reason}::text FROM {source}"
    )


def step_document(model: type[BaseModel], *, note: str = "TRUE", reason: str = "TRUE") -> str:
    """The SELECT list of a step `t`, for a read model with the members of a timeline.

    `note` and `reason` are the conditions that the caller is told what was said with the step.
    """
    return columns(
        model,
        {
            **same("t", "id", "organization"),
            "note": f"CASE WHEN {note} THEN t.note END",
            "reason": f"CASE WHEN {reason} THEN t.reason END",
            "at": moment("t.at"),
            "from_status": "t.from_status",
            "to": "t.to_status",
        },
    ).replace('AS "from_status"', 'AS "from"')


def steps(
    document: str,
    record_type: str,
    id_: str,
    seen: str,
    limit: int,
    position: list[str] | None,
    arg: Arguments,
    *,
    told: str = "TRUE",
) -> str:
    """The statement that reads a page of a timeline, and one more where there are more: `body`, `at`, `id`.

    The first row stands for the record and has a null body; no row at all: the caller does not see the record.

    Args:
        document: as `step_document` gives it.
        record_type: such as `practice`.
        id_: the record's id, as a placeholder.
        seen: a SELECT that finds a row where the caller sees the record.
        limit: how many steps.
        position: where the page begins.
        arg: collects the arguments of the whole statement.
        told: the condition that the caller is told of the step `t`.
    """
    later = f"AND {after(OLDEST, position, arg)}" if position is not None else ""
    return f"""
SELECT NULL AS body, NULL AS at, NULL AS id WHERE EXISTS ({seen})
UNION ALL
(SELECT {text_of(document)}, t.at::text, t.id::text
 FROM transition t WHERE t.record_type = '{record_type}' AND t.record_id = {id_} AND EXISTS ({seen}) AND {told} {later}
 ORDER BY {order_by(OLDEST)} LIMIT {limit + 1})"""
