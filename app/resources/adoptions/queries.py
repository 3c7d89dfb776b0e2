"""Reads of adoptions: one function, one SQL statement. Who sees a practice sees its adoptions."""

from uuid import UUID

from app.areas import in_network, in_region
from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import city_ref, columns, moment, same, text_of, text_unless_known
from app.paging import Key, after, order_by
from app.periods import in_days
from app.resources.adoptions.schemas import AdoptionPublic, AdoptionQuery, PracticeAdoptionQuery
from app.visibility import practice_visible, request_visible

NEWEST = (Key("a.created_at", "timestamptz", descending=True), Key("a.id", "uuid", descending=True))
PLAIN = (
    "stage", "started_on", "what_was_kept", "what_was_changed", "why_stopped", "results", "resulting_practice_id",
    "exchange_request_id", "evidence_url",
)  # fmt: skip
FIELDS = f"(SELECT row_to_json(d)::text FROM (SELECT {', '.join(f'a.{name}' for name in PLAIN)}) d)"
MOST_NODES = 1_000
SOURCE = "adoption a JOIN practice p ON p.id = a.practice_id JOIN city c ON c.id = a.city_id"


def document_for(caller: Caller, arg: Arguments) -> str:
    """The SELECT list of an adoption's document; a practice or request that the caller does not see is not named."""
    return columns(
        AdoptionPublic,
        {
            **same("a", *PLAIN, "id", "practice_id", "practice_version", "confirmed_by_origin", "version"),
            **_linked(caller, arg),
            "city": city_ref("c"),
            "created_at": moment("a.created_at"),
            "updated_at": moment("a.updated_at"),
        },
    )


def _linked(caller: Caller, arg: Arguments) -> dict[str, str]:
    """What the adoption `a` leads to, as far as the caller sees it."""
    practice, request = practice_visible(caller, arg, ended=True), request_visible(caller, arg)
    of_practice = f"FROM practice p WHERE p.id = a.resulting_practice_id AND ({practice})"
    of_request = f"FROM exchange_request r WHERE r.id = a.exchange_request_id AND ({request})"
    return {
        "resulting_practice_id": f"(SELECT p.id {of_practice})",
        "exchange_request_id": f"(SELECT r.id {of_request})",
    }


def adoption(caller: Caller, practice_id: UUID, id_: UUID, if_none_match: list[str]) -> Statement:
    """One adoption: `etag`, and `body`, null when the client has it."""
    arg = Arguments(practice_id, id_, if_none_match)
    shown = " || ".join(
        f"CASE WHEN {seen} IS NULL THEN '' ELSE 's' END || '.'" for seen in _linked(caller, arg).values()
    )
    return Statement(
        f"""
SELECT e.etag, {text_unless_known(document_for(caller, arg), "$3")} AS body
FROM {SOURCE} CROSS JOIN LATERAL (SELECT '"' || a.version || '-' || c.version || '.' || {shown} || '"' AS etag) e
WHERE a.practice_id = $1 AND a.id = $2 AND {practice_visible(caller, arg)}""",
        arg.values,
    )


def adoptions_of(
    caller: Caller, practice_id: UUID, query: PracticeAdoptionQuery, position: list[str] | None
) -> Statement:
    """A page of a practice's adoptions, newest first: `body`, `created_at`, `id`.

    The first row stands for the practice and has a null body; no row at all: the caller does not see it.
    """
    arg = Arguments(practice_id)
    visible = practice_visible(caller, arg)
    conditions = ["a.practice_id = $1", visible]
    if query.stage:
        conditions.append(f"a.stage = {arg(query.stage)}")
    if position is not None:
        conditions.append(after(NEWEST, position, arg))
    return Statement(
        f"""
SELECT NULL AS body, NULL AS created_at, NULL AS id FROM practice p WHERE p.id = $1 AND {visible}
UNION ALL
(SELECT {text_of(document_for(caller, arg))}, a.created_at::text, a.id::text
 FROM {SOURCE} WHERE {" AND ".join(conditions)} ORDER BY {order_by(NEWEST)} LIMIT {query.limit + 1})""",
        arg.values,
    )


