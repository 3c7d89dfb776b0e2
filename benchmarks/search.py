"""How good the search is: judged queries over the sample data, beside plain full-text search. `make bench-search`.

`judgements.json` says for each query which sample practices a reader would want: 3 what was looked for, 2 useful,
1 touches it. Recall@10 is the share of the wanted (2 and 3, or all where none is more than 1) among the first ten, of
at most ten; nDCG@10 weighs each by 2^grade - 1 and its place (Järvelin and Kekäläinen, 2002).
"""

import asyncio
import json
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.caller import ANONYMOUS
from app.cli.console import out
from app.config import Settings
from app.database import Database, open_database
from app.embedded import embedded_postgres
from app.loading import load_samples, load_vocabularies
from app.resources.practices.parameters import PracticeQuery
from app.resources.practices.queries import practice_page
from app.schema import upgrade

JUDGEMENTS = Path(__file__).parent / "judgements.json"
FIRST = 10
WANTED = 2
# As a good developer would write it first: all texts and the tags' English labels, stemmed as English.
PLAIN = """
SELECT x.value FROM practice p JOIN practice_external_id x ON x.practice_id = p.id
CROSS JOIN LATERAL (SELECT string_agg(t.label, ' ') AS labels FROM tag t WHERE t.id = ANY (p.tags)) t
CROSS JOIN LATERAL (SELECT setweight(to_tsvector('english', p.title), 'A')
    || setweight(to_tsvector('english', concat_ws(' ', t.labels, array_to_string(p.keywords, ' '))), 'B')
    || setweight(to_tsvector('english', coalesce(p.summary, '')), 'C') AS vector) v
WHERE v.vector @@ websearch_to_tsquery('english', $1)
ORDER BY ts_rank(v.vector, websearch_to_tsquery('english', $1)) DESC, p.id LIMIT 10"""


@dataclass(frozen=True, slots=True)
class Figures:
    """How good answers are, from 0 to 1."""

    recall: float
    gain: float


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


def judgements() -> list[dict[str, Any]]:
    """The judged queries."""
    judged: list[dict[str, Any]] = json.loads(JUDGEMENTS.read_text(encoding="utf-8"))
    return judged


async def answers(database: Database, q: str) -> tuple[list[str], list[str]]:
    """The external ids of the first ten: ours, and those of plain full-text search."""
    rows = await database.read(practice_page(ANONYMOUS, PracticeQuery(q=q, limit=FIRST), None), may_lag=True)
    ids = [row["k1"] for row in rows[:FIRST]]
    names = await database.rows("SELECT practice_id::text, value FROM practice_external_id WHERE scheme = 'sample'")
    of = {row["practice_id"]: row["value"] for row in names}
    return [of[id_] for id_ in ids], [row["value"] for row in await database.rows(PLAIN, q)]


async def measure(database: Database) -> list[tuple[dict[str, Any], Figures, Figures, list[str]]]:
    """Every judged query with the figures of ours and of plain search, and our answer."""
    measured = []
    for judged in judgements():
        ours, plain = await answers(database, judged["q"])
        relevant = judged["relevant"]
        measured.append((judged, figures(ours, relevant), figures(plain, relevant), ours))
    return measured


def table(measured: Sequence[tuple[dict[str, Any], Figures, Figures, list[str]]]) -> str:
    """The figures by kind of query and overall, as Markdown."""
    lines = [
        "| kind | queries | recall@10 | nDCG@10 | plain recall@10 | plain nDCG@10 |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for kind in [*dict.fromkeys(judged["kind"] for judged, *_ in measured), "all"]:
        chosen = [entry for entry in measured if kind in {"all", entry[0]["kind"]}]
        ours, plain = mean([entry[1] for entry in chosen]), mean([entry[2] for entry in chosen])
        values = " | ".join(f"{value:.3f}" for value in (ours.recall, ours.gain, plain.recall, plain.gain))
        lines.append(f"| {kind} | {len(chosen)} | {values} |")
    return "\n".join(lines)


async def _run(url: str) -> None:
    await load_vocabularies(url)
    await load_samples(url)
    database = await open_database(Settings(database_url=url))
    try:
        measured = await measure(database)
    finally:
        await database.close()
    out.print(table(measured), markup=False)
    if "--each" in sys.argv:
        for judged, ours, plain, answer in sorted(measured, key=lambda entry: entry[1].gain):
            out.print(f"{ours.recall:.2f} {ours.gain:.2f} ({plain.gain:.2f})  {judged['q']}  {answer}", markup=False)


def main() -> None:
    """Measure on a PostgreSQL of its own, with the sample data."""
    with tempfile.TemporaryDirectory(prefix="px-search-") as folder, embedded_postgres(Path(folder)) as server:
        upgrade(server.dsn)
        asyncio.run(_run(server.dsn))


if __name__ == "__main__":
    main()
