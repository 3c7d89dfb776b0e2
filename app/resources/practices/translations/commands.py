"""Writes of translations, inside the caller's transaction. A translation makes a new version of its practice."""

import json
from collections.abc import Callable
from uuid import UUID

from app.audit import audited
from app.caller import Actor
from app.database import Arguments, Connection, Row
from app.errors import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed, error
from app.resources.practices.feed import marked
from app.resources.practices.lifecycle import FINAL
from app.resources.practices.translations.queries import TRANSLATED, writable
from app.resources.practices.translations.schemas import TranslationPut


async def put_translation(
    connection: Connection,
    actor: Actor,
    id_: UUID,
    language: str,
    body: TranslationPut,
    required: Callable[[], int | None],
) -> bool:
    """Write the texts in a language; gives whether the translation is new.

    `required` gives the version that the client's If-Match names; it is asked for only where there is a translation.

    Raises:
        NotFound, Forbidden, Conflict: as the names say.
        PreconditionRequired, PreconditionFailed: there is one, and If-Match does not name its state.
        InvalidInput: it is the language of the original.
    """
    current = await _writable(connection, actor, id_, language)
    if current["language"].lower() == language.lower():
        detail = "That is the language of the original; change the practice itself."
        raise InvalidInput(detail, errors=[error("/language", "original", detail)])
    if current["is_there"]:
        _check_version(current, required())
    texts = {name: value for name in TRANSLATED if (value := getattr(body, name)) is not None}
    arg = Arguments(id_, language, body.status, json.dumps(texts, ensure_ascii=False))
    # A language tag may be spelt otherwise this time, and stays one translation.
    gone = "DELETE FROM practice_translation WHERE practice_id = $1 AND lower(language) = lower($2)"
    await connection.execute(gone, id_, language)
    await connection.execute(
        f"""
WITH written AS (INSERT INTO practice_translation (practice_id, language, status, texts)
                 VALUES ($1, $2, $3, $4::jsonb) RETURNING practice_id),
made AS (UPDATE practice p SET version = p.version + 1, updated_at = now() FROM written w WHERE p.id = w.practice_id
         RETURNING p.id, p.version, p.status, p.visibility),
{marked(arg, actor)}
{audited(arg, actor, "translated", "practice", "FROM made", changed=["translations"])}""",
        *arg.values,
    )
    return not current["is_there"]


async def delete_translation(
    connection: Connection, actor: Actor, id_: UUID, language: str, version: int | None
) -> None:
    """Take a translation away; raises as `put_translation`, and NotFound where there is none."""
    current = await _writable(connection, actor, id_, language)
    if not current["is_there"]:
        raise NotFound("There is no translation into this language.")
    _check_version(current, version)
    arg = Arguments(id_, language)
    await connection.execute(
        f"""
WITH gone AS (DELETE FROM practice_translation WHERE practice_id = $1 AND lower(language) = lower($2)
              RETURNING practice_id),
made AS (UPDATE practice p SET version = p.version + 1, updated_at = now() FROM gone WHERE p.id = gone.practice_id
         RETURNING p.id, p.version, p.status, p.visibility),
{marked(arg, actor)}
{audited(arg, actor, "translated", "practice", "FROM made", changed=["translations"])}""",
        *arg.values,
    )


async def _writable(connection: Connection, actor: Actor, id_: UUID, language: str) -> Row:
    current = await connection.fetchrow(*writable(actor.caller, id_, language).flat)
    if current is None:
        raise NotFound("There is no such practice.")
    if not current["is_owner"]:
        raise Forbidden("The practice belongs to another organization.")
    if current["status"] in FINAL:
        raise Conflict(f"The practice is {current['status']}; what is left of it stays as it is.")
    return current


def _check_version(current: Row, version: int | None) -> None:
    if version is not None and version != current["version"]:
        raise PreconditionFailed(f"The practice is at version {current['version']} now.")
