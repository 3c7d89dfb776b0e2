"""Reads for harvesters: the feed's rows of practices, with what the formats say of them."""

from typing import NamedTuple
from uuid import UUID

from app.database import Arguments, Connection, Statement
from app.feed import EPOCH, FeedType
from app.resources.oai.protocol import Window
from app.resources.oai.sets import concerned
from app.visibility import PUBLIC_PRACTICE

SECONDS = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
# A set of so many records is gathered and put in order for each page; of a larger one every page is found by walking
# along the feed. At the border both take about as long, and neither grows with the number of records outside the set.
FEW = 3_000
CORE = """p.title, p.summary, p.language, p.license, c.name AS city, c.country, p.tags, p.keywords,
    to_char(p.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS published, p.resources::text AS resources,
    p.implementers::text AS implementers,
    ARRAY(SELECT x.name FROM city x WHERE x.id = ANY (p.partner_cities)
          ORDER BY array_position(p.partner_cities, x.id)) AS partners"""
TRANSLATIONS = """(SELECT coalesce(json_agg(json_build_object('language', t.language, 'status', t.status,
    'texts', t.texts) ORDER BY t.language), '[]')::text FROM practice_translation t WHERE t.practice_id = p.id)"""


class Shown(NamedTuple):
    """What is selected of each record beside its header: `columns`, and the `join` that they need."""

    columns: str
    join: str = ""


HEADER = Shown("")


def history() -> Statement:
    """One row: the feed's `epoch`, `head`, `is_marked`; `now`, before all that is read after; `told`, the last stamp.

    What is marked later than this is seen is stamped later than `now`.
    """
    return Statement(
        f"""
SELECT h.epoch, h.head, h.is_marked, now() AS now,
       (SELECT f.stamped_at FROM feed f WHERE f.seq IS NOT NULL ORDER BY f.seq DESC LIMIT 1) AS told
FROM ({EPOCH}) h""",
        [],
    )


def earliest() -> Statement:
    """One row: the earliest stamp of a practice, as text; where there is none, the present, which all will follow."""
    first = "SELECT min(f.stamped_at) FROM feed f WHERE f.type = 'practice' AND f.seq IS NOT NULL"
    return Statement(f"SELECT {SECONDS.format(f'coalesce(({first}), now())')} AS stamp", [])


def size(spec: str) -> Statement:
    """Whether the set has few records, those that left it included."""
    arg = Arguments()
    few = f"SELECT FROM practice p WHERE {concerned(spec, arg)} LIMIT {FEW + 1}"
    return Statement(f"SELECT count(*) <= {FEW} AS is_small FROM ({few}) x", arg.values)


def records(
    window: Window, spec: str | None, after: tuple[str, int] | None, limit: int, shown: Shown, *, is_small: bool
) -> Statement:
    """Records in the order of their stamps, one more than `limit` where there are more.

    A record that has left the set that is asked for is told as gone from there.

    Args:
        window: which stamps.
        spec: the set; None: all records.
        after: where the page before ended: the stamp as text, and the position.
        limit: how many.
        shown: what is selected of each, as `shown` gives it.
        is_small: whether the set has few records.
    """
    arg = Arguments(spec)
    conditions = ["f.type = 'practice'", "f.seq IS NOT NULL"]
    if after:
        conditions.append(f"(f.stamped_at, f.seq) > ({arg(after[0])}::text::timestamptz, {arg(after[1])}::bigint)")
    if window.start:
        conditions.append(f"f.stamped_at >= {arg(window.start)}")
    if window.end:
        conditions.append(f"f.stamped_at < {arg(window.end)}")
    where, order = " AND ".join(conditions), f"ORDER BY f.stamped_at, f.seq LIMIT {limit + 1}"
    if spec is None:
        page = f"SELECT f.* FROM feed f WHERE {where} {order}"
    elif is_small:
        page = f"""SELECT f.* FROM (SELECT p.id FROM practice p WHERE {concerned(spec, arg)} OFFSET 0) p
            CROSS JOIN LATERAL (SELECT * FROM feed g WHERE g.type = 'practice' AND g.id = p.id::text OFFSET 0) f
            WHERE {where} {order}"""
    else:
        # The fences hold the planner to the one way or the other: it does not know how many are in the set.
        page = f"""SELECT f.* FROM (SELECT * FROM feed f WHERE {where} ORDER BY f.stamped_at, f.seq OFFSET 0) f
            CROSS JOIN LATERAL (SELECT FROM (SELECT * FROM practice q WHERE q.id = f.id::uuid OFFSET 0) p
                                WHERE {concerned(spec, arg)} OFFSET 0) p {order}"""
    return Statement(f"{_shown(page, shown)} ORDER BY f.stamped_at, f.seq", arg.values)


