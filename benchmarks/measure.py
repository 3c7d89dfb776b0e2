"""Measures the servers on one data set: in turn, a few rounds, the medians."""

import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from benchmarks.processes import Server, cpu_seconds
from benchmarks.scenarios import SCENARIOS, Facts
from benchmarks.wire import load

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What one server showed in one scenario.

    Attributes:
        per_second: answers a second.
        p50: median latency, milliseconds.
        p99: latency that 99 of 100 answers kept, milliseconds.
        server: processor time of the server for one answer, microseconds.
        postgres: processor time of all of PostgreSQL for one answer, microseconds.
        client: processor time of the load itself for one request, microseconds.
    """

    per_second: float
    p50: float
    p99: float
    server: float
    postgres: float
    client: float

    @property
    def cost(self) -> float:
        """Processor time for one answer, wherever it is spent, microseconds."""
        return self.server + self.postgres


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure."""

    rounds: int
    seconds: float
    connections: int
    bulk: int = 10_000


Results = dict[str, dict[str, Figures]]


async def measure(
    servers: list[Server], facts: Facts, postmaster: int, options: Options, progress: Callable[[str], None]
) -> Results:
    """The medians by scenario and server.

    Args:
        servers: which run.
        facts: about the data set.
        postmaster: process id of PostgreSQL.
        options: rounds, seconds, connections.
        progress: told what is done now.
    """
    rounds: dict[str, dict[str, list[Figures]]] = {}
    for scenario in SCENARIOS:
        taking_part = [server for server in servers if server.name in scenario.servers]
        asked = {server.name: await scenario.requests(server, facts) for server in taking_part}
        found = rounds[scenario.name] = {server.name: [] for server in taking_part}
        for number in range(options.rounds):
            # Each round begins with another server, so that none always comes first.
            turn = number % len(taking_part)
            for server in taking_part[turn:] + taking_part[:turn]:
                progress(f"{scenario.title}: {server.name}, round {number + 1} of {options.rounds}")
                requests = asked[server.name]
                found[server.name].append(await _once(server, requests, scenario.status, postmaster, options))
    return {
        scenario: {name: _median(of_rounds) for name, of_rounds in found.items()} for scenario, found in rounds.items()
    }


async def _once(server: Server, requests: list[bytes], status: int, postmaster: int, options: Options) -> Figures:
    used: list[tuple[float, float, float]] = []

    def look() -> None:
        used.append((cpu_seconds(server.pid), cpu_seconds(postmaster, family=True), cpu_seconds(os.getpid())))

    seen = await load(
        server.port, requests, status, connections=options.connections, warm_up=min(1.0, options.seconds / 4),
        seconds=options.seconds, at_bounds=look,
    )  # fmt: skip
    costs = [(after - before) * MICROSECONDS / len(seen.latencies) for before, after in zip(*used, strict=True)]
    return Figures(seen.per_second, seen.percentile(50) * 1000, seen.percentile(99) * 1000, *costs)


def _median(rounds: list[Figures]) -> Figures:
    values: dict[str, Any] = {
        field.name: statistics.median(getattr(figures, field.name) for figures in rounds) for field in fields(Figures)
    }
    return Figures(**values)
