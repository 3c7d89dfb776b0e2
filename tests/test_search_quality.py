"""The judged queries over the sample data: the search stays as good as it is said to be."""

from typing import get_args

import pytest

from app.database import Database
from app.loading import load_samples
from benchmarks.judging import Figures, Half, List, figures, judgements, mean
from benchmarks.search import PAGES, Measured, measure

# Recall@10 and nDCG@10: what was reached, and a little less.
LEAST: dict[tuple[List, Half], tuple[float, float]] = {
    ("practices", "first"): (0.97, 0.94),
    ("practices", "dev"): (0.95, 0.92),
    ("practices", "test"): (0.93, 0.90),
    ("requests", "dev"): (0.97, 0.95),
    ("requests", "test"): (0.97, 0.95),
    ("cities", "dev"): (0.97, 0.97),
    ("cities", "test"): (0.97, 0.97),
    ("tags", "dev"): (0.95, 0.93),
    ("tags", "test"): (0.95, 0.93),
}


def ours(measured: list[Measured], half: Half) -> Figures:
    return mean([m.ours for m in measured if m.judged.half == half])


async def test_the_judged_queries_are_answered_well(database: Database, database_url: str) -> None:
    await load_samples(database_url)
    for of in get_args(List):
        measured = await measure(database, of)
        for half in get_args(Half):
            if (of, half) in LEAST:
                reached, least = ours(measured, half), LEAST[of, half]
                assert reached.recall >= least[0], (of, half, reached)
                assert reached.gain >= least[1], (of, half, reached)


async def test_the_judgements_name_records(database: Database, database_url: str) -> None:
    await load_samples(database_url)
    for of in get_args(List):
        known = {row["name"] for row in await database.rows(PAGES[of][2])}
        queries = [judged.q for judged in judgements(of)]
        assert len(queries) == len(set(queries)) >= 30
        for judged in judgements(of):
            assert judged.relevant, judged.q
            assert set(judged.relevant) <= known, judged.q


@pytest.mark.parametrize(
    ("answer", "recall"), [(["a", "b", "c"], 1), (["x"], 0), (["b", "x", "a"], 1), (["c", "a"], 0.5), ([], 0)]
)
def test_recall_is_that_of_the_definition(answer: list[str], recall: float) -> None:
    assert figures(answer, {"a": 3, "b": 2, "c": 1}).recall == recall


def test_the_gain_is_that_of_the_definition() -> None:
    relevant = {"a": 3, "b": 2, "c": 1}
    assert figures(["a", "b", "c"], relevant).gain == 1
    assert figures(["x"], relevant).gain == 0
    assert figures(["a", "b"], relevant).gain > figures(["b", "a"], relevant).gain > 0
