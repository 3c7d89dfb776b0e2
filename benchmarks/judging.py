"""Judged queries, and how good an answer to one is.

`judgements/` has a file for each list that is searched. A query says which records a reader would want: 3 what was
looked for, 2 useful, 1 touches it. Recall@10 is the share of the wanted (2 and 3, or all where none is more than 1)
among the first ten, of at most ten; nDCG@10 weighs each by 2^grade - 1 and its place (Järvelin and Kekäläinen, 2002).

`first` are the queries that the search was made with. The others were judged before anything was tried with them:
what is changed is chosen by `dev` alone, so that `test` tells how it does on queries that nobody has thought of.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parent / "judgements"
FIRST = 10
WANTED = 2
Half = Literal["first", "dev", "test"]
List = Literal["practices", "requests", "cities", "tags"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A query and the grades of the records that belong into its answer."""

    half: Half
    kind: str
    q: str
    relevant: Mapping[str, int]
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """How good answers are, from 0 to 1."""

    recall: float
    gain: float


def judgements(of: List) -> list[Judged]:
    """The judged queries of a list."""
    return [Judged(**entry) for entry in json.loads((FOLDER / f"{of}.json").read_text(encoding="utf-8"))]


def figures(answer: Sequence[str], relevant: Mapping[str, int]) -> Figures:
    """Recall@10 and nDCG@10 of one answer."""
    shown = answer[:FIRST]
    least = WANTED if any(grade >= WANTED for grade in relevant.values()) else 1
    wanted = {name for name, grade in relevant.items() if grade >= least}
    ideal = _gain(sorted(relevant.values(), reverse=True))
    gain = _gain([relevant.get(name, 0) for name in shown])
    return Figures(len(wanted & set(shown)) / min(len(wanted), FIRST), gain / ideal)


def _gain(grades: Sequence[int]) -> float:
    return float(sum((2**grade - 1) / math.log2(place + 2) for place, grade in enumerate(grades[:FIRST])))


def mean(parts: Sequence[Figures]) -> Figures:
    """The mean over queries."""
    return Figures(sum(p.recall for p in parts) / len(parts), sum(p.gain for p in parts) / len(parts))
