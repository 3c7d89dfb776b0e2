"""Reads for an export: what is stored, less what the caller does not see."""

from sqlalchemy import DateTime
from sqlmodel import SQLModel

from app.caller import Caller
from app.database import Arguments, Statement
from app.resources.export.parts import PARTS, Child, Part, table_of
from app.tables.history import Transition
from app.tables.practice import PracticeVersion
from app.visibility import (
    practice_concerns,
    practice_shown,
    practice_told,
    practice_visible,
    request_addressed,
    request_answered,
    request_owned,
    request_told,
    request_visible,
    step_reason_told,
)

ENDED = ("withdrawn", "merged")
# Drafts and reviews are the business of those who stand behind a record; its publication and end are everyone's.
TOLD = ("published", "archived", "withdrawn", "merged")
# What one record was merged into comes before it.
MERGED_LAST = """(SELECT p.*, coalesce(m.distance, 0) AS distance FROM practice p LEFT JOIN (
    WITH RECURSIVE merged (id, distance) AS (
        SELECT p.id, 1 FROM practice p JOIN practice s ON s.id = p.successor AND s.status <> 'merged'
        UNION ALL SELECT p.id, m.distance + 1 FROM practice p JOIN merged m ON p.successor = m.id)
    SELECT id, distance FROM merged) m ON m.id = p.id WHERE p.status = 'merged')"""

OPERATOR = Caller(organization="operator", kind="operator", scopes=frozenset({"operator"}))


def reads(caller: Caller, *, with_messages: bool = False) -> list[tuple[str, Statement]]:
    """The statements of an export, each with the name of its part; a row has the line's `data` as text.

    Args:
        caller: who wants it.
        with_messages: messages too that the caller is on neither side of: for whoever runs the database.
    """
    return [
        (part.name, statement) for part in PARTS for statement in _statements(part, caller, with_messages=with_messages)
    ]


def _statements(part: Part, caller: Caller, *, with_messages: bool) -> list[Statement]:
    order = ", ".join(f"{part.alias}.{key}" for key in part.keys)
    if part.name == "tag":
        return [_read(part, caller, "tag t", "TRUE", f"t.broader IS NOT NULL, {order}")]
    if part.name == "practice":
        reads = [_read(part, caller, "practice p", _living(caller), order)]
        if caller.is_operator:
            reads.append(_read(part, caller, f"{MERGED_LAST} p", "TRUE", f"p.distance, {order}"))
        return reads
    return [_read(part, caller, f"{part.table} {part.alias}", None, order, with_messages=with_messages)]


def _living(caller: Caller) -> str:
    return "p.status <> 'merged'" if caller.is_operator else f"p.status NOT IN {ENDED}"


def _read(
    part: Part, caller: Caller, source: str, condition: str | None, order: str, *, with_messages: bool = False
) -> Statement:
    arg = Arguments()
    seen = _seen(part, caller, arg, with_messages=with_messages)
    conditions = seen if condition is None else f"{condition} AND {seen}"
    hidden = _hidden(part, caller, arg)
    members = [f'{hidden.get(name) or _value(part.model, part.alias, name)} AS "{name}"' for name in part.columns]
    members += [f'{_listed(child, part.alias, caller, arg)} AS "{name}"' for name, child in part.children.items()]
    return Statement(
        f"SELECT (SELECT row_to_json(d)::text FROM (SELECT {', '.join(members)}) d) AS data"
        f" FROM {source} WHERE {conditions} ORDER BY {order}",
        arg.values,
    )


def _value(model: type[SQLModel], alias: str, name: str) -> str:
    """A column as it is, times to the microsecond."""
    if isinstance(table_of(model).columns[name].type, DateTime):
        return f"""to_char({alias}.{name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    return f"{alias}.{name}"


def _listed(child: Child, alias: str, caller: Caller, arg: Arguments) -> str:
    """What hangs on a record; the client behind a step is nobody else's business."""
    values = {name: _value(child.model, "x", name) for name in child.columns}
    told = "TRUE"
    if child.model is Transition and not caller.is_operator:
        values["client_id"] = "NULL"
        if alias == "p":
            told = f"(x.to_status IN {TOLD} OR {practice_concerns(caller, arg)})"
            values["note"] = f"CASE WHEN {practice_told(caller, arg, 'x')} THEN x.note END"
        if alias == "r":
            is_told = request_told(caller, arg, "x")
            values["note"] = f"CASE WHEN {is_told} THEN x.note END"
            values["reason"] = f"CASE WHEN {step_reason_told(is_told, 'x')} THEN x.reason END"
    if child.model is PracticeVersion:
        told = practice_shown(caller, arg, "x.visibility")
        if not caller.is_member:
            values["content"] = "jsonb_set(x.content, '{contact}', 'null')"
    members = ", ".join(f"'{name}', {value}" for name, value in values.items())
    entry = next(iter(values.values())) if len(values) == 1 else f"json_build_object({members})"
    return (
        f"(SELECT coalesce(json_agg({entry} ORDER BY {child.order}), '[]') FROM {table_of(child.model).name} x"
        f" WHERE x.{child.owner} = {alias}.id AND {child.condition} AND {told})"
    )


