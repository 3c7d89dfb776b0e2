"""Reads of versions: one function, one SQL statement.

The newest version is the practice itself, those before it were kept by a trigger. A version is for those who might see
the practice when it was the newest, and only while they see what the practice is now.
"""

from uuid import UUID

from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import city_ref, columns, moment, same, text_of
from app.paging import Key, after, order_by
from app.resources.practices.documents import PARTNERS, PARTNERS_VERSION, TEXTS, TOMBSTONE
from app.resources.practices.lifecycle import FINAL
from app.resources.practices.versions.schemas import PracticeVersion, VersionsQuery, VersionSummary
from app.visibility import practice_shown, practice_visible

NEWEST = (Key("v.version", "int", descending=True),)
# The members that are compared, as the wire calls them.
COMPARED = (
    *TEXTS, "language", "translations", "tags", "keywords", "resources", "license", "city", "partner_cities",
    "implementers", "contact", "year_start", "year_end", "stage", "budget_band", "staff_fte", "months_to_implement",
    "beneficiaries", "indicators", "evidence_level", "offers", "accepting_exchanges", "visibility", "last_verified_at",
    "external_ids", "networks",
)  # fmt: skip
STORED_AS = {"city": "city_id"}
ENDED = f"p.status IN {FINAL!r}"
# What a load made stands in the audit trail by the chunk, not by the record.
MADE_BY = """LEFT JOIN LATERAL (
    SELECT a.organization, a.action, a.at FROM audit a
    WHERE a.record_type = 'practice' AND a.record_id = $1::text AND a.version = v.version
    ORDER BY a.id DESC LIMIT 1) a ON TRUE"""
MADE = {
    "at": moment("coalesce(a.at, v.updated_at)"),
    "organization": "coalesce(a.organization, 'operator')",
    "action": "coalesce(a.action, 'loaded')",
}
LANGUAGES = """(SELECT json_agg(t ORDER BY t.status = 'original' DESC, t.language) FROM (
    SELECT p.language, 'original' AS status
    UNION ALL SELECT x.key, x.value ->> 'status' FROM jsonb_each(v.content -> 'translations') x) t)"""


def version_page(caller: Caller, id_: UUID, query: VersionsQuery, position: list[str] | None) -> Statement:
    """A page of versions, newest first: `body`, `version`.

    The first row stands for the practice, with a null body, its `tombstone` where it is withdrawn or merged, and its
    `successor`; no row at all: the caller does not see it.
    """
    arg = Arguments(id_)
    document = columns(VersionSummary, {"version": "v.version", **MADE, "changed": _changed(caller)})
    later = f"WHERE {after(NEWEST, position, arg)}" if position is not None else ""
    return Statement(
        f"""
SELECT NULL AS body, NULL AS version, {_tombstone()}, p.successor
FROM practice p WHERE p.id = $1 AND ({practice_visible(caller, arg, ended=True)})
UNION ALL
(SELECT {text_of(document)}, v.version::text, NULL, NULL
 FROM (SELECT v.*, lead(v.content) OVER (ORDER BY {order_by(NEWEST)}) AS before
       FROM (SELECT v.* FROM ({_seen(caller, arg)}) v {later}
             ORDER BY {order_by(NEWEST)} LIMIT {query.limit + 2}) v) v
 {MADE_BY}
 ORDER BY {order_by(NEWEST)} LIMIT {query.limit + 1})""",
        arg.values,
    )


