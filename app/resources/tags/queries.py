"""Reads of tags: one function, one SQL statement."""

from app.database import Arguments, Statement
from app.documents import columns, moment, same
from app.paging import Key, after, order_by
from app.resources.tags.schemas import TagPublic, TagQuery
from app.resources.tags.skos import concept_sql, whole_concept_sql
from app.search import named

SCHEMES = ("theme", "group", "format", "gcm", "gcm-principle", "gcr", "sdg")
RANK = f"array_position('{{{','.join(SCHEMES)}}}'::text[], t.scheme)"
BEST = (Key("t.score", "numeric", descending=True), Key("t.id", "text", descending=True))
ORDER: tuple[Key, ...] = (Key(RANK, "int"), Key("t.position", "int"), Key("t.id", "text"))
DOCUMENT = columns(
    TagPublic,
    {
        **same("t", "id", "scheme", "code", "label", "labels", "broader", "created_by", "version"),
        "synonyms": """ARRAY(SELECT DISTINCT s FROM jsonb_each(t.synonyms) l, jsonb_array_elements_text(l.value) s
                             ORDER BY s)""",
        "narrower": "d.narrower",
        "related": "d.related",
        "practice_count": "coalesce(k.practices, 0)",
        "created_at": moment("t.created_at"),
        "updated_at": moment("t.updated_at"),
    },
)
NEIGHBOURS = """(SELECT
    ARRAY(SELECT n.id FROM tag n WHERE n.broader = t.id ORDER BY n.position, n.id) AS narrower,
    ARRAY(SELECT r.related_id FROM tag_relation r WHERE r.tag_id = t.id ORDER BY r.related_id) AS related)"""
COUNT = """(SELECT count(*) AS practices FROM practice p
    WHERE p.status = 'published' AND p.visibility = 'public' AND p.tag_closure @> ARRAY[t.id])"""
# For a page one pass over the practices is cheaper than a search for each tag: 160 ms against 520 for 100,000.
COUNTS = """LEFT JOIN (SELECT x AS id, count(*) AS practices FROM practice p, unnest(p.tag_closure) x
    WHERE p.status = 'published' AND p.visibility = 'public' GROUP BY x) k ON k.id = t.id"""
JSON_TEXT = f"(SELECT row_to_json(x)::text FROM (SELECT {DOCUMENT}) x)"
FINGERPRINT = "left(md5(d.narrower::text || d.related::text), 8)"


def tag(id_: str, if_none_match: list[str]) -> Statement:
    """One tag: `etag`, `body` (null when the client has it)."""
    return _one(f"k.practices || '.' || {FINGERPRINT}", JSON_TEXT, f"CROSS JOIN LATERAL {COUNT} k", id_, if_none_match)


def concept(id_: str, if_none_match: list[str], base: str) -> Statement:
    """One tag as SKOS; `base` is the service's address. Columns as of `tag`."""
    return _one(f"'ld.' || {FINGERPRINT}", whole_concept_sql("$3"), "", id_, if_none_match, base)


def tag_page(query: TagQuery, position: list[str] | None) -> Statement:
    """A page of tags, and one more row where there are more: `body`, then the values of the order's keys."""
    return _page(query, position, JSON_TEXT, COUNTS, Arguments())


def concept_page(query: TagQuery, position: list[str] | None, base: str) -> Statement:
    """The same as SKOS; `base` is the service's address."""
    return _page(query, position, f"{concept_sql('$1')}::text", "", Arguments(base))


def _one(suffix: str, body: str, join: str, *arguments: object) -> Statement:
    return Statement(
        f"""
SELECT e.etag, CASE WHEN e.etag = ANY ($2::text[]) OR '*' = ANY ($2::text[]) THEN NULL ELSE {body} END AS body
FROM tag t CROSS JOIN LATERAL {NEIGHBOURS} d {join}
CROSS JOIN LATERAL (SELECT '"' || t.version || '-' || {suffix} || '"' AS etag) e
WHERE t.id = $1""",
        list(arguments),
    )


def _page(query: TagQuery, position: list[str] | None, body: str, join: str, arg: Arguments) -> Statement:
    conditions = ["TRUE"]
    if query.scheme:
        conditions.append(f"t.scheme = {arg(query.scheme)}")
    names, source, keys = "", "tag t", ORDER
    if query.q is not None:
        names = f"WITH {named(query.q, '#', arg)}"
        source, keys = "(SELECT t.*, n.score FROM tag t JOIN name n USING (id)) t", BEST
    if position is not None:
        conditions.append(after(keys, position, arg))
    return Statement(
        f"""
{names}
SELECT {body} AS body, {", ".join(f"({key.expression})::text" for key in keys)}
FROM (SELECT t.* FROM {source} WHERE {" AND ".join(conditions)}
      ORDER BY {order_by(keys)} LIMIT {query.limit + 1}) t
CROSS JOIN LATERAL {NEIGHBOURS} d {join}
ORDER BY {order_by(keys)}""",
        arg.values,
    )
