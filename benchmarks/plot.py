"""The plot: answers per second as bars, by request and server, each group on a scale of its own."""

from collections.abc import Iterator

from benchmarks.measure import Results

WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 760, 90, 190, 16, 14, 50
COLOURS = {"project": "#0b6e4f", "anew": "#5aa788", "plain": "#b4531a", "ceiling": "#8a94a6"}
STYLE = "text { font: 13px system-ui, sans-serif; fill: #1f2933 } .head { font-weight: 600; font-size: 15px }"


def plot(results: Results, records: int) -> str:
    """An SVG of one data set's results."""
    height = TOP + sum(len(of) * BAR + GAP for of in results.values())
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    title = f"Answers per second at {records:,} practices, one worker"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text class="head" x="12" y="26">{title}</text>',
        *_groups(results),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _groups(results: Results) -> Iterator[str]:
    y = TOP
    for name, of in results.items():
        most = max(figures.per_second for figures in of.values())
        yield f'<text x="12" y="{y + 12}">{name}</text>'
        for server, figures in of.items():
            width = max(1.0, figures.per_second / most * (WIDTH - LEFT - RIGHT))
            label = f"{server} {figures.per_second:,.0f}"
            if server != "plain" and "plain" in of:
                label += f" ({figures.per_second / of['plain'].per_second:.1f} times plain)"
            yield f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 3}" fill="{COLOURS[server]}"/>'
            yield f'<text x="{LEFT + width + 6:.1f}" y="{y + 11}">{label}</text>'
            y += BAR
        y += GAP
