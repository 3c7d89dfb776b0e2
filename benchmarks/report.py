"""RESULTS.md: the machine, the goals, the tables."""

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import Figures, Options, Results
from benchmarks.streams import Stream

LIBRARIES = ("fastapi", "uvicorn", "uvloop", "httptools", "sqlmodel", "sqlalchemy", "asyncpg", "pydantic")
GOAL_RECORDS = 100_000
TIMES_PLAIN = {"list": 12.0, "detail": 10.0, "304": 10.0, "search": 3.0, "create": 8.0, "feed": 2.5}
STREAMS = {
    "feed": ("records/s of the feed's stream, 33% of COPY's", 0.33),
    "bulk": ("bulk: 90% of COPY and INSERT", 0.9),
}
OF_CEILING = {"list": 0.85}
TAIL = 4.0
GROWTH = {"list": 1.2, "detail": 1.2, "304": 1.2, "feed": 1.2, "search": 5.0}
FACETS_MS = 300


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured on one data set; memory in MiB by server, and how much more the streams took."""

    records: int
    results: Results
    memory: Mapping[str, float]
    compared: int
    streams: list[Stream]
    grown: float


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal, what came of it, and what comes of it where no answer is given again."""

    text: str
    measured: str
    is_met: bool
    anew: str = ""


def report(runs: list[Run], options: Options, postgres: str, plot: str) -> str:
    """The document.

    Args:
        runs: one for each size of the data set.
        options: how it was measured.
        postgres: the version of PostgreSQL.
        plot: the file name of the plot.
    """
    return "\n".join(
        [*_head(runs, options, postgres), f"![requests per second]({plot})", "", *_goals(runs), *_tables(runs)]
    )


def goals(runs: list[Run]) -> list[Goal]:
    """The goals that these data sets can tell about."""
    main = main_run(runs)
    found: list[Goal] = []
    for name, least in TIMES_PLAIN.items():
        ratio = times_plain(main.results, name)
        anew = f"{times_plain(main.results, name, 'anew'):.1f}" if "anew" in main.results[name] else ""
        found.append(Goal(f"{name}: {least:g} times plain", f"{ratio:.1f}", ratio >= least, anew))
    for name, least in OF_CEILING.items():
        ceiling = main.results[name]["ceiling"].per_second
        share, made_anew = (main.results[name][server].per_second / ceiling for server in ("project", "anew"))
        found.append(Goal(f"{name}: {least:.0%} of the ceiling", f"{share:.0%}", share >= least, f"{made_anew:.0%}"))
    tails = {name: of["project"].p99 / of["project"].p50 for name, of in main.results.items()}
    worst = max(tails, key=lambda name: tails[name])
    found.append(Goal(f"p99 at most {TAIL:g} times p50", f"{tails[worst]:.1f} ({worst})", tails[worst] <= TAIL))
    smallest, largest = min(runs, key=lambda run: run.records), max(runs, key=lambda run: run.records)
    if smallest is not largest:
        between = f"{largest.records:,} to {smallest.records:,}"
        for name, most in GROWTH.items():
            if name not in largest.results:
                continue
            growth, *others = (
                largest.results[name][server].cost / smallest.results[name][server].cost
                for server in ("project", "anew")
                if server in largest.results[name]
            )
            anew = "".join(f"{other:.2f}" for other in others)
            goal = f"{name}: cost at {between}, {most:g} at most"
            found.append(Goal(goal, f"{growth:.2f}", growth <= most, anew))
    counting = largest.results["facets"]["anew"].cost / 1000
    goal = f"facets, counted anew: {FACETS_MS} ms of CPU at most, at {largest.records:,}"
    found.append(Goal(goal, f"{counting:.0f} ms", counting <= FACETS_MS, f"{counting:.0f} ms"))
    for stream in main.streams:
        text, least = STREAMS[stream.name]
        found.append(Goal(text, f"{stream.share:.0%}", stream.share >= least))
    own, plain = main.memory["project"], main.memory["plain"]
    found.append(Goal("peak memory at most plain's", f"{own:.0f} and {plain:.0f} MiB", own <= plain))
    return found


