"""The states of a practice, as one table of moves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from app.errors import InvalidInput, TransitionNotAllowed, error

Side = Literal["owner", "publisher", "reviewer"]


@dataclass(frozen=True, slots=True)
class Move:
    """A step that a side may take; `needs` names the member of the request that the step cannot do without.

    A `publisher` is an owner whom nobody reviews: a city, or a network whose policy is to publish by itself.
    """

    start: str
    to: str
    side: Side
    needs: str | None = None


MOVES = (
    Move("draft", "published", "publisher"),
    Move("draft", "submitted", "owner", "network"),
    Move("changes_requested", "submitted", "owner", "network"),
    Move("submitted", "published", "reviewer"),
    Move("submitted", "changes_requested", "reviewer", "note"),
    Move("published", "archived", "owner"),
    Move("archived", "published", "owner"),
    Move("published", "withdrawn", "owner"),
    Move("published", "merged", "owner", "successor"),
)
# A deletion, which nobody asks for as a move.
WITHDRAWAL = {status: Move(status, "withdrawn", "owner") for status in ("published", "archived")}
FINAL = ("withdrawn", "merged")
NEVER_PUBLISHED = ("draft", "submitted", "changes_requested")


def allowed(status: str, sides: set[Side]) -> list[str]:
    """The states that one who is on these sides may move the record to."""
    return [move.to for move in MOVES if move.start == status and move.side in sides]


def check(status: str, to: str, sides: set[Side], given: dict[str, object]) -> Move:
    """The move that leads from one state to the other.

    Raises:
        TransitionNotAllowed: there is none for these sides.
        InvalidInput: it lacks what it needs.
    """
    for move in MOVES:
        if (move.start, move.to) == (status, to) and move.side in sides:
            if move.needs and not given.get(move.needs):
                detail = f"A move to {to} needs {move.needs}."
                raise InvalidInput(detail, errors=[error(f"/{move.needs}", "missing", detail)])
            return move
    choices = allowed(status, sides)
    raise TransitionNotAllowed(
        f"The practice is {status}; from there the caller may move it to: {', '.join(choices) or 'nothing'}.",
        current=status,
        allowed=choices,
    )


def allowed_sql(status: str, conditions: Mapping[Side, str]) -> str:
    """The same as `allowed`, as an SQL expression that gives a JSON array.

    Args:
        status: SQL expression of the state.
        conditions: for each side, the SQL condition that the caller is on it.
    """
    parts = [
        f"CASE WHEN {status} = '{move.start}' AND {conditions[move.side]} THEN '{move.to}' END"
        for move in MOVES
        if conditions[move.side] != "FALSE"
    ]
    if not parts:
        return "'[]'::json"
    return f"array_to_json(array_remove(ARRAY[{', '.join(parts)}], NULL))"