def _is_told(caller: Caller, arg: Arguments) -> str:
    """The condition that the caller is one of those to whom it was said what was said with the step `x` of `r`."""
    matched = request_answered(caller, arg, accepted=True)
    own = f"x.organization = {arg(caller.organization)}" if caller.is_member else "FALSE"
    return (
        f"({request_owned(caller, arg)} OR {own} OR (x.to_status = 'returned' AND {request_addressed(caller, arg)})"
        f" OR (x.to_status IN ('in_progress', 'completed', 'cancelled') AND {matched}))"
    )


def _seen(part: Part, caller: Caller, arg: Arguments, *, with_messages: bool) -> str:
    """The condition that the caller sees a record."""
    if part.name == "practice":
        return practice_visible(caller, arg)
    if part.name == "adoption":
        return _reaches("a.practice_id", caller, arg)
    if part.name == "exchange_request":
        return request_visible(caller, arg)
    if part.name == "response":
        own = f"s.city_id = {arg(caller.city_id)}" if caller.city_id else "FALSE"
        sides = f"({request_owned(caller, arg)} OR {own}) AND {request_visible(caller, arg)}"
        return f"EXISTS (SELECT FROM exchange_request r WHERE r.id = s.request_id AND {sides})"
    if part.name == "message" and not with_messages:
        if not caller.city_id or not caller.may("exchanges:read"):
            return "FALSE"
        own = arg(caller.city_id)
        return (
            "EXISTS (SELECT FROM response s JOIN exchange_request r ON r.id = s.request_id"
            f" WHERE s.id = m.response_id AND {own} IN (r.city_id, s.city_id))"
        )
    return "TRUE"


def _hidden(part: Part, caller: Caller, arg: Arguments) -> dict[str, str]:
    """Expressions in place of columns that are not everybody's, and of ids of what the caller does not see."""
    if caller.is_operator:
        return {}
    if part.name == "practice":
        concerns = practice_concerns(caller, arg)
        contact = {} if caller.is_member else {"contact_unit": "NULL", "contact_email": "NULL"}
        return {**contact, "submitted_to": f"CASE WHEN {concerns} THEN p.submitted_to END"}
    if part.name == "exchange_request":
        sides = f"{request_owned(caller, arg)} OR {request_answered(caller, arg, accepted=True)}"
        return {
            "closed_note": f"CASE WHEN {sides} THEN r.closed_note END",
            "outcome": f"CASE WHEN r.outcome ->> 'public' = 'true' OR {sides} THEN r.outcome END",
            "practice_id": f"CASE WHEN {_reaches('r.practice_id', caller, arg)} THEN r.practice_id END",
            **dict.fromkeys(("external_id", "warned_of", "warned_days"), "NULL"),
        }
    if part.name == "response":
        return {"practice_id": f"CASE WHEN {_reaches('s.practice_id', caller, arg)} THEN s.practice_id END"}
    if part.name == "adoption":
        result, request = "a.resulting_practice_id", "a.exchange_request_id"
        visible = f"EXISTS (SELECT FROM exchange_request r WHERE r.id = {request} AND {request_visible(caller, arg)})"
        return {
            "resulting_practice_id": f"CASE WHEN {_reaches(result, caller, arg)} THEN {result} END",
            "exchange_request_id": f"CASE WHEN {visible} THEN {request} END",
        }
    return {}


def _reaches(id_: str, caller: Caller, arg: Arguments) -> str:
    """The condition that a practice is in the same export."""
    living = "TRUE" if caller.is_operator else _living(caller)
    return f"EXISTS (SELECT FROM practice p WHERE p.id = {id_} AND {living} AND {practice_visible(caller, arg)})"
