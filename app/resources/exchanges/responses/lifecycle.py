"""The states of an answer, as one table of moves; the machine is that of requests."""

from app.resources.exchanges.lifecycle import Move

MOVES = (
    Move("proposed", "tentative", "responder"),
    Move("proposed", "accepted", "owner"),
    Move("tentative", "accepted", "owner"),
    Move("proposed", "declined", "owner", "reason"),
    Move("tentative", "declined", "owner", "reason"),
    Move("proposed", "withdrawn", "responder"),
    Move("tentative", "withdrawn", "responder"),
)
ENDED = ("declined", "withdrawn")
