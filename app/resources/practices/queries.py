"""Reads of practices: one function, one SQL statement."""

from collections.abc import Sequence
from uuid import UUID

from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import city_ref, columns, moment, same, text_of
from app.paging import Key, after, order_by
from app.resources.practices.filters import search_conditions, standing
from app.resources.practices.lifecycle import allowed_sql
from app.resources.practices.parameters import PracticeQuery, PracticeSearch
from app.resources.practices.schemas import PracticePublic, PracticeSummary, PracticeTexts, Tombstone, TransitionPublic
from app.search import PRACTICES, RELEVANCE, Question, found_page, is_found, marks, nearest, understood
from app.timeline import step_document, steps
from app.visibility import practice_concerns, practice_owned, practice_reviewed, practice_visible

ORDERS = {
    "newest": (Key("p.listed_at", "timestamptz", descending=True), Key("p.id", "uuid", descending=True)),
    "updated": (Key("p.updated_at", "timestamptz", descending=True), Key("p.id", "uuid", descending=True)),
    "title": (Key("lower(p.title)", "text"), Key("p.id", "uuid")),
    "relevance": RELEVANCE,
}
# What is shown of a record that words found: the first two, and the first of the others that has any.
TEXTS = tuple(PracticeTexts.model_fields)

SUMMARY = columns(
    PracticeSummary,
    {
        **same(
            "p", "id", "title", "summary", "language", "tags", "keywords", "year_start", "year_end", "stage",
            "budget_band", "evidence_level", "offers", "accepting_exchanges", "adoption_count", "status", "visibility",
            "networks", "version",
        ),
        "city": city_ref("c"),
        "created_at": moment("p.created_at"),
        "updated_at": moment("p.updated_at"),
        "published_at": moment("p.published_at"),
    },
)  # fmt: skip

TRANSLATIONS = """(SELECT coalesce(json_agg(t ORDER BY t.status = 'original' DESC, t.language), '[]') FROM (
    SELECT p.language, 'original' AS status
    UNION ALL SELECT x.language, x.status FROM practice_translation x
    WHERE x.practice_id = p.id AND lower(x.language) <> lower(p.language)) t)"""
PARTNERS = f"""(SELECT coalesce(json_agg({city_ref("pc")} ORDER BY array_position(p.partner_cities, pc.id)), '[]')
    FROM city pc WHERE pc.id = ANY (p.partner_cities))"""
PARTNERS_VERSION = """CASE WHEN p.partner_cities = '{}' THEN '' ELSE
    '.' || (SELECT sum(pc.version) FROM city pc WHERE pc.id = ANY (p.partner_cities)) END"""
ENDORSEMENTS = f"""(SELECT coalesce(json_agg(json_build_object('organization', e.organization, 'comment', e.comment,
    'at', {moment("e.at")}) ORDER BY e.at), '[]') FROM practice_endorsement e WHERE e.practice_id = p.id)"""
EXTERNAL_IDS = """(SELECT coalesce(json_agg(json_build_object('scheme', x.scheme, 'value', x.value, 'url', x.url)
    ORDER BY x.id), '[]') FROM practice_external_id x WHERE x.practice_id = p.id)"""
ORIGINS = f"""(SELECT coalesce(json_agg(json_build_object('network', o.network_id, 'external_id', o.external_id,
    'url', o.url, 'last_synced_at', {moment("o.last_synced_at")}) ORDER BY o.network_id), '[]')
    FROM practice_origin o WHERE o.practice_id = p.id)"""


LANGUAGE = "coalesce(tr.language, p.language)"
# The first language of the wish list in which the texts are there, a regional variety included (RFC 4647 §3.4, and
# §3.3.1 for the varieties); the original where none is.
CHOSEN = """LEFT JOIN LATERAL (
    SELECT x.language, x.texts FROM (
        SELECT p.language, NULL::jsonb AS texts
        UNION ALL SELECT t.language, t.texts FROM practice_translation t WHERE t.practice_id = p.id) x
    JOIN unnest({wanted}::text[]) WITH ORDINALITY AS w (wanted, place)
      ON lower(x.language) = w.wanted OR starts_with(lower(x.language), w.wanted || '-')
    ORDER BY w.place, x.texts IS NOT NULL, x.language LIMIT 1) tr ON TRUE"""


def _document(contact: str, transitions: str, *, translated: bool = False) -> str:
    """The SELECT list of a practice's document; `translated`: with the texts that the translation `tr` has."""
    texts = {name: f"coalesce(tr.texts ->> '{name}', p.{name})" if translated else f"p.{name}" for name in TEXTS}
    return columns(
        PracticePublic,
        {
            **texts,
            "language": LANGUAGE if translated else "p.language",
            **same(
                "p", "id", "tags", "keywords", "resources", "license", "implementers", "year_start",
                "year_end", "stage", "budget_band", "staff_fte", "months_to_implement", "beneficiaries", "indicators",
                "evidence_level", "offers", "accepting_exchanges", "adoption_count", "status", "visibility",
                "networks", "successor", "version",
            ),
            "city": city_ref("c"),
            "translations": TRANSLATIONS,
            "partner_cities": f"CASE WHEN p.partner_cities = '{{}}' THEN '[]' ELSE {PARTNERS} END",
            "contact": contact,
            "endorsements": ENDORSEMENTS,
            "last_verified_at": moment("p.last_verified_at"),
            "external_ids": EXTERNAL_IDS,
            "origins": ORIGINS,
            "created_at": moment("p.created_at"),
            "updated_at": moment("p.updated_at"),
            "published_at": moment("p.published_at"),
            "allowed_transitions": transitions,
        },
    )  # fmt: skip