def main_run(runs: list[Run]) -> Run:
    """The run that the goals are about."""
    return next((run for run in runs if run.records == GOAL_RECORDS), runs[-1])


def times_plain(results: Results, name: str, server: str = "project") -> float:
    """How many times as many answers a second the project, or another server, gives as the plain version."""
    return results[name][server].per_second / results[name]["plain"].per_second


def _head(runs: list[Run], options: Options, postgres: str) -> Iterator[str]:
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    yield "# Speed"
    yield ""
    yield (
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {options.rounds} rounds of {options.seconds:g} s for"
        f" each server and request, in turn, over {options.connections} keep-alive connections; medians of the rounds."
    )
    yield ""
    yield "- **project**: `practice-exchange serve`, one worker, rate limits off, everything else on (access log too)."
    yield (
        "- **anew**: the same with `PX_KEEP_ANSWERS=off`. Requests come again and again and nothing changes"
        " meanwhile, so that **project** gives most answers again; this one makes each of them, as after any change."
    )
    yield (
        "- **plain**: the same endpoints in FastAPI and SQLModel as one would write them first (`benchmarks/plain/`),"
        " under uvicorn with uvloop and httptools, without access log."
    )
    yield "- **ceiling**: bare ASGI and asyncpg with the project's own SQL (`benchmarks/ceiling.py`)."
    yield ""
    compared = sum(run.compared for run in runs)
    yield f"All read the same tables; {compared} answers were compared before the runs and were equal."
    yield ""
    yield f"Machine: {_processor()}, {os.cpu_count()} cores, {_memory()}, {platform.system()} {platform.release()}."
    yield f"Python {platform.python_version()}, PostgreSQL {postgres}; {libraries}."
    yield "Servers, PostgreSQL and the load share the cores, so processor time (CPU) says more than the clock."
    yield ""


def _goals(runs: list[Run]) -> Iterator[str]:
    yield f"## Goals, at {main_run(runs).records:,} practices"
    yield ""
    yield "| goal | measured | | anew |"
    yield "|---|--:|---|--:|"
    for goal in goals(runs):
        yield f"| {goal.text} | {goal.measured} | {'met' if goal.is_met else '**not met**'} | {goal.anew} |"
    yield ""


def _tables(runs: list[Run]) -> Iterator[str]:
    for run in runs:
        yield f"## {run.records:,} practices"
        yield ""
        yield "| request | server | answers/s | times plain | p50, ms | p99, ms | CPU server, ms | CPU PostgreSQL, ms |"
        yield "|---|---|--:|--:|--:|--:|--:|--:|"
        for name, of in run.results.items():
            for server, figures in of.items():
                yield _row(name, server, figures, of.get("plain"))
        yield ""
        for stream in run.streams:
            rival = {"feed": "COPY of the rows", "bulk": "COPY and INSERT by hand"}[stream.name]
            yield (
                f"{stream.name}, {stream.records:,} records in one answer: {stream.ours:,.0f} records/s;"
                f" {rival}: {stream.rival:,.0f} ({stream.share:.0%})."
            )
            yield ""
        yield f"The feed and the bulk raised the server's peak memory by {run.grown:.0f} MiB."
        yield ""
        memory = ", ".join(f"{server} {most:.0f}" for server, most in run.memory.items())
        client = max(figures.client for of in run.results.values() for figures in of.values())
        yield f"Peak memory, MiB: {memory}. The load itself took at most {client / 1000:.2f} ms of CPU a request."
        yield ""


def _row(name: str, server: str, figures: Figures, plain: Figures | None) -> str:
    times = f"{figures.per_second / plain.per_second:.1f}" if plain else "-"
    return (
        f"| {name} | {server} | {figures.per_second:,.0f} | {times} | {figures.p50:.1f} | {figures.p99:.1f}"
        f" | {figures.server / 1000:.2f} | {figures.postgres / 1000:.2f} |"
    )


def _processor() -> str:
    facts = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return facts.partition("model name")[2].partition(":")[2].partition("\n")[0].strip() or platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
