"""Puts a report together from counts: lines with figures, each with the search that yields it; as JSON and as CSV."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from app.areas import COUNTRIES
from app.resources.stats.queries import REGION_OF, REPORTED
from app.resources.stats.schemas import StatsQuery
from app.spreadsheets import csv_line

KINDS = {"practices": "practices", "exchange_requests": "exchange-requests", "adoptions": "adoptions"}
PERIOD = {"practices": "published", "exchange_requests": "created", "adoptions": "created"}
COLUMNS = ("section", "id", "label", *KINDS, "gap", *(f"{kind}_href" for kind in KINDS))


def moment() -> str:
    """Now, as answers write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def put_together(counts: str, query: StatsQuery, base: str) -> dict[str, Any]:
    """The report.

    Args:
        counts: JSON text, as `queries.report` gives it.
        query: which part of the exchange is reported.
        base: the address of the service, for the links.
    """
    found = json.loads(counts)
    lines: dict[str, list[dict[str, Any]]] = {scheme: [] for scheme in REPORTED}
    for tag, scheme, label in found["tags"]:
        given = {kind: found[kind]["by_tag"].get(tag, 0) for kind in KINDS}
        lines[scheme].append(_line(tag, label, given, query, base, tag=tag))
    regions = []
    by_region = {kind: _by_region(found[kind]["by_country"]) for kind in KINDS}
    for region in COUNTRIES:
        if query.region in {None, region}:
            given = {kind: by_region[kind][region] for kind in KINDS}
            regions.append(_line(region, region.capitalize(), given, query, base, region=region))
    every = [line for scheme in REPORTED for line in lines[scheme]] + regions
    return {
        "generated_at": moment(),
        "network": query.network,
        "region": query.region,
        "city": query.city,
        "from": query.from_.isoformat() if query.from_ else None,
        "to": query.to.isoformat() if query.to else None,
        "total": _line("all", "All", {kind: found[kind]["total"] for kind in KINDS}, query, base),
        **lines,
        "regions": regions,
        "gaps": [line["id"] for line in every if line["gap"]],
    }


def as_json(report: Mapping[str, Any]) -> str:
    """The report as JSON text."""
    return json.dumps(report, ensure_ascii=False, separators=(",", ":"))


def as_csv(report: Mapping[str, Any]) -> str:
    """The same as CSV (RFC 4180), a line of the report in each row."""
    return "".join(map(csv_line, [COLUMNS, *_rows(report)]))


def _rows(report: Mapping[str, Any]) -> Iterator[list[Any]]:
    sections = {"total": [report["total"]], **{name: report[name] for name in (*REPORTED, "regions")}}
    for section, lines in sections.items():
        for line in lines:
            figures = [line[kind] for kind in KINDS]
            counts = [figure["count"] for figure in figures]
            gap = "yes" if line["gap"] else "no"
            yield [section, line["id"], line["label"], *counts, gap, *(figure["href"] for figure in figures)]


def _by_region(by_country: dict[str, int]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for country, count in by_country.items():
        counted[REGION_OF.get(country, "")] += count
    return counted


def _line(id_: str, label: str, given: dict[str, int], query: StatsQuery, base: str, **chosen: str) -> dict[str, Any]:
    figures = {
        kind: {"count": given[kind], "href": f"{base}/v1/{path}{_search(kind, query, chosen)}"}
        for kind, path in KINDS.items()
    }
    return {"id": id_, "label": label, **figures, "gap": given["practices"] == 0}


def _search(kind: str, query: StatsQuery, chosen: dict[str, str]) -> str:
    wanted = {
        "network": query.network,
        "region": query.region,
        "city": query.city,
        f"{PERIOD[kind]}_from": query.from_.isoformat() if query.from_ else None,
        f"{PERIOD[kind]}_to": query.to.isoformat() if query.to else None,
        **chosen,
    }
    text = urlencode({name: value for name, value in wanted.items() if value}, safe=":")
    return f"?{text}" if text else ""
