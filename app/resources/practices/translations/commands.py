"""Writes of translations, inside the caller's transaction. A translation makes a new version of its practice."""

import json
from collections.abc import Callable
from uuid import UUID

from app.audit import audited
from app.caller import Actor
from app.database import Arguments, Connection
from app.errors import InvalidInput, NotFound, error
from app.merging import Versions
from app.resources.practices.commands import check_alive, check_version, locked
from app.resources.practices.documents import TEXTS
from app.resources.practices.feed import marked
from app.resources.practices.translations.schemas import TranslationPut

# A language tag may be spelt otherwise the next time, and stays one translation.
KNOWN = """
SELECT language, status, texts::text FROM practice_translation WHERE practice_id = $1 AND lower(language) = lower($2)"""


async def put_translation(
    connection: Connection,
    actor: Actor,
    id_: UUID,
    language: str,
    body: TranslationPut,
    expected: Callable[[bool], Versions],
) -> bool:
    """Write the texts in a language; gives whether the translation is new. The same texts once more change nothing.

    `expected` gives the versions that the client expects, None for any; it is told whether the translation is new.

    Raises:
        NotFound, Forbidden, Conflict: as the names say.
        PreconditionRequired, PreconditionFailed: what is there is not what the client expects.
        InvalidInput: it is the language of the original.
    """
    current = await locked(connection, actor.caller, id_)
    check_alive(current)
    if json.loads(current["fields"])["language"].lower() == language.lower():
        detail = "That is the language of the original; change the practice itself."
        raise InvalidInput(detail, errors=[error("/language", "original", detail)])
    known = await connection.fetchrow(KNOWN, id_, language)
    versions = expected(known is None)
    texts = {name: value for name in TEXTS if (value := getattr(body, name)) is not None}
    if known is not None:
        check_version(current, versions)
        if (known["language"], known["status"], json.loads(known["texts"])) == (language, body.status, texts):
            return False
    spelt = known["language"] if known else language
    arg = Arguments(id_, language, body.status, json.dumps(texts, ensure_ascii=False), spelt)
    # The texts come from the changed record, so that the version before it is kept without them.
    await connection.execute(
        f"""
WITH made AS (UPDATE practice SET version = version + 1, updated_at = now() WHERE id = $1
              RETURNING id, version, status, visibility),
written AS (
    INSERT INTO practice_translation (practice_id, language, status, texts)
    SELECT id, $5, $3, $4::jsonb FROM made
    ON CONFLICT (practice_id, language) DO UPDATE
    SET language = $2, status = excluded.status, texts = excluded.texts, updated_at = now()),
{marked(arg, actor)}
{audited(arg, actor, "translated", "practice", "FROM made", changed=["translations"])}""",
        *arg.values,
    )
    return known is None


async def delete_translation(
    connection: Connection, actor: Actor, id_: UUID, language: str, versions: Versions
) -> None:
    """Take a translation away; raises as `put_translation`, and NotFound where there is none."""
    current = await locked(connection, actor.caller, id_)
    check_alive(current)
    known = await connection.fetchval(KNOWN, id_, language)
    if known is None:
        raise NotFound("There is no translation into this language.")
    check_version(current, versions)
    arg = Arguments(id_, known)
    await connection.execute(
        f"""
WITH made AS (UPDATE practice SET version = version + 1, updated_at = now() WHERE id = $1
              RETURNING id, version, status, visibility),
gone AS (DELETE FROM practice_translation t USING made WHERE t.practice_id = made.id AND t.language = $2),
{marked(arg, actor)}
{audited(arg, actor, "translated", "practice", "FROM made", changed=["translations"])}""",
        *arg.values,
    )