def adoption_page(caller: Caller, query: AdoptionQuery, position: list[str] | None) -> Statement:
    """A page of all adoptions, newest first, and one more where there are more: `body`, then the keys' values."""
    arg = Arguments()
    conditions = [practice_visible(caller, arg), *_filters(query, arg)]
    if position is not None:
        conditions.append(after(NEWEST, position, arg))
    return Statement(
        f"""
SELECT {text_of(document_for(caller, arg))} AS body, a.created_at::text, a.id::text
FROM {SOURCE} WHERE {" AND ".join(conditions)} ORDER BY {order_by(NEWEST)} LIMIT {query.limit + 1}""",
        arg.values,
    )


def writable(caller: Caller, practice_id: UUID, id_: UUID) -> Statement:
    """What a change starts from, the row locked: version, who adapts, whose practice it is, the fields."""
    arg = Arguments(practice_id, id_)
    return Statement(
        f"""
SELECT a.version, a.city_id, p.city_id AS origin_id, a.confirmed_by_origin, {FIELDS} AS fields
FROM {SOURCE} WHERE a.practice_id = $1 AND a.id = $2 AND {practice_visible(caller, arg)} FOR UPDATE OF a""",
        arg.values,
    )


def lineage(caller: Caller, id_: UUID, depth: int) -> Statement:
    """The graph of adaptions around a practice: `body`. No row: the caller does not see the practice.

    A practice that the caller does not see ends the way through it.
    """
    arg = Arguments(id_)
    visible = practice_visible(caller, arg)
    step = "JOIN adoption a ON a.{here} = l.id JOIN practice p ON p.id = a.{there} AND {visible} WHERE {bound}"
    up = step.format(here="resulting_practice_id", there="practice_id", visible=visible, bound=f"l.distance > -{depth}")
    down = step.format(
        here="practice_id", there="resulting_practice_id", visible=visible, bound=f"l.distance < {depth}"
    )
    return Statement(
        f"""
WITH RECURSIVE up (id, distance) AS (
    SELECT p.id, 0 FROM practice p WHERE p.id = $1 AND {visible}
    UNION SELECT a.practice_id, l.distance - 1 FROM up l {up}),
down (id, distance) AS (
    SELECT p.id, 0 FROM practice p WHERE p.id = $1 AND {visible}
    UNION SELECT a.resulting_practice_id, l.distance + 1 FROM down l {down}),
near AS (
    SELECT id, distance FROM (SELECT DISTINCT ON (id) id, distance FROM (SELECT * FROM up UNION SELECT * FROM down) n
                              ORDER BY id, abs(distance), distance) o
    ORDER BY abs(distance), id LIMIT {MOST_NODES})
SELECT json_build_object(
    'nodes', (SELECT json_agg(json_build_object('id', p.id, 'title', p.title, 'city', {city_ref("c")},
                                                'distance', n.distance) ORDER BY n.distance, p.id)
              FROM near n JOIN practice p USING (id) JOIN city c ON c.id = p.city_id),
    'edges', (SELECT coalesce(json_agg(json_build_object('from', a.practice_id, 'to', a.resulting_practice_id,
                                                         'adoption_id', a.id, 'stage', a.stage) ORDER BY a.id), '[]')
              FROM adoption a JOIN near f ON f.id = a.practice_id JOIN near t ON t.id = a.resulting_practice_id)
)::text AS body
WHERE EXISTS (SELECT FROM near)""",
        arg.values,
    )


def _filters(query: AdoptionQuery, arg: Arguments) -> list[str]:
    conditions = []
    equal = {
        "a.stage": query.stage,
        "a.practice_id": query.practice,
        "a.city_id": query.city,
        "p.city_id": query.origin,
        "c.country": query.country,
        "a.confirmed_by_origin": query.confirmed,
    }
    conditions += [f"{column} = {arg(value)}" for column, value in equal.items() if value is not None]
    if query.tag:
        conditions.append(f"p.tag_closure @> {arg(query.tag)}::text[]")
    if query.network:
        conditions.append(in_network("a.city_id", query.network, arg))
    if query.region:
        conditions.append(in_region("a.city_id", query.region, arg))
    return [*conditions, *in_days("a.created_at", query.created_from, query.created_to, arg)]
