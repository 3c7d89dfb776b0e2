"""Writes of tags, inside the caller's transaction."""

import json

import asyncpg

from app.audit import audited
from app.caller import Actor
from app.database import Arguments, Connection
from app.errors import Conflict, Forbidden, InvalidInput, error
from app.feed import mark
from app.fields import OPEN_SCHEMES
from app.resources.tags.schemas import TagCreate

BROKEN_RULES = {
    "ck_tag_levels": ("third_level", "A vocabulary has two levels: the broader tag is itself a narrower one."),
    "ck_tag_broader": ("other_scheme", "The broader tag is another one of the same scheme."),
}


async def create_tag(connection: Connection, actor: Actor, body: TagCreate) -> str:
    """Add an entry to an open vocabulary; gives its id.

    Raises:
        Forbidden: a city asks, or the vocabulary is closed.
        InvalidInput: the broader or a related tag is unknown or does not fit.
        Conflict: the id is taken.
    """
    if not (actor.caller.is_operator or actor.caller.network_id):
        raise Forbidden("The operator and networks add tags.")
    if body.scheme not in OPEN_SCHEMES:
        raise Forbidden(
            f"The vocabulary {body.scheme} is closed; tags are added to {' and '.join(sorted(OPEN_SCHEMES))}."
        )
    arg = Arguments(body.id)
    scheme = arg(body.scheme)
    labels = json.dumps({"en": body.label, **body.labels}, ensure_ascii=False)
    synonyms = json.dumps(body.synonyms, ensure_ascii=False)
    broader, related = arg(body.broader), arg(body.related)
    origin = arg(actor.organization)
    sql = f"""
WITH made AS (
    INSERT INTO tag (id, scheme, code, label, labels, synonyms, broader, position, created_by)
    SELECT $1, {scheme}, {arg(body.code)}, {arg(body.label)}, {arg(labels)}::jsonb, {arg(synonyms)}::jsonb, {broader},
           (SELECT coalesce(max(position), 0) + 1 FROM tag WHERE scheme = {scheme}), {origin}
    RETURNING id, version),
crossed AS (
    INSERT INTO tag_relation (tag_id, related_id)
    SELECT $1, r FROM unnest({related}::text[]) r UNION ALL SELECT r, $1 FROM unnest({related}::text[]) r),
neighbours AS (
    UPDATE tag SET version = version + 1, updated_at = now()
    WHERE id = {broader} OR id = ANY ({related}::text[]) RETURNING id, version),
marked AS ({mark("tag", "FROM (SELECT * FROM made UNION ALL SELECT * FROM neighbours) changed", origin=origin)})
{audited(arg, actor, "created", "tag", "FROM made")}"""
    try:
        await connection.execute(sql, *arg.values)
    except asyncpg.UniqueViolationError as reason:
        raise Conflict(f"There is a tag {body.id} already.", id=body.id) from reason
    except asyncpg.CheckViolationError as reason:
        if reason.constraint_name not in BROKEN_RULES:
            raise
        code, detail = BROKEN_RULES[reason.constraint_name]
        raise InvalidInput(detail, errors=[error("/broader", code, detail)]) from reason
    except asyncpg.ForeignKeyViolationError as reason:
        raise _unknown(reason, body) from reason
    return body.id


def _unknown(reason: asyncpg.ForeignKeyViolationError, body: TagCreate) -> InvalidInput:
    pointer, name = "/broader", body.broader
    if reason.table_name == "tag_relation":
        for number, related in enumerate(body.related):
            if f"=({related})" in (reason.detail or ""):
                pointer, name = f"/related/{number}", related
    detail = f"There is no tag {name}."
    return InvalidInput(detail, errors=[error(pointer, "unknown_reference", detail)])