TOMBSTONE = columns(
    Tombstone,
    {
        **same("p", "id", "status", "successor"),
        "withdrawn_at": moment("p.updated_at"),
        "note": "p.closed_note",
    },
)
CONTACT = """CASE WHEN coalesce(p.contact_unit, p.contact_email) IS NOT NULL
    THEN json_build_object('unit', p.contact_unit, 'email', p.contact_email) END"""
PUBLIC_DOCUMENT, PUBLIC_TRANSLATED = (
    _document("NULL::json", "'[]'::json", translated=translated) for translated in (False, True)
)


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
        owner, reviewer = practice_owned(caller, arg), practice_reviewed(caller, arg)
        transitions = allowed_sql("p.status", owner, reviewer)
        select_list = _document(CONTACT, transitions, translated=bool(languages))
        variant = f"CASE WHEN {owner} THEN 'o' WHEN {reviewer} THEN 'r' ELSE 'm' END"
    else:
        select_list, variant = PUBLIC_TRANSLATED if languages else PUBLIC_DOCUMENT, "'p'"
    visible = practice_visible(caller, arg, ended=True)
    suffix, more = (f" || '.{form}", ", c.latitude, c.longitude") if form else (" || '", "")
    chosen, language = "", "p.language"
    if languages:
        chosen, language = CHOSEN.format(wanted=arg(list(languages))), LANGUAGE
        variant = f"{variant} || coalesce('.' || lower(tr.language), '')"
    return Statement(
        f"""
SELECT e.etag, e.status, e.successor, {language} AS language{more},
       CASE WHEN e.ended OR e.etag = ANY ($2::text[]) OR '*' = ANY ($2::text[]) THEN NULL
            ELSE {text_of(select_list)} END AS body,
       CASE WHEN e.ended THEN {text_of(TOMBSTONE)} END AS tombstone
FROM practice p JOIN city c ON c.id = p.city_id {chosen}
CROSS JOIN LATERAL (SELECT '"' || p.version || '-' || c.version || {PARTNERS_VERSION}
    || '-' || p.adoption_count || {variant}{suffix}"' AS etag,
                           p.status, p.successor, p.status IN ('withdrawn', 'merged') AS ended) e
WHERE p.id = $1 AND ({visible})""",
        arg.values,
    )


def practice_page(caller: Caller, query: PracticeQuery, position: list[str] | None) -> Statement:
    """A page of practices, and one more row where there are more: `body`, then the values of the order's keys.

    Where words are searched, then what the marks are made from.
    """
    if query.q is not None:
        return _found(SUMMARY, marks(TEXTS, "p"), caller, query, query.limit + 1, position)
    return _rows(SUMMARY, "", caller, query, query.limit + 1, position)


def practice_file(caller: Caller, query: PracticeSearch, count: int, position: list[str] | None) -> Statement:
    """The next rows of a file: `body`, the whole public document; the order's keys; then `latitude`, `longitude`."""
    rows = _rows if query.q is None else _found
    return rows(PUBLIC_DOCUMENT, ", c.latitude, c.longitude", caller, query, count, position)


def _rows(
    document: str,
    more: str,
    caller: Caller,
    query: PracticeSearch,
    count: int,
    position: list[str] | None,
) -> Statement:
    arg = Arguments()
    return Statement(
        _page(document, more, search_conditions(caller, query, arg), ORDERS[query.order], count, position, arg),
        arg.values,
    )


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
SELECT {text_of(document)} AS body, {key_names}{more}
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
    seen = " AND ".join(standing(caller, query, arg))
    conditions = search_conditions(caller, query, arg)
    body = f"{text_of(document)} AS body"
    if query.order == "relevance":
        select = f"{body}, h.score::text AS k0, h.id::text AS k1{more}"
        page = found_page(PRACTICES, select, seen, conditions, query.q or "", position, count, arg)
    else:
        parts = (understood(Question.of(query.q or ""), arg), nearest(PRACTICES, seen))
        conditions.append(is_found(PRACTICES))
        page = f"WITH {','.join(parts)} {_page(document, more, conditions, ORDERS[query.order], count, position, arg)}"
    return Statement(page, arg.values)


TRANSITION = step_document(TransitionPublic)


def timeline(caller: Caller, id_: UUID, limit: int, position: list[str] | None) -> Statement:
    """A page of the timeline of a practice, as `app.timeline.steps` gives it."""
    arg = Arguments(id_)
    seen = f"SELECT FROM practice p WHERE p.id = $1 AND ({practice_visible(caller, arg, ended=True)})"
    # Drafts and reviews are the business of those who stand behind the record; its publication and end are everyone's.
    concerns = f"EXISTS (SELECT FROM practice p WHERE p.id = $1 AND {practice_concerns(caller, arg)})"
    told = f"(t.to_status IN ('published', 'archived', 'withdrawn', 'merged') OR {concerns})"
    return Statement(steps(TRANSITION, "practice", "$1", seen, limit, position, arg, told=told), arg.values)


def writable(caller: Caller, id_: UUID) -> Statement:
    """What a change starts from, the row locked: state, version, what the caller is to it, the fields."""
    arg = Arguments(id_)
    owner, reviewer = practice_owned(caller, arg), practice_reviewed(caller, arg)
    visible = practice_visible(caller, arg, ended=True)
    return Statement(
        f"""
SELECT p.status, p.version, p.city_id, {owner} AS is_owner, {reviewer} AS is_reviewer,
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
