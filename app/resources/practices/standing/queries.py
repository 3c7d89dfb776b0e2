"""Reads of endorsements: one function, one SQL statement."""

from uuid import UUID

from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import columns, moment, same, text_of
from app.paging import Key, after, order_by
from app.resources.practices.standing.schemas import EndorsementPublic, EndorsementQuery
from app.visibility import practice_visible

OLDEST = (Key("e.at", "timestamptz"), Key("e.organization", "text"))
DOCUMENT = columns(EndorsementPublic, {**same("e", "organization", "comment"), "at": moment("e.at")})


def endorsement(id_: UUID, organization: str) -> Statement:
    """An endorsement that was just made: `etag`, `body`."""
    return Statement(
        f"""
SELECT '"1-e"' AS etag, {text_of(DOCUMENT)} AS body
FROM practice_endorsement e WHERE e.practice_id = $1 AND e.organization = $2""",
        [id_, organization],
    )


def endorsements(caller: Caller, id_: UUID, query: EndorsementQuery, position: list[str] | None) -> Statement:
    """A page of a practice's endorsements, oldest first: `body`, `at`, `organization`.

    The first row stands for the practice and has a null body; no row at all: the caller does not see it.
    """
    arg = Arguments(id_)
    visible = practice_visible(caller, arg)
    later = f"AND {after(OLDEST, position, arg)}" if position is not None else ""
    return Statement(
        f"""
SELECT NULL AS body, NULL AS at, NULL AS organization FROM practice p WHERE p.id = $1 AND {visible}
UNION ALL
(SELECT {text_of(DOCUMENT)}, e.at::text, e.organization
 FROM practice_endorsement e JOIN practice p ON p.id = e.practice_id WHERE p.id = $1 AND {visible} {later}
 ORDER BY {order_by(OLDEST)} LIMIT {query.limit + 1})""",
        arg.values,
    )
