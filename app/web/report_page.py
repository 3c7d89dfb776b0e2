"""The report as one HTML file: a map of flows, bars for each objective, goal and region, gaps; without any script.

Whatever a bar or the map shows stands in figures beside it, each with the search that yields it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from typing import Any
from urllib.parse import urlencode

from app.web.flow_map import Arc, Place, flow_map
from app.web.report_tables import SECTIONS, Figure, bars, flow_tables, gap_list, lines_table
from app.web.templates import Html, asset, fill

STATUSES = {
    "open": "Open", "returned": "Returned with a question", "matched": "Matched", "in_progress": "In progress",
    "completed": "Completed", "cancelled": "Cancelled", "expired": "Expired", "unfulfilled": "Unfulfilled",
}  # fmt: skip
STAGES = {
    "exploring": "Exploring", "adapting": "Adapting", "piloting": "Piloting", "running": "Running",
    "scaled": "Scaled up", "stopped": "Stopped",
}  # fmt: skip
COUNTS = ("stats", "report", "report.csv")
TWO_DAYS = 48


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What the page is made from.

    Attributes:
        base: the address of the service.
        report: the report, as `/v1/report` gives it.
        stats: the statistics with the same filters, as `/v1/stats` gives them.
        places: where the cities of the flows lie, by id, as far as it is known.
        network: the name of the network that the report is of.
        city: the name of the city that it is of.
    """

    base: str
    report: Mapping[str, Any]
    stats: Mapping[str, Any]
    places: Mapping[str, Place]
    network: str | None = None
    city: str | None = None

    def search(self, path: str, **chosen: str | None) -> str:
        """The address of a list or of a count, with the report's own filters and these."""
        first, last = ("from", "to") if path in COUNTS else ("created_from", "created_to")
        filters = {name: self.report[name] for name in ("network", "region", "city")}
        filters |= {first: self.report["from"], last: self.report["to"], **chosen}
        query = urlencode({name: value for name, value in filters.items() if value}, safe=":")
        return f"{self.base}/v1/{path}{'?' if query else ''}{query}"


def report_page(facts: ReportFacts) -> str:
    """The whole file; it asks for nothing, whoever opens it."""
    report, stats = facts.report, facts.stats
    made = datetime.fromisoformat(report["generated_at"])
    scope = _scope(facts)
    arcs = _arcs(facts)
    return fill(
        "report",
        css=Html(asset("report.css")),
        scope=scope,
        home=f"{facts.base}/",
        made=f"{_day(made.date())}, {made:%H:%M} UTC",
        made_at=report["generated_at"],
        tiles=Html(_tiles(facts)),
        flows=Html(_flows(facts, arcs)),
        gaps=Html(gap_list(report)),
        sections=Html("\n".join(lines_table(section, report[section]) for section in SECTIONS)),
        requests=Html(bars("exchange_requests", "Exchange requests by state", "State", _by_status(facts))),
        adoptions=Html(bars("adoptions", "Adoptions by stage", "Stage", _by_stage(facts))),
        answers=f"{stats['answers_given']['requests']:,}",
        answers_time=_duration(stats["answers_given"]["median_hours"]),
        stats_href=facts.search("stats"),
        json_href=facts.search("report"),
        csv_href=facts.search("report.csv"),
    )


def _scope(facts: ReportFacts) -> str:
    region = facts.report["region"]
    where = [part for part in (facts.city, facts.network, region and region.capitalize()) if part]
    first, last = (date.fromisoformat(day) if (day := facts.report[name]) else None for name in ("from", "to"))
    if first and last:
        when = f"{_day(first)} to {_day(last)}"
    elif first:
        when = f"since {_day(first)}"
    else:
        when = f"until {_day(last)}" if last else "from the beginning"
    return " · ".join([*(where or ["All cities"]), when])


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _tiles(facts: ReportFacts) -> str:
    report, exchanges = facts.report, facts.stats["exchange_requests"]
    total = report["total"]
    completed = exchanges["by_status"].get("completed", 0)
    counts = facts.search("stats")
    tiles = [
        (f"{total['practices']['count']:,}", "practices published", total["practices"]["href"]),
        (f"{total['exchange_requests']['count']:,}", "exchange requests", total["exchange_requests"]["href"]),
        (f"{completed:,}", "exchanges completed", facts.search("exchange-requests", status="completed")),
        (f"{total['adoptions']['count']:,}", "adoptions by other cities", total["adoptions"]["href"]),
        (_duration(exchanges["median_hours_to_first_answer"]), "to the first answer (median)", counts),
        (_percent(exchanges["completion_rate"]), "of what has ended was completed", counts),
        (_percent(exchanges["adoption_rate"]), "of what was completed led to an adoption", counts),
        (f"{len(report['gaps']):,}", "gaps: nobody has published yet", "#gaps"),
    ]
    return "\n".join(
        f'<li><a href="{escape(href)}"><b>{escape(number)}</b> <span>{escape(text)}</span></a></li>'
        for number, text, href in tiles
    )


def _duration(hours: float | None) -> str:
    if hours is None:
        return "none yet"
    if hours < 1:
        return f"{round(hours * 60)} min"
    return f"{hours:.0f} h" if hours < TWO_DAYS else f"{hours / 24:.1f} days"


def _percent(share: float | None) -> str:
    return "none yet" if share is None else f"{share * 100:.0f} %"


def _arcs(facts: ReportFacts) -> list[Arc]:
    arcs = []
    for flow in facts.stats["flows"]:
        source, target = flow["source"]["id"], flow["target"]["id"]
        # A report of one city is of what that city asked for and adapted: it is the target already.
        city = {"city": facts.report["city"] or target}
        exchanges = facts.search("exchange-requests", source=source, target=target)
        adoptions = facts.search("adoptions", origin=source, **city)
        arcs += [
            Arc(kind, source, target, flow[kind], href)
            for kind, href in (("exchanges", exchanges), ("adoptions", adoptions))
            if flow[kind]
        ]
    return sorted(arcs, key=lambda arc: -arc.times)


def _flows(facts: ReportFacts, arcs: list[Arc]) -> str:
    if not arcs:
        return '<p class="none">No exchange has been completed and no practice adopted yet.</p>'
    names = {city["id"]: city for flow in facts.stats["flows"] for city in (flow["source"], flow["target"])}
    return fill(
        "report-flows",
        map=Html(flow_map(facts.places, arcs)),
        tables=Html(flow_tables(names, arcs)),
        link=facts.search("stats"),
    )


def _by_status(facts: ReportFacts) -> list[Figure]:
    counted = facts.stats["exchange_requests"]["by_status"]
    return [
        Figure(label, counted.get(status, 0), facts.search("exchange-requests", status=status))
        for status, label in STATUSES.items()
    ]


def _by_stage(facts: ReportFacts) -> list[Figure]:
    adoptions = facts.stats["adoptions"]
    figures = [
        Figure(label, adoptions["by_stage"].get(stage, 0), facts.search("adoptions", stage=stage))
        for stage, label in STAGES.items()
    ]
    confirmed = facts.search("adoptions", confirmed="true")
    return [*figures, Figure("Confirmed by the city of origin", adoptions["confirmed"], confirmed)]
