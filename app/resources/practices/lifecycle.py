"""The states of a practice, as one table of moves."""

from dataclasses import dataclass
from typing import Literal

from app.errors import InvalidInput, TransitionNotAllowed, error

Side = Literal["owner", "reviewer"]


@dataclass(frozen=True, slots=True)
class Move:
    """A step that a side may take; `needs` names the member of the request that the step cannot do without."""

    start: str
    to: str
    side: Side
    needs: str | None = None


MOVES = (
    Move("draft", "published", "owner"),
    Move("draft", "submitted", "owner", "network"),
    Move("changes_requested", "submitted", "owner", "network"),
    Move("submitted", "published", "reviewer"),
    Move("submitted", "changes_requested", "reviewer", "note"),
    Move("submitted", "draft", "owner"),
    Move("published", "archived", "owner"),
    Move("archived", "published", "owner"),
    Move("published", "withdrawn", "owner"),
    Move("archived", "withdrawn", "owner"),
    Move("published", "merged", "owner", "successor"),
)
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


def allowed_sql(status: str, owner: str, reviewer: str) -> str:
    """The same as `allowed`, as an SQL expression that gives a JSON array.

    Args:
        status: SQL expression of the state.
        owner: SQL condition that the caller is the owner.
        reviewer: SQL condition that the caller is the reviewer.
    """
    conditions = {"owner": owner, "reviewer": reviewer}
    parts = [
        f"CASE WHEN {status} = '{move.start}' AND {conditions[move.side]} THEN '{move.to}' END"
        for move in MOVES
        if conditions[move.side] != "FALSE"
    ]
    if not parts:
        return "'[]'::json"
    return f"array_to_json(array_remove(ARRAY[{', '.join(parts)}], NULL))"