def version(caller: Caller, id_: UUID, number: int, other: int | None, if_none_match: list[str]) -> Statement:
    """One version: `etag`, null where there is none; `body`, null when the client has it; `tombstone`, `successor`.

    With `other`: `other_body`, null where there is no such version, and the texts of the translations of both.
    """
    arg = Arguments(id_, number, other, if_none_match)
    document = _document(caller)
    variant = "m" if caller.is_member else "p"
    return Statement(
        f"""
WITH seen AS MATERIALIZED ({_seen(caller, arg)}),
-- `v` is the version, `p` the record as it was then.
shown AS (
    SELECT v.content -> 'translations' AS translations, {text_of(document)} AS body, v.version,
           '"' || v.version || '-' || c.version || {PARTNERS_VERSION} || '.' || coalesce(b.version, 0)
               || '{variant}' || coalesce('.d' || $3::int, '') || '"' AS etag
    FROM seen v
    CROSS JOIN LATERAL jsonb_populate_record(NULL::practice, v.content) p
    JOIN city c ON c.id = p.city_id
    LEFT JOIN LATERAL (SELECT x.version, x.content FROM seen x WHERE x.version < v.version
                       ORDER BY x.version DESC LIMIT 1) b ON TRUE
    CROSS JOIN LATERAL (SELECT b.content AS before) w
    {MADE_BY}
    WHERE v.version IN ($2, $3))
SELECT {_tombstone()}, p.successor, s.etag, o.body AS other_body, s.translations::text AS translations,
       o.translations::text AS other_translations,
       CASE WHEN s.etag = ANY ($4::text[]) OR '*' = ANY ($4::text[]) THEN NULL ELSE s.body END AS body
FROM practice p LEFT JOIN shown s ON s.version = $2 LEFT JOIN shown o ON o.version = $3
WHERE p.id = $1 AND ({practice_visible(caller, arg, ended=True)})""",
        arg.values,
    )


def _seen(caller: Caller, arg: Arguments) -> str:
    """The SELECT of the versions of practice $1 that the caller sees: version, content, updated_at."""
    now = f"p.id = $1 AND NOT {ENDED} AND ({practice_visible(caller, arg)})"
    then = practice_shown(caller, arg, "k.visibility")
    return f"""SELECT p.version, px_practice_content(p) AS content, p.updated_at
    FROM practice p WHERE {now} AND p.status = 'published'
    UNION ALL SELECT k.version, k.content, k.updated_at
    FROM practice_version k JOIN practice p ON p.id = k.practice_id WHERE k.practice_id = $1 AND {now} AND {then}"""


def _tombstone() -> str:
    return f"CASE WHEN {ENDED} THEN {text_of(TOMBSTONE)} END AS tombstone"


def _changed(caller: Caller, before: str = "v.before") -> str:
    """The names of what differs between `v.content` and the version before; none where there is none."""
    names = [name for name in COMPARED if name != "contact" or caller.is_member]
    stored = [STORED_AS.get(name, name) for name in names]
    return f"""ARRAY(SELECT n.name
    FROM unnest(ARRAY{names!r}, ARRAY{stored!r}) WITH ORDINALITY AS n (name, stored, place)
    WHERE v.content -> n.stored <> {before} -> n.stored ORDER BY n.place)"""


def _document(caller: Caller) -> str:
    """The SELECT list of a version's document: `v` the version, `p` the record as it was, `c` its city, `a` who."""
    return columns(
        PracticeVersion,
        {
            **same(
                "p", "id", *TEXTS, "language", "tags", "keywords", "resources", "license", "implementers",
                "year_start", "year_end", "stage", "budget_band", "staff_fte", "months_to_implement", "beneficiaries",
                "indicators", "evidence_level", "offers", "accepting_exchanges", "visibility", "networks",
            ),
            "version": "v.version",
            **MADE,
            "changed": _changed(caller, "w.before"),
            "translations": LANGUAGES,
            "city": city_ref("c"),
            "partner_cities": PARTNERS,
            "contact": "v.content -> 'contact'" if caller.is_member else "NULL::json",
            "last_verified_at": moment("p.last_verified_at"),
            "external_ids": "v.content -> 'external_ids'",
            "created_at": moment("p.created_at"),
            "updated_at": moment("p.updated_at"),
            "published_at": moment("p.published_at"),
            "diff": "NULL::json",
        },
    )  # fmt: skip
