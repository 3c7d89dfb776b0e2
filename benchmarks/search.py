"""How good the search is: judged queries over the sample data, beside plain full-text search. `make bench-search`."""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from app.caller import ANONYMOUS
from app.cli.console import out
from app.config import Settings
from app.database import Database, Statement, open_database
from app.embedded import embedded_postgres
from app.loading import load_samples, load_vocabularies
from app.migrating import upgrade
from app.resources.cities.queries import city_page
from app.resources.cities.schemas import CityQuery
from app.resources.exchanges.queries import request_page
from app.resources.exchanges.schemas import RequestQuery
from app.resources.practices.parameters import PracticeQuery
from app.resources.practices.queries import practice_page
from app.resources.tags.queries import tag_page
from app.resources.tags.schemas import TagQuery
from benchmarks.judging import FIRST, Figures, Half, Judged, List, figures, judgements, mean

# As a good developer would write it first: all texts and the tags' English labels, stemmed as English.
PLAIN = """
SELECT x.value AS name FROM practice p JOIN practice_external_id x ON x.practice_id = p.id
CROSS JOIN LATERAL (SELECT string_agg(t.label, ' ') AS labels FROM tag t WHERE t.id = ANY (p.tags)) t
CROSS JOIN LATERAL (SELECT setweight(to_tsvector('english', p.title), 'A')
    || setweight(to_tsvector('english', concat_ws(' ', t.labels, array_to_string(p.keywords, ' '))), 'B')
    || setweight(to_tsvector('english', coalesce(p.summary, '')), 'C') AS vector) v
WHERE v.vector @@ websearch_to_tsquery('english', $1)
ORDER BY ts_rank(v.vector, websearch_to_tsquery('english', $1)) DESC, p.id LIMIT 10"""
# For each list: the page of an answer, the column of it that names a record, and how its records are judged by name.
PAGES: dict[List, tuple[Callable[[str], Statement], str, str]] = {
    "practices": (
        lambda q: practice_page(ANONYMOUS, PracticeQuery(q=q, limit=FIRST), None),
        "k1",
        "SELECT practice_id::text AS id, value AS name FROM practice_external_id WHERE scheme = 'sample'",
    ),
    "requests": (
        lambda q: request_page(ANONYMOUS, RequestQuery(q=q, limit=FIRST), None),
        "k1",
        "SELECT id::text, external_id AS name FROM exchange_request",
    ),
    "cities": (lambda q: city_page(CityQuery(q=q, limit=FIRST), None), "id", "SELECT id, id AS name FROM city"),
    "tags": (lambda q: tag_page(TagQuery(q=q, limit=FIRST), None), "id", "SELECT id, id AS name FROM tag"),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """A judged query, our answer to it, and how good that is; `plain` is what plain search does with practices."""

    judged: Judged
    answer: list[str]
    ours: Figures
    plain: Figures | None


async def measure(database: Database, of: List) -> list[Measured]:
    """Every judged query of a list."""
    page, column, naming = PAGES[of]
    name_of = {row["id"]: row["name"] for row in await database.rows(naming)}
    measured = []
    for judged in judgements(of):
        rows = await database.read(page(judged.q), may_lag=True)
        answer = [name_of[row[column]] for row in rows[:FIRST]]
        plain = None
        if of == "practices":
            plain = figures([row["name"] for row in await database.rows(PLAIN, judged.q)], judged.relevant)
        measured.append(Measured(judged, answer, figures(answer, judged.relevant), plain))
    return measured


def table(measured: Sequence[Measured]) -> str:
    """The figures by half, kind and language, as Markdown."""
    lines = [
        "| queries | number | recall@10 | nDCG@10 | plain recall@10 | plain nDCG@10 |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for half in get_args(Half):
        lines += _line(half, [m for m in measured if m.judged.half == half])
    held_out = [m for m in measured if m.judged.half != "first"]
    for kind in dict.fromkeys(m.judged.kind for m in held_out):
        lines += _line(f"held out, {kind}", [m for m in held_out if m.judged.kind == kind])
    for language in dict.fromkeys(m.judged.language for m in held_out if m.judged.language):
        lines += _line(f"held out, in {language}", [m for m in held_out if m.judged.language == language])
    return "\n".join(lines)


def _line(name: str, chosen: Sequence[Measured]) -> Iterable[str]:
    if not chosen:
        return
    ours, plain = mean([m.ours for m in chosen]), [m.plain for m in chosen if m.plain]
    values = [ours.recall, ours.gain, *([mean(plain).recall, mean(plain).gain] if plain else [])]
    cells = [f"{value:.3f}" for value in values] + [""] * (4 - len(values))
    yield f"| {name} | {len(chosen)} | {' | '.join(cells)} |"


async def _run(url: str) -> None:
    await load_vocabularies(url)
    await load_samples(url)
    database = await open_database(Settings(database_url=url))
    try:
        for of in get_args(List):
            measured = await measure(database, of)
            out.print(f"\n{of}\n\n{table(measured)}", markup=False)
            if "--each" in sys.argv:
                # Not the half for a test: who reads its answers tunes the search to them.
                for m in sorted((m for m in measured if m.judged.half != "test"), key=lambda m: m.ours.gain):
                    figures_ = f"{m.ours.recall:.2f} {m.ours.gain:.2f}"
                    out.print(f"{figures_}  {m.judged.q}  {m.answer}", markup=False)
    finally:
        await database.close()


def main() -> None:
    """Measure on a PostgreSQL of its own, with the sample data."""
    with tempfile.TemporaryDirectory(prefix="px-search-") as folder, embedded_postgres(Path(folder)) as server:
        upgrade(server.dsn)
        asyncio.run(_run(server.dsn))


if __name__ == "__main__":
    main()