def record(id_: UUID, shown: Shown) -> Statement:
    """One record."""
    page = "SELECT f.* FROM feed f WHERE f.type = 'practice' AND f.id = $2"
    return Statement(_shown(page, shown), [None, str(id_)])


def shown(prefix: str | None, practice: FeedType) -> Shown:
    """What is selected of each record for a format; None: the header alone.

    Args:
        prefix: the format.
        practice: how the feed shows a practice.
    """
    if prefix is None:
        return HEADER
    if prefix == "oai_dc":
        return Shown(f", {CORE}")
    body = f"CASE WHEN e.is_public THEN coalesce(k.body, {practice.document}) END AS body"
    return Shown(f", {body}, {TRANSLATIONS} AS translations", f"LEFT JOIN {practice.kept.format('k')}")


def sets(after: str, limit: int) -> Statement:
    """Sets after one of them, one more than `limit` where there are more: `spec` and `name`."""
    return Statement(
        f"""
SELECT spec, name FROM (
    SELECT unnest(ARRAY['country', 'network', 'tag']) COLLATE "C" AS spec, '' AS name
    UNION ALL SELECT DISTINCT 'country:' || country, country FROM city
    UNION ALL SELECT 'network:' || id, name FROM network
    UNION ALL SELECT DISTINCT 'tag:' || scheme, scheme FROM tag
    UNION ALL SELECT 'tag:' || id, label FROM tag) s
WHERE spec > $1::text COLLATE "C" ORDER BY spec LIMIT {limit + 1}""",
        [after],
    )


async def forget_left_sets(connection: Connection, days: int) -> int:
    """Forget which sets practices left longer than so many days ago, as the feed forgets deletions; gives how many."""
    done = await connection.execute(
        "DELETE FROM practice_left_set WHERE left_at < now() - make_interval(days => $1)", days
    )
    return int(done.split()[-1])


def _shown(page: str, shown: Shown) -> str:
    """What is told of a page of the feed's rows: `$1` is the set that is asked for, null: none."""
    return f"""
SELECT f.seq, f.stamped_at::text AS place, f.id, {SECONDS.format("coalesce(f.stamped_at, now())")} AS stamp,
       e.is_public AND ($1::text IS NULL OR $1 = ANY (e.current)) AS live,
       CASE WHEN NOT e.is_public THEN e.current || e.past
            WHEN $1 IS NULL OR $1 = ANY (e.current) THEN e.current ELSE e.past END AS sets{shown.columns}
FROM ({page}) f LEFT JOIN practice p ON p.id = f.id::uuid LEFT JOIN city c ON c.id = p.city_id
{shown.join}
CROSS JOIN LATERAL (
    SELECT coalesce(f.op = 'upsert' AND {PUBLIC_PRACTICE}, FALSE) AS is_public,
        ARRAY(SELECT s FROM px_practice_sets(p.tag_closure, p.city_id, p.networks) s ORDER BY s) AS current,
        ARRAY(SELECT l.set_spec FROM practice_left_set l WHERE l.practice_id = p.id ORDER BY 1) AS past OFFSET 0) e"""
