"""Reads of translations: one function, one SQL statement."""

from uuid import UUID

from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import columns, moment, same, text_unless_known
from app.resources.practices.documents import TEXTS
from app.resources.practices.translations.schemas import TranslationPublic
from app.visibility import practice_visible

DOCUMENT = columns(
    TranslationPublic,
    {
        **same("t", "practice_id", "language", "status"),
        **{name: f"t.texts ->> '{name}'" for name in TEXTS},
        "updated_at": moment("t.updated_at"),
    },
)


def translation(caller: Caller, id_: UUID, language: str, if_none_match: list[str]) -> Statement:
    """One translation: `etag`, of the practice's version, and `body`, null when the client has it."""
    arg = Arguments(id_, language, if_none_match)
    return Statement(
        f"""
SELECT e.etag, {text_unless_known(DOCUMENT, "$3")} AS body
FROM practice_translation t JOIN practice p ON p.id = t.practice_id
CROSS JOIN LATERAL (SELECT '"' || p.version || '-t' || lower(t.language) || '"' AS etag) e
WHERE t.practice_id = $1 AND lower(t.language) = lower($2) AND {practice_visible(caller, arg)}""",
        arg.values,
    )
