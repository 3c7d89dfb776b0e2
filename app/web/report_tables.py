"""The tables of a report: figures with bars, each bar an inline drawing that screen readers skip."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from app.web.flow_map import Arc

Line = Mapping[str, Any]
KINDS = {"practices": "Practices", "exchange_requests": "Requests", "adoptions": "Adoptions"}
SECTIONS = {
    "gcm": (
        "GCM", "Global Compact for Migration",
        "The 23 objectives of the Global Compact for Safe, Orderly and Regular Migration",
    ),
    "gcr": ("GCR", "Global Compact on Refugees", "Its four objectives"),
    "sdg": ("SDG", "Sustainable Development Goals", "The goals, and the targets that speak of migration"),
    "regions": ("Region", "Regions", "As in M49; exchange requests and adoptions by the city that asked or adapted"),
}  # fmt: skip
MOST_ROWS = 24


class Figure(NamedTuple):
    """A number, what it counts, and the search that yields it."""

    label: str
    number: int
    href: str


def lines_table(section: str, lines: Sequence[Line]) -> str:
    """A section of the report: a row for each line, and in it a bar for each kind of record."""
    short, title, of = SECTIONS[section]
    most = {kind: max((line[kind]["count"] for line in lines), default=0) for kind in KINDS}
    heads = "".join(f'<th scope="col" class="{kind}">{name}</th>' for kind, name in KINDS.items())
    rows = "\n".join(_row(line, most, is_tag=section != "regions") for line in lines)
    gaps = sum(line["gap"] for line in lines)
    told = f"{gaps} of {len(lines)} without a practice" if gaps else "a practice for each of them"
    return (
        f'<section class="lines" id="{section}" aria-labelledby="{section}-title">\n'
        f'<h2 id="{section}-title">{escape(title)}</h2>\n<p class="under">{escape(of)} · {told}</p>\n'
        f'<table>\n<caption class="unseen">{escape(title)}: practices, exchange requests and adoptions</caption>\n'
        f'<thead><tr><th scope="col">{short}</th>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</section>'
    )


def bars(kind: str, caption: str, head: str, figures: Iterable[Figure]) -> str:
    """A small table of figures with one bar each, in the colour of what is counted."""
    figures = list(figures)
    most = max((figure.number for figure in figures), default=0)
    rows = "\n".join(
        f'<tr><th scope="row">{escape(figure.label)}</th>{_cell(kind, figure.number, figure.href, most)}</tr>'
        for figure in figures
    )
    return (
        f'<table class="small">\n<caption>{escape(caption)}</caption>\n'
        f'<thead class="unseen"><tr><th scope="col">{escape(head)}</th><th scope="col">Count</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table>"
    )


def flow_tables(cities: Mapping[str, Mapping[str, str]], arcs: Iterable[Arc]) -> str:
    """A row for each pair of cities, the busiest first, in two tables side by side."""
    pairs: dict[tuple[str, str], dict[str, Arc]] = {}
    for arc in arcs:
        pairs.setdefault((arc.source, arc.target), {})[arc.kind] = arc
    ranked = sorted(pairs.items(), key=lambda entry: -sum(arc.times for arc in entry[1].values()))[:MOST_ROWS]
    rows = [_flow(cities[source], cities[target], kinds) for (source, target), kinds in ranked]
    half = (len(rows) + 1) // 2
    return "\n".join(_flow_table(part) for part in (rows[:half], rows[half:]) if part)


def _flow_table(rows: Sequence[str]) -> str:
    heads = '<th scope="col">From → to</th><th scope="col">Exchanges</th><th scope="col">Adoptions</th>'
    body = "\n".join(rows)
    return (
        '<table class="flows">\n<caption class="unseen">From city to city</caption>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    )


def _flow(source: Mapping[str, str], target: Mapping[str, str], kinds: Mapping[str, Arc]) -> str:
    to = ' <span aria-hidden="true">→</span><span class="unseen"> to </span> '
    cells = "".join(_times(kinds.get(kind)) for kind in ("exchanges", "adoptions"))
    return f'<tr><th scope="row">{_city(source)}{to}{_city(target)}</th>{cells}</tr>'


def gap_list(report: Mapping[str, Any]) -> str:
    """The lines without a practice; those that somebody has asked about come first and say so."""
    parts = []
    for section, (short, title, _) in SECTIONS.items():
        gaps = [line for line in report[section] if line["gap"]]
        gaps.sort(key=lambda line: -line["exchange_requests"]["count"])
        if gaps:
            items = "\n".join(_gap(section, short, line) for line in gaps)
            parts.append(f"<div>\n<h3>{escape(title)}</h3>\n<ul>\n{items}\n</ul>\n</div>")
    return "\n".join(parts) or '<p class="none">None: every objective, goal and region has a published practice.</p>'


def _row(line: Line, most: Mapping[str, int], *, is_tag: bool) -> str:
    number = f'<span class="number">{escape(_number(line))}</span> ' if is_tag else ""
    badge = ' <span class="badge">gap</span>' if line["gap"] else ""
    cells = "".join(_cell(kind, line[kind]["count"], line[kind]["href"], most[kind]) for kind in KINDS)
    gap = ' class="gap"' if line["gap"] else ""
    return f'<tr{gap}><th scope="row">{number}<span>{escape(line["label"])}{badge}</span></th>{cells}</tr>'


def _cell(kind: str, count: int, href: str, most: int) -> str:
    width = 100 * count / most if most else 0
    bar = f'<rect class="bar" width="{max(width, 1.5):.1f}" height="10" rx="1"/>' if count else ""
    zero = "" if count else " zero"
    return (
        f'<td class="{kind}{zero}"><a href="{escape(href)}">{count:,}</a>'
        f'<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f'<rect class="track" width="100" height="10" rx="1"/>{bar}</svg></td>'
    )


def _gap(section: str, short: str, line: Line) -> str:
    asked = line["exchange_requests"]
    wanted = ""
    if asked["count"]:
        noun = "request" if asked["count"] == 1 else "requests"
        wanted = f' <a class="wanted" href="{escape(asked["href"])}">asked for in {asked["count"]:,} {noun}</a>'
    number = "" if section == "regions" else f"<b>{short} {escape(_number(line))}</b>"
    return f"<li>{number}{escape(line['label'])}{wanted}</li>"


def _number(line: Line) -> str:
    return str(line["id"]).rpartition(":")[2]


def _city(city: Mapping[str, str]) -> str:
    return f"<bdi>{escape(city['name'])}</bdi> <small>{escape(city['country'])}</small>"


def _times(arc: Arc | None) -> str:
    return f'<td><a href="{escape(arc.href)}">{arc.times:,}</a></td>' if arc else '<td class="zero">0</td>'
