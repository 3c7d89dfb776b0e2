"""How the feed shows a practice, and how it hears of a change."""

from app.areas import PRACTICE_OF_NETWORK
from app.caller import Actor
from app.database import Arguments
from app.documents import text_of
from app.feed import FeedType, mark
from app.resources.practices.documents import PUBLIC_DOCUMENT
from app.visibility import PUBLIC, PUBLIC_PRACTICE

ID = "CASE WHEN f.type = 'practice' THEN f.id::uuid END"
FEED = FeedType(
    name="practice",
    source=f"FROM practice p JOIN city c ON c.id = p.city_id WHERE p.id = {ID} AND {PUBLIC_PRACTICE}",
    document=text_of(PUBLIC_DOCUMENT),
    filters={
        "network": PRACTICE_OF_NETWORK,
        "city": "p.city_id = {0}",
        "country": "c.country = {0}",
        "tag": "p.tag_closure @> {0}::text[]",
    },
    reason=f"(SELECT CASE WHEN p.status = 'published' AND p.visibility <> 'public' THEN 'not_public'"
    f" WHEN p.status <> 'published' THEN p.status END FROM practice p WHERE p.id = {ID})",
    successor=f"(SELECT p.successor FROM practice p WHERE p.id = {ID})",
    kept=f"practice_document {{0}} ON {{0}}.practice_id = {ID} AND {{0}}.dirty = f.dirty AND f.op = 'upsert'",
)


def marked(arg: Arguments, actor: Actor) -> str:
    """The feed marks of the practices `made` (id, version, status, visibility) and of their adoptions, as two CTEs.

    A practice is an upsert while it is public, and a delete once it is in the feed and is not; its adoptions are public
    while it is. An adoption that it came of names it while it is public.
    """
    origin = arg(actor.organization)
    op = f"CASE WHEN {PUBLIC} THEN 'upsert' ELSE 'delete' END"
    practices = (
        f"FROM made WHERE ({PUBLIC}) OR EXISTS (SELECT FROM feed f WHERE f.type = 'practice' AND f.id = made.id::text)"
    )
    adoptions = f"""FROM (SELECT a.id, a.version, {op} AS op
    FROM made JOIN adoption a ON a.practice_id = made.id LEFT JOIN feed f ON f.type = 'adoption' AND f.id = a.id::text
    WHERE coalesce(f.op, 'delete') <> {op}
    UNION SELECT a.id, a.version, 'upsert'
    FROM made JOIN adoption a ON a.resulting_practice_id = made.id
    JOIN feed f ON f.type = 'adoption' AND f.id = a.id::text AND f.op = 'upsert'
    LEFT JOIN feed own ON own.type = 'practice' AND own.id = made.id::text
    WHERE coalesce(own.op, 'delete') <> {op}) a"""
    return (
        f"marked AS ({mark('practice', practices, op=op, origin=origin)}),\n"
        f"adopted AS ({mark('adoption', adoptions, op='op', origin=origin)})"
    )


def unlinked(arg: Arguments, actor: Actor, id_: str) -> str:
    """Two CTEs: a practice that vanishes is no longer what came of an adoption, which changes and is marked."""
    source = f"FROM unlinked u JOIN practice p ON p.id = u.practice_id AND {PUBLIC_PRACTICE}"
    return f"""unlinked AS (
    UPDATE adoption SET resulting_practice_id = NULL, version = version + 1, updated_at = now()
    WHERE resulting_practice_id = {id_} RETURNING id, version, practice_id),
told AS ({mark("adoption", source, id_="u.id", version="u.version", origin=arg(actor.organization))})"""
