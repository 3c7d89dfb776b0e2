"""Reads of practices: one function, one SQL statement."""

from collections.abc import Sequence
from uuid import UUID

from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import text_of
from app.paging import Key, after, order_by
from app.resources.practices.documents import (
    CONTACT,
    EXTERNAL_IDS,
    LANGUAGE,
    PUBLIC_DOCUMENT,
    PUBLIC_TRANSLATED,
    SUMMARY,
    TEXTS,
    TOMBSTONE,
    document_for,
)
from app.resources.practices.filters import anybody, choice_conditions, search_conditions, standing
from app.resources.practices.kept import STATE, kept_or
from app.resources.practices.lifecycle import Side, allowed_sql
from app.resources.practices.parameters import PracticeQuery, PracticeSearch
from app.resources.practices.schemas import TransitionPublic
from app.search import PRACTICES, RELEVANCE, Question, found_page, is_found, marks, nearest, understood
from app.timeline import step_document, steps
from app.visibility import (
    practice_concerns,
    practice_owned,
    practice_publishable,
    practice_reviewed,
    practice_told,
    practice_visible,
)

ORDERS = {
    "newest": (Key("p.listed_at", "timestamptz", descending=True), Key("p.id", "uuid", descending=True)),
    "updated": (Key("p.updated_at", "timestamptz", descending=True), Key("p.id", "uuid", descending=True)),
    "title": (Key("lower(p.title)", "text"), Key("p.id", "uuid")),
    "relevance": RELEVANCE,
}
PAGE_ITEM, FILE_RECORD = kept_or(SUMMARY, "summary"), kept_or(PUBLIC_DOCUMENT, "body")
# The first language of the wish list in which the texts are there, a regional variety included (RFC 4647 §3.4, and
# §3.3.1 for the varieties); the original where none is.
CHOSEN = """LEFT JOIN LATERAL (
    SELECT x.language, x.texts FROM (
        SELECT p.language, NULL::jsonb AS texts
        UNION ALL SELECT t.language, t.texts FROM practice_translation t WHERE t.practice_id = p.id) x
    JOIN unnest({wanted}::text[]) WITH ORDINALITY AS w (wanted, place)
      ON lower(x.language) = w.wanted OR starts_with(lower(x.language), w.wanted || '-')
    ORDER BY w.place, x.texts IS NOT NULL, x.language LIMIT 1) tr ON TRUE"""


def practice(
    caller: Caller, id_: UUID, if_none_match: list[str], form: str = "", languages: Sequence[str] = ()
) -> Statement:
    """One practice: `etag`, `body` (null when the client has it), `status`, `successor`, `language`, `tombstone`.

    `languages` are those that the client would rather read, in lower case, the most wanted first.

    A withdrawn or merged one is seen by whoever could have seen it published; its body is null. `form` is for what
    another form than JSON is made from: it tells the entity tags apart, and adds `latitude` and `longitude`.
    """
    arg = Arguments(id_, if_none_match)
    if caller.is_member:
        of_caller = _sides(caller, arg)
        owner, reviewer = of_caller["owner"], of_caller["reviewer"]
        transitions = allowed_sql("p.status", of_caller)
        body = text_of(document_for(CONTACT, transitions, translated=bool(languages)))
        variant = f"CASE WHEN {owner} THEN 'o' WHEN {reviewer} THEN 'r' ELSE 'm' END"
    else:
        body, variant = kept_or(PUBLIC_DOCUMENT, "body", "e.state"), "'p'"
    visible = practice_visible(caller, arg, ended=True)
    suffix, more = (f" || '.{form}", ", c.latitude, c.longitude") if form else (" || '", "")
    chosen, language = "", "p.language"
    if languages:
        chosen, language = CHOSEN.format(wanted=arg(list(languages))), LANGUAGE
        if not caller.is_member:
            body = f"CASE WHEN tr.texts IS NULL THEN {body} ELSE {text_of(PUBLIC_TRANSLATED)} END"
        variant = f"{variant} || coalesce('.' || lower(tr.language), '')"
    return Statement(
        f"""
SELECT e.etag, e.status, e.successor, {language} AS language{more},
       CASE WHEN e.ended OR e.etag = ANY ($2::text[]) OR '*' = ANY ($2::text[]) THEN NULL
            ELSE {body} END AS body,
       CASE WHEN e.ended THEN {text_of(TOMBSTONE)} END AS tombstone
FROM practice p JOIN city c ON c.id = p.city_id {chosen}
CROSS JOIN LATERAL (SELECT {STATE} AS state, p.status, p.successor,
                           p.status IN ('withdrawn', 'merged') AS ended OFFSET 0) s
CROSS JOIN LATERAL (SELECT '"' || s.state || {variant}{suffix}"' AS etag, s.* OFFSET 0) e
WHERE p.id = $1 AND ({visible})""",
        arg.values,
    )


def practice_page(caller: Caller, query: PracticeQuery, position: list[str] | None) -> Statement:
    """A page of practices, and one more row where there are more: `body`, then the values of the order's keys.

    Where words are searched, then what the marks are made from.
    """
    if query.q is not None:
        return _found(PAGE_ITEM, marks(TEXTS, "p"), caller, query, query.limit + 1, position)
    return _rows(PAGE_ITEM, "", caller, query, query.limit + 1, position)


