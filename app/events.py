"""Events: how a resource notes one that no row's change tells, and how a search narrows who is told.

What happens to records is noted by triggers, in the transaction that does it and only while somebody wants to be told
(`webhook_event`); `app/delivery` finds out whom each is for.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.caller import Caller
from app.database import Arguments
from app.fields import EventName

# What wakes the senders of all processes.
CHANNEL = "practice_exchange_deliveries"


@dataclass(frozen=True, slots=True)
class Matching:
    """A search as a part of a statement: CTEs for its WITH (none: empty), and conditions on the record."""

    parts: list[str]
    conditions: list[str]


@dataclass(frozen=True, slots=True)
class RecordSearch:
    """How the search of one kind of record is asked of single records.

    Attributes:
        check: raises InvalidInput, pointing at `/filter`, for a query string that the search does not take.
        matching: the query string as the caller's, with the arguments of the statement, and the ids (SQL, an array) of
            those among the records that nobody finds any more, but who could is told of their end.
    """

    check: Callable[[str], None]
    matching: Callable[[str, Caller, Arguments, str], Matching]


# Filled where the application is put together: who is told does not know the resources, nor they it.
searches: dict[str, RecordSearch] = {}


def cities_that_want(event: EventName) -> str:
    """The ids of the cities that want to be told of an event, as a SELECT."""
    return (
        "SELECT substr(w.organization, 6) FROM webhook w WHERE w.status = 'active'"
        f" AND w.organization LIKE 'city:%' AND w.events @> ARRAY['{event}']"
    )


def noted(event: EventName, source: str) -> str:
    """The statement that notes an event for every row (`id`, `version`) of `source`, a FROM clause."""
    return f"INSERT INTO webhook_event (type, record_id, version) SELECT '{event}', id, version {source}"
