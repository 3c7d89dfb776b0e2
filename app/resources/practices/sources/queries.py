"""Reads for networks: which practice an id of theirs means."""

from app.database import Statement


def practice_of(network: str, external_id: str, *, lock: bool = False) -> Statement:
    """One row: `id` of the practice, whether the network only `linked` it, how many `origins`, `claimed`, `status`."""
    return Statement(
        f"""
SELECT p.id, o.linked, p.claimed, p.status,
       (SELECT count(*) FROM practice_origin n WHERE n.practice_id = p.id) AS origins
FROM practice_origin o JOIN practice p ON p.id = o.practice_id
WHERE o.network_id = $1 AND o.external_id = $2 {"FOR UPDATE OF p" if lock else ""}""",
        [network, external_id],
    )
