"""The states of an exchange request, as one table of moves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from app.errors import InvalidInput, TransitionNotAllowed, error
from app.fields import ClosedReason

Side = Literal["owner", "improver", "addressed", "responder", "acceptance", "system"]
BY_CALLERS: tuple[Side, ...] = ("owner", "improver", "addressed", "responder")


@dataclass(frozen=True, slots=True)
class Move:
    """A step that a side may take; `needs` names the member of the request that the step cannot do without.

    An `improver` is an owner who has changed the request since it was returned.
    `acceptance` moves come with an accepted response, `system` moves by the clock or by the last refusal: nobody can
    ask for them.
    """

    start: str
    to: str
    side: Side
    needs: str | None = None


MOVES = (
    Move("open", "returned", "addressed", "note"),
    Move("returned", "open", "improver"),
    Move("open", "matched", "acceptance"),
    Move("open", "unfulfilled", "system"),
    Move("matched", "in_progress", "owner"),
    Move("matched", "in_progress", "responder"),
    Move("matched", "open", "owner", "reason"),
    Move("matched", "open", "responder", "reason"),
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


def allowed(status: str, sides: set[Side], moves: Sequence[Move] = MOVES) -> list[str]:
    """The states that one who is on these sides may move the record to."""
    reachable = [move.to for move in moves if move.start == status and move.side in sides & set(BY_CALLERS)]
    return list(dict.fromkeys(reachable))


def check(status: str, to: str, sides: set[Side], given: dict[str, object], moves: Sequence[Move] = MOVES) -> Move:
    """The move that leads from one state to the other.

    Raises:
        TransitionNotAllowed: there is none for these sides.
        InvalidInput: it lacks what it needs.
    """
    for move in moves:
        if (move.start, move.to) == (status, to) and move.side in sides & set(BY_CALLERS):
            _check_needs(move, given)
            return move
    choices = allowed(status, sides, moves)
    hint = " Change it first." if (status, to) == ("returned", "open") and "owner" in sides else ""
    raise TransitionNotAllowed(
        f"It is {status}; from there the caller may move it to: {', '.join(choices) or 'nothing'}.{hint}",
        current=status,
        allowed=choices,
    )


def _check_needs(move: Move, given: dict[str, object]) -> None:
    if move.needs and not given.get(move.needs):
        detail = f"A move from {move.start} to {move.to} needs {move.needs}."
        raise InvalidInput(detail, errors=[error(f"/{move.needs}", "missing", detail)])
    if move.to == "cancelled" and given["reason"] not in get_args(ClosedReason):
        detail = f"The reason of a cancellation is one of: {', '.join(get_args(ClosedReason))}."
        raise InvalidInput(detail, errors=[error("/reason", "not_in_enum", detail)])


def allowed_sql(status: str, conditions: Mapping[Side, str], moves: Sequence[Move] = MOVES) -> str:
    """The same as `allowed`, as an SQL expression that gives a JSON array.

    Args:
        status: SQL expression of the state.
        conditions: for each side, the SQL condition that the caller is on it; FALSE where there is none.
        moves: the table of moves.
    """
    parts = [
        f"CASE WHEN {status} = '{move.start}' AND {condition} THEN '{move.to}' END"
        for move in moves
        if move.side in BY_CALLERS and (condition := conditions.get(move.side, "FALSE")) != "FALSE"
    ]
    # A state that two sides may move to stands there once, in the order of the table.
    return (
        f"(SELECT coalesce(json_agg(s ORDER BY n), '[]') FROM (SELECT s, min(n) AS n FROM unnest(ARRAY["
        f"{', '.join(parts)}]::text[]) WITH ORDINALITY AS u (s, n) WHERE s IS NOT NULL GROUP BY s) m)"
        if parts
        else "'[]'::json"
    )
