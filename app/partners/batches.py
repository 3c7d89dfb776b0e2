"""What comes from a partner, a batch at a time, however it was asked for; and what becomes of it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

MOST_FAULTS_KEPT = 1_000
Kind = Literal["practice", "city", "tag"]


class ResyncError(Exception):
    """The position cannot be honoured any more: a new full copy is needed."""


@dataclass(frozen=True, slots=True)
class Change:
    """A record as it is now; None: it is gone. `fault` says why it cannot be read."""

    kind: Kind
    external_id: str
    record: dict[str, Any] | None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Some changes, and the position after them; `is_last`: there are no more for now."""

    changes: list[Change]
    position: str
    is_last: bool


class Source(Protocol):
    """Where changes come from."""

    always_whole: bool
    waits: bool

    async def following(self, position: str | None, wait: int) -> Batch:
        """The changes after a position; None: from the beginning. `wait`: seconds to wait for one where `waits`.

        Raises:
            ResyncError: the position cannot be honoured.
            RemoteError: the partner cannot be worked with.
        """


@dataclass(slots=True)
class Tally:
    """What became of the records."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[str, str]] = field(default_factory=list)

    def add(self, result: str, number: int = 1) -> None:
        """Count records with one result."""
        self.counts[result] += number

    def refuse(self, result: str, external_id: str, why: str) -> None:
        """Count a record that was not taken; only the first reasons are kept."""
        self.counts[result] += 1
        if len(self.faults) < MOST_FAULTS_KEPT:
            self.faults.append((external_id, why))
