"""Reads of networks and memberships: one function, one SQL statement."""

from app.database import Arguments, Statement
from app.documents import city_ref, columns, moment, same
from app.paging import Key, after, order_by
from app.resources.networks.schemas import MembershipPublic, MembershipQuery, NetworkPublic, NetworkQuery

CURRENT = "(m.until IS NULL OR m.until >= current_date)"
ORDER = (Key("n.id", "text"),)
CITY_ORDER = (Key("m.city_id", "text"),)
COUNT = f"(SELECT count(*) AS cities FROM membership m WHERE m.network_id = n.id AND {CURRENT})"
DOCUMENT = columns(
    NetworkPublic,
    {
        **same(
            "n", "id", "name", "abbreviation", "kind", "website", "founded", "scope", "description", "review_policy",
            "version",
        ),
        "city_count": "k.cities",
        "created_at": moment("n.created_at"),
        "updated_at": moment("n.updated_at"),
    },
)  # fmt: skip
MEMBERSHIP = columns(
    MembershipPublic,
    {
        **same("m", "role", "since", "until", "version"),
        "network": "m.network_id",
        "city": city_ref("c"),
        "updated_at": moment("m.updated_at"),
    },
)


def network(id_: str, if_none_match: list[str]) -> Statement:
    """One network: `etag`, `body` (null when the client has it)."""
    return Statement(
        f"""
SELECT e.etag, CASE WHEN e.etag = ANY ($2::text[]) OR '*' = ANY ($2::text[]) THEN NULL
    ELSE (SELECT row_to_json(x)::text FROM (SELECT {DOCUMENT}) x) END AS body
FROM network n CROSS JOIN LATERAL {COUNT} k
CROSS JOIN LATERAL (SELECT '"' || n.version || '-' || k.cities || '"' AS etag) e
WHERE n.id = $1""",
        [id_, if_none_match],
    )


def network_page(query: NetworkQuery, position: list[str] | None) -> Statement:
    """A page of networks, and one more row where there are more: `body`, `id`."""
    arg = Arguments()
    conditions = ["TRUE"]
    if query.kind:
        conditions.append(f"n.kind = {arg(query.kind)}")
    if position is not None:
        conditions.append(after(ORDER, position, arg))
    return Statement(
        f"""
SELECT (SELECT row_to_json(x)::text FROM (SELECT {DOCUMENT}) x) AS body, n.id
FROM (SELECT n.* FROM network n WHERE {" AND ".join(conditions)}
      ORDER BY {order_by(ORDER)} LIMIT {query.limit + 1}) n
CROSS JOIN LATERAL {COUNT} k
ORDER BY {order_by(ORDER)}""",
        arg.values,
    )


def membership(network_id: str, city_id: str, if_none_match: list[str]) -> Statement:
    """One membership: `etag`, `body` (null when the client has it)."""
    return Statement(
        f"""
SELECT e.etag, CASE WHEN e.etag = ANY ($3::text[]) OR '*' = ANY ($3::text[]) THEN NULL
    ELSE (SELECT row_to_json(x)::text FROM (SELECT {MEMBERSHIP}) x) END AS body
FROM membership m JOIN city c ON c.id = m.city_id
CROSS JOIN LATERAL (SELECT '"' || m.version || '-' || c.version || '"' AS etag) e
WHERE m.network_id = $1 AND m.city_id = $2""",
        [network_id, city_id, if_none_match],
    )


def membership_page(network_id: str, query: MembershipQuery, position: list[str] | None) -> Statement:
    """A page of a network's memberships: `body`, `city_id`. No row at all: there is no such network.

    The first row stands for the network itself and has a null body.
    """
    arg = Arguments(network_id)
    conditions = ["m.network_id = $1"]
    if query.role:
        conditions.append(f"m.role = {arg(query.role)}")
    if query.current is not None:
        conditions.append(CURRENT if query.current else f"NOT {CURRENT}")
    if position is not None:
        conditions.append(after(CITY_ORDER, position, arg))
    return Statement(
        f"""
SELECT NULL AS body, NULL AS city_id FROM network WHERE id = $1
UNION ALL
(SELECT (SELECT row_to_json(x)::text FROM (SELECT {MEMBERSHIP}) x), m.city_id
 FROM membership m JOIN city c ON c.id = m.city_id WHERE {" AND ".join(conditions)}
 ORDER BY {order_by(CITY_ORDER)} LIMIT {query.limit + 1})""",
        arg.values,
    )


def writable(id_: str) -> Statement:
    """What a change starts from, the row locked: `version`, and the `fields` as JSON."""
    return Statement(
        "SELECT n.version, row_to_json(n)::text AS fields FROM network n WHERE n.id = $1 FOR UPDATE", [id_]
    )


def standing(network_id: str, city_id: str) -> Statement:
    """What a change of a membership starts from: whether `has_city`, and the membership, all null if there is none.

    No row: there is no such network.
    """
    return Statement(
        """
SELECT EXISTS (SELECT FROM city WHERE id = $2) AS has_city, m.version, m.role, m.since, m.until
FROM network n LEFT JOIN membership m ON m.network_id = n.id AND m.city_id = $2 WHERE n.id = $1""",
        [network_id, city_id],
    )
