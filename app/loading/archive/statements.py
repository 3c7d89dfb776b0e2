"""The statements that take a chunk of an export's records back."""

from app.feed import mark
from app.resources.export.parts import Child, Part, table_of
from app.visibility import PUBLIC

# Two exchanges that both loaded the same vocabulary for themselves differ in these alone.
TIMES = ("created_at", "updated_at")
# They follow what hangs on a record, without a new version of it.
COUNTS = frozenset({"adoption_count", "response_count"})


def put(part: Part) -> str:
    """Take the records `$1` (JSON) in: those that are not here, and those that are newer in the file.

    What is the same here but for when it was made becomes what the file says. A row for each record that was written:
    its keys, and `is_new`.
    """
    columns, keys = ", ".join(part.columns), ", ".join(part.keys)
    given = f"SELECT {columns} FROM json_populate_recordset(NULL::{part.table}, $1::json)"
    returned = ", ".join(f"o.{key}" for key in part.keys)
    if "version" not in part.columns:
        return f"""
INSERT INTO {part.table} AS o ({columns}) {given}
ON CONFLICT ({keys}) DO NOTHING RETURNING {returned}, true AS is_new"""
    mine, theirs = _content(part, "o"), _content(part, "excluded")
    return f"""
INSERT INTO {part.table} AS o ({columns}) {given}
ON CONFLICT ({keys}) DO UPDATE SET ({columns}) = ROW ({", ".join(f"excluded.{name}" for name in part.columns)})
WHERE o.version < excluded.version
   OR (o.version = excluded.version AND ({mine}) IS NOT DISTINCT FROM ({theirs})
       AND ({_times(part, "o")}) IS DISTINCT FROM ({_times(part, "excluded")}))
RETURNING {returned}, xmax = 0 AS is_new"""


def differing(part: Part) -> str:
    """How many of the records `$1` (JSON) are here otherwise than the file has them."""
    joined = ", ".join(part.keys)
    return f"""
SELECT count(*) FROM json_populate_recordset(NULL::{part.table}, $1::json) g JOIN {part.table} o USING ({joined})
WHERE o.version > g.version OR ({_content(part, "o")}) IS DISTINCT FROM ({_content(part, "g")})"""


def clear(child: Child) -> str:
    """Take away what hangs on the records `$1`, for what the file says in its place."""
    return f"DELETE FROM {table_of(child.model).name} WHERE {child.owner} = ANY ($1)"


def hang(child: Child) -> str:
    """Hang the rows `$1` (JSON) on their records."""
    table = table_of(child.model).name
    shared = child.without if child.condition != "TRUE" else ()
    columns = ", ".join((child.owner, *child.columns, *shared))
    return f"""
INSERT INTO {table} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{table}, $1::json)
{"ON CONFLICT DO NOTHING" if child.is_history else ""}"""


# A record that was public once and is not any more is told as gone, so that copies of the exchange know.
_PRACTICES = f"""FROM practice p WHERE p.id = ANY ($1) AND (({PUBLIC}) OR EXISTS (
    SELECT FROM feed f WHERE f.type = 'practice' AND f.id = p.id::text)
    OR (p.visibility = 'public' AND p.published_at IS NOT NULL))"""
_REQUESTS = """FROM exchange_request p WHERE p.id = ANY ($1) AND (p.visibility = 'public' OR EXISTS (
    SELECT FROM feed f WHERE f.type = 'exchange_request' AND f.id = p.id::text))"""
_ADOPTIONS = f"""FROM adoption a JOIN (SELECT id, ({PUBLIC}) AS is_public FROM practice) q ON q.id = a.practice_id
    WHERE a.id = ANY ($1) AND (q.is_public OR EXISTS (
        SELECT FROM feed f WHERE f.type = 'adoption' AND f.id = a.id::text))"""
MARKS = {
    "tag": mark("tag", "FROM tag WHERE id = ANY ($1)"),
    "network": mark("network", "FROM network WHERE id = ANY ($1)"),
    "city": mark("city", "FROM city WHERE id = ANY ($1)"),
    "practice": mark("practice", _PRACTICES, op=f"CASE WHEN {PUBLIC} THEN 'upsert' ELSE 'delete' END"),
    "exchange_request": mark(
        "exchange_request", _REQUESTS, op="CASE WHEN visibility = 'public' THEN 'upsert' ELSE 'delete' END"
    ),
    "adoption": mark(
        "adoption",
        _ADOPTIONS,
        id_="a.id",
        version="a.version",
        op="CASE WHEN q.is_public THEN 'upsert' ELSE 'delete' END",
    ),
}
# A record that was here already counts what newly hangs on it.
COUNTED = {
    "adoption": """
UPDATE practice p SET adoption_count = n.count
FROM (SELECT practice_id, count(*) FROM adoption WHERE practice_id IN (SELECT practice_id FROM adoption
      WHERE id = ANY ($1)) GROUP BY practice_id) n
WHERE p.id = n.practice_id AND p.adoption_count < n.count""",
    "response": """
UPDATE exchange_request r SET response_count = n.count
FROM (SELECT request_id, count(*) FROM response WHERE request_id IN (SELECT request_id FROM response
      WHERE id = ANY ($1)) GROUP BY request_id) n
WHERE r.id = n.request_id AND r.response_count < n.count""",
}
# What shows a city that was changed, or a practice that is public no more.
SHOWN_ELSEWHERE = {
    "city": (
        mark(
            "practice",
            f"FROM practice p WHERE ({PUBLIC}) AND (p.city_id = ANY ($1) OR p.partner_cities && $1::text[])",
        ),
        mark(
            "exchange_request",
            "FROM exchange_request r JOIN feed f ON f.type = 'exchange_request' AND f.id = r.id::text"
            " WHERE r.city_id = ANY ($1)",
            id_="r.id", version="f.version", op="f.op",
        ),
        mark(
            "adoption",
            "FROM adoption a JOIN feed f ON f.type = 'adoption' AND f.id = a.id::text WHERE a.city_id = ANY ($1)",
            id_="a.id", version="f.version", op="f.op",
        ),
    ),
    "practice": (
        mark(
            "adoption",
            f"FROM adoption a JOIN (SELECT id, CASE WHEN {PUBLIC} THEN 'upsert' ELSE 'delete' END AS op FROM practice"
            " WHERE id = ANY ($1)) q ON q.id = a.practice_id"
            " JOIN feed f ON f.type = 'adoption' AND f.id = a.id::text WHERE f.op <> q.op",
            id_="a.id", version="a.version", op="q.op",
        ),
    ),
}  # fmt: skip


def _content(part: Part, alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in part.columns if name not in {*TIMES, *COUNTS, "version"})


def _times(part: Part, alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in part.columns if name in TIMES)
