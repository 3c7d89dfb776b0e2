"""Reads for harvesters: the feed's rows of practices, with what Dublin Core says of them."""

from uuid import UUID

from app.database import Arguments, Statement
from app.resources.oai.protocol import Window
from app.visibility import PUBLIC_PRACTICE

STAMP = "to_char(f.stamped_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
RECORD = f"""
SELECT f.seq, f.id, {STAMP} AS stamp, coalesce(f.op = 'upsert' AND {PUBLIC_PRACTICE}, FALSE) AS live,
       p.title, p.summary, p.language, p.license, c.name AS city, c.country, p.tags, p.networks, p.keywords,
       to_char(p.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS published
FROM feed f LEFT JOIN practice p ON p.id = CASE WHEN f.type = 'practice' THEN f.id::uuid END
LEFT JOIN city c ON c.id = p.city_id
WHERE f.type = 'practice' AND f.seq IS NOT NULL"""
SETS = {
    "country": "c.country = {}",
    "network": "p.networks @> ARRAY[{}::text]",
    "tag": "p.tag_closure @> ARRAY[{}::text]",
}


def records(window: Window, chosen: tuple[str, str] | None, after: int, limit: int) -> Statement:
    """Records in the order of the feed, one more than `limit` where there are more.

    A record that is gone is in the sets it was in last.
    """
    arg = Arguments(after)
    conditions = ["f.seq > $1"]
    if window.start:
        conditions.append(f"f.stamped_at >= {arg(window.start)}")
    if window.end:
        conditions.append(f"f.stamped_at < {arg(window.end)}")
    if chosen:
        conditions.append(SETS[chosen[0]].format(arg(chosen[1])))
    return Statement(f"{RECORD} AND {' AND '.join(conditions)} ORDER BY f.seq LIMIT {limit + 1}", arg.values)


def record(id_: UUID) -> Statement:
    """One record."""
    return Statement(f"{RECORD} AND f.id = $1", [str(id_)])


def sets() -> Statement:
    """Every set: `spec` and `name`."""
    return Statement(
        "SELECT * FROM (SELECT DISTINCT 'country:' || country AS spec, country AS name FROM city"
        " UNION ALL SELECT 'network:' || id, name FROM network UNION ALL SELECT 'tag:' || id, label FROM tag) s"
        " ORDER BY spec",
        [],
    )


def earliest() -> Statement:
    """The earliest stamp of a practice."""
    return Statement(f"SELECT min({STAMP}) AS stamp FROM feed f WHERE f.type = 'practice'", [])
