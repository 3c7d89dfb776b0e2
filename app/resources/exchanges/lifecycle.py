"""The states of an exchange request, as one table of moves."""

from dataclasses import dataclass
from typing import Literal

from app.errors import InvalidInput, TransitionNotAllowed, error

Side = Literal["owner", "addressed", "responder", "acceptance", "system"]
BY_CALLERS: tuple[Side, ...] = ("owner", "addressed", "responder")


@dataclass(frozen=True, slots=True)
class Move:
    """A step that a side may take; `needs` names the member of the request that the step cannot do without.

    `acceptance` moves come with an accepted response, `system` moves by the clock or by the last refusal: nobody can
    ask for them.
    """

    start: str
    to: str
    side: Side
    needs: str | None = None


MOVES = (
    Move("open", "returned", "addressed", "note"),
    Move("returned", "open", "owner"),
    Move("open", "matched", "acceptance"),
    Move("open", "unfulfilled", "system"),
    Move("matched", "in_progress", "owner"),
    Move("matched", "in_progress", "responder"),
    Move("matched", "open", "owner", "note"),
    Move("matched", "open", "responder", "note"),
    Move("in_progress", "completed", "owner"),
    Move("in_progress", "completed", "responder"),
    Move("open", "cancelled", "owner", "reason"),
    Move("returned", "cancelled", "owner", "reason"),
    Move("matched", "cancelled", "owner", "reason"),
    Move("in_progress", "cancelled", "owner", "reason"),
    Move("open", "expired", "system"),
    Move("returned", "expired", "system"),
    Move("expired", "open", "owner", "expires_at"),
    Move("unfulfilled", "open", "owner", "expires_at"),
)
CHANGEABLE = ("open", "returned")


def allowed(status: str, sides: set[Side]) -> list[str]:
    """The states that one who is on these sides may move the request to."""
    reachable = [move.to for move in MOVES if move.start == status and move.side in sides & set(BY_CALLERS)]
    return list(dict.fromkeys(reachable))


def check(status: str, to: str, sides: set[Side], given: dict[str, object]) -> Move:
    """The move that leads from one state to the other.

    Raises:
        TransitionNotAllowed: there is none for these sides.
        InvalidInput: it lacks what it needs.
    """
    for move in MOVES:
        if (move.start, move.to) == (status, to) and move.side in sides & set(BY_CALLERS):
            if move.needs and not given.get(move.needs):
                detail = f"A move from {status} to {to} needs {move.needs}."
                raise InvalidInput(detail, errors=[error(f"/{move.needs}", "missing", detail)])
            return move
    choices = allowed(status, sides)
    raise TransitionNotAllowed(
        f"The request is {status}; from there the caller may move it to: {', '.join(choices) or 'nothing'}.",
        current=status,
        allowed=choices,
    )


def allowed_sql(status: str, owner: str, addressed: str) -> str:
    """The same as `allowed`, as an SQL expression that gives a JSON array.

    Args:
        status: SQL expression of the state.
        owner: SQL condition that the caller owns the request.
        addressed: SQL condition that it is addressed to the caller.
    """
    conditions = {"owner": owner, "addressed": addressed}
    parts = [
        f"CASE WHEN {status} = '{move.start}' AND {condition} THEN '{move.to}' END"
        for move in MOVES
        if (condition := conditions.get(move.side, "FALSE")) != "FALSE"
    ]
    return f"array_to_json(array_remove(ARRAY[{', '.join(parts)}]::text[], NULL))" if parts else "'[]'::json"