def practice_file(caller: Caller, query: PracticeSearch, count: int, position: list[str] | None) -> Statement:
    """The next rows of a file: `body`, the whole public document; the order's keys; then `latitude`, `longitude`."""
    rows = _rows if query.q is None else _found
    return rows(FILE_RECORD, ", c.latitude, c.longitude", caller, query, count, position)


def _rows(
    document: str,
    more: str,
    caller: Caller,
    query: PracticeSearch,
    count: int,
    position: list[str] | None,
) -> Statement:
    arg = Arguments()
    conditions = [*search_conditions(caller, query, arg), *anybody(query, arg)]
    return Statement(_page(document, more, conditions, ORDERS[query.order], count, position, arg), arg.values)


def _page(
    document: str,
    more: str,
    conditions: list[str],
    keys: tuple[Key, ...],
    count: int,
    position: list[str] | None,
    arg: Arguments,
) -> str:
    """A page in an order that the record itself has."""
    if position is not None:
        conditions.append(after(keys, position, arg))
    key_list = ", ".join(f"{key.expression} AS k{number}" for number, key in enumerate(keys))
    key_names = ", ".join(f"(p.k{number})::text AS k{number}" for number in range(len(keys)))
    return f"""
SELECT {document} AS body, {key_names}{more}
FROM (SELECT p.*, {key_list} FROM practice p WHERE {" AND ".join(conditions)}
      ORDER BY {order_by(keys)} LIMIT {count}) p
JOIN city c ON c.id = p.city_id
ORDER BY {", ".join(f"p.k{number}{' DESC' if key.descending else ''}" for number, key in enumerate(keys))}"""


def _found(
    document: str,
    more: str,
    caller: Caller,
    query: PracticeSearch,
    count: int,
    position: list[str] | None,
) -> Statement:
    """The same for a search by words."""
    arg = Arguments()
    seen, filters = " AND ".join(standing(caller, query, arg)), choice_conditions(query, arg)
    body = f"{document} AS body"
    if query.order == "relevance":
        select = f"{body}, h.score::text AS k0, h.id::text AS k1{more}"
        page = found_page(PRACTICES, select, seen, filters, query.q or "", position, count, arg)
    else:
        parts = (understood(Question.of(query.q or ""), arg), nearest(PRACTICES, seen))
        conditions = [seen, *filters, is_found(PRACTICES)]
        page = f"WITH {','.join(parts)} {_page(document, more, conditions, ORDERS[query.order], count, position, arg)}"
    return Statement(page, arg.values)


def timeline(caller: Caller, id_: UUID, limit: int, position: list[str] | None) -> Statement:
    """A page of the timeline of a practice, as `app.timeline.steps` gives it."""
    arg = Arguments(id_)
    seen = f"SELECT FROM practice p WHERE p.id = $1 AND ({practice_visible(caller, arg, ended=True)})"
    # Drafts and reviews are the business of those who stand behind the record; its publication and end are everyone's.
    concerns = f"EXISTS (SELECT FROM practice p WHERE p.id = $1 AND {practice_concerns(caller, arg)})"
    told = f"(t.to_status IN ('published', 'archived', 'withdrawn', 'merged') OR {concerns})"
    # A note is for those who are in it together; that of an end stands in the tombstone too.
    noted = f"EXISTS (SELECT FROM practice p WHERE p.id = $1 AND {practice_told(caller, arg, 't')})"
    document = step_document(TransitionPublic, note=noted)
    return Statement(steps(document, "practice", "$1", seen, limit, position, arg, told=told), arg.values)


def _sides(caller: Caller, arg: Arguments) -> dict[Side, str]:
    """For each side of a practice `p`, the condition that the caller is on it."""
    return {
        "owner": practice_owned(caller, arg),
        "publisher": practice_publishable(caller, arg),
        "reviewer": practice_reviewed(caller, arg),
    }


def writable(caller: Caller, id_: UUID) -> Statement:
    """What a change starts from, the row locked: state, version, what the caller is to it, the fields."""
    arg = Arguments(id_)
    of_caller = ", ".join(f"{condition} AS is_{side}" for side, condition in _sides(caller, arg).items())
    visible = practice_visible(caller, arg, ended=True)
    return Statement(
        f"""
SELECT p.status, p.version, p.city_id, {of_caller},
       p.summary IS NOT NULL AS is_complete, {_FIELDS} AS fields
FROM practice p WHERE p.id = $1 AND ({visible}) FOR UPDATE OF p""",
        arg.values,
    )


_PLAIN = (
    "title", "summary", "challenge", "description", "results", "lessons", "what_failed", "conditions", "language",
    "tags", "keywords", "resources", "license", "partner_cities", "implementers", "year_start", "year_end", "stage",
    "budget_band", "staff_fte", "months_to_implement", "beneficiaries", "indicators", "evidence_level", "offers",
    "accepting_exchanges", "visibility",
)  # fmt: skip
_FIELDS = (
    "(SELECT row_to_json(d)::text FROM (SELECT "
    + ", ".join(f"p.{name}" for name in _PLAIN)
    + f", {CONTACT} AS contact, {EXTERNAL_IDS} AS external_ids) d)"
)
