"""What cities have answered, and how fast, as parts of SQL statements."""

# Who is addressed may refuse; that is known from the first step of an answer, which alone leaves it at version 1.
OFFERS_HELP = "NOT (s.status = 'declined' AND s.version = 1)"


def offers_of_help(seen: str, conditions: str) -> str:
    """The SELECT of the requests that cities have offered to help with: `city_id`, `request_id`, `hours` until then.

    Args:
        seen: the condition that the caller sees the request `r`: nothing is told of any other.
        conditions: on the answer `s`, such as whose it is.
    """
    return f"""
SELECT s.city_id, s.request_id, extract(epoch FROM min(s.created_at) - r.created_at) / 3600 AS hours
FROM response s JOIN exchange_request r ON r.id = s.request_id
WHERE {OFFERS_HELP} AND {seen} AND {conditions} GROUP BY s.city_id, s.request_id, r.created_at"""


def median(hours: str) -> str:
    """The median of hours, to a tenth; `hours` is an SQL expression."""
    return f"trim_scale(round((percentile_cont(0.5) WITHIN GROUP (ORDER BY {hours}))::numeric, 1))"
