"""Reads of the feed."""

from collections.abc import Mapping, Sequence

from app.database import Arguments, Statement
from app.documents import moment
from app.feed import EPOCH, FeedType
from app.resources.changes.schemas import ChangeFilters


def history() -> Statement:
    """One row: `epoch`, which history this is; `head`, the last position; `floor`, the oldest cursor honoured.

    And `is_marked`: whether a change waits for its position.
    """
    return Statement(EPOCH, [])


def changes(
    types: Mapping[str, FeedType], filters: ChangeFilters, after: int, copied_until: int, limit: int
) -> Statement:
    """A page of the feed: `seq`, and `line`, the change as JSON in UTF-8; the last row is the feed's end, without line.

    Args:
        types: how each kind of record is shown.
        filters: which records the reader keeps.
        after: the position that the reader has.
        copied_until: up to here a reader from the beginning never held anything: what does not match is left out.
        limit: how many at most.
    """
    arg = Arguments(after, copied_until)
    chosen = [types[name] for name in (filters.type or types)]
    conditions = [f"f.type = ANY({arg([kind.name for kind in chosen])}::text[])"]
    if filters.exclude_origin:
        conditions.append(f"f.origin IS DISTINCT FROM {arg(filters.exclude_origin)}")
    kept = " ".join(f"LEFT JOIN {kind.kept.format(f'k_{kind.name}')}" for kind in chosen if kind.kept)
    documents = " UNION ALL ".join(_documents(kind, _matching(kind, filters, arg)) for kind in chosen)
    reason = " ".join(f"WHEN '{kind.name}' THEN {kind.reason}" for kind in chosen)
    successor = " ".join(f"WHEN '{kind.name}' THEN {kind.successor}" for kind in chosen)
    return Statement(
        f"""
(SELECT f.seq, convert_to((SELECT left(row_to_json(x)::text, -1) FROM (
    SELECT f.type, f.id, CASE WHEN d.body IS NULL THEN 'delete' ELSE 'upsert' END AS op, f.version,
           {moment("f.stamped_at")} AS changed_at, f.origin,
           CASE WHEN d.body IS NULL THEN coalesce(CASE f.type {reason} END,
               CASE f.op WHEN 'delete' THEN 'deleted' ELSE 'not_matching' END) END AS reason,
           CASE WHEN d.body IS NULL THEN CASE f.type {successor} END::text END AS successor) x)
    || ',"data":' || coalesce(d.body, 'null') || '}}', 'UTF8') AS line
FROM feed f {kept} LEFT JOIN LATERAL ({documents}) d ON TRUE
WHERE f.seq > $1 AND {" AND ".join(conditions)} AND (d.body IS NOT NULL OR f.seq > $2)
ORDER BY f.seq LIMIT {limit + 1})
UNION ALL SELECT coalesce((SELECT max(seq) FROM feed), 0), NULL""",
        arg.values,
    )


def _documents(kind: FeedType, matching: str) -> str:
    """The document of the record of `f`, if it is of this kind and there for the reader."""
    built = f"{kind.source} AND f.type = '{kind.name}' AND f.op = 'upsert'{matching}"
    if not kind.kept:
        return f"SELECT {kind.document} AS body {built}"
    kept = f"k_{kind.name}.body"
    if matching:
        return f"SELECT coalesce({kept}, {kind.document}) AS body {built}"
    # Whether anybody may see the record was asked when its document was kept.
    return f"SELECT {kept} WHERE {kept} IS NOT NULL UNION ALL SELECT {kind.document} {built} AND {kept} IS NULL"


def _matching(kind: FeedType, filters: ChangeFilters, arg: Arguments) -> str:
    conditions: Sequence[str] = [
        kind.filters[name].format(arg(value)) if name in kind.filters else "FALSE"
        for name in ("network", "city", "country", "tag")
        if (value := getattr(filters, name))
    ]
    return "".join(f" AND {condition}" for condition in conditions)
