"""The judged queries over the sample data: the search stays as good as it is said to be."""

from app.database import Database
from app.loading import load_samples
from benchmarks.search import figures, judgements, mean, measure


async def test_the_judged_queries_are_answered_well(database: Database, database_url: str) -> None:
    await load_samples(database_url)
    measured = await measure(database)
    ours, plain = mean([entry[1] for entry in measured]), mean([entry[2] for entry in measured])
    assert ours.recall >= 0.97
    assert ours.gain >= 0.90
    assert plain.gain < ours.gain


async def test_the_judgements_name_sample_practices(database: Database, database_url: str) -> None:
    await load_samples(database_url)
    rows = await database.rows("SELECT value FROM practice_external_id WHERE scheme = 'sample'")
    known = {row["value"] for row in rows}
    assert len(judgements()) >= 60
    for judged in judgements():
        assert set(judged["relevant"]) <= known, judged["q"]


def test_the_figures_are_those_of_the_definition() -> None:
    relevant = {"a": 3, "b": 2, "c": 1}
    assert figures(["a", "b", "c"], relevant).gain == 1
    assert figures(["x"], relevant).gain == 0
    assert figures(["b", "x", "a"], relevant).recall == 1
    assert 0 < figures(["b", "x", "a"], relevant).gain < 1
