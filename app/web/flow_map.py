"""The map of a report: what went from city to city, as arcs that are wider for more, and the names of the cities."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from math import hypot, sqrt
from typing import NamedTuple

from app.web.world_map import HEIGHT, LAND, WIDTH, project

MOST_ARCS = 80
FEW = 6  # where no pair of cities has more, arcs do not fill the scale of widths
BEND = {"exchanges": 0.16, "adoptions": 0.28}  # so that two arcs between the same cities lie apart
NOUNS = {"exchanges": ("completed exchange", "completed exchanges"), "adoptions": ("adoption", "adoptions")}
LETTER = 0.56  # the width of a letter, as a share of its size
LARGEST_VIEW_LEFT = 0.62  # a view that is nearly the world is the world
# Where a name may stand beside its dot: the side that its text begins or ends at, and the way to it.
PLACES = (
    ("start", 1, 0), ("end", -1, 0), ("middle", 0, -1), ("middle", 0, 1), ("start", 0.8, -0.8), ("start", 0.8, 0.8),
    ("end", -0.8, -0.8), ("end", -0.8, 0.8),
)  # fmt: skip


class Place(NamedTuple):
    """A city on the map."""

    name: str
    latitude: float
    longitude: float


class Arc(NamedTuple):
    """Something that went from one city to another, so many times."""

    kind: str
    source: str
    target: str
    times: int
    href: str


class View(NamedTuple):
    """The part of the world that is drawn."""

    left: float
    top: float
    width: float
    height: float

    @property
    def scale(self) -> float:
        """How long a unit of the whole map is in this view."""
        return self.width / WIDTH


class Box(NamedTuple):
    """What a name or a dot covers."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether the two have a point in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )  # fmt: skip


def flow_map(places: Mapping[str, Place], arcs: Iterable[Arc]) -> str:
    """The inline SVG; arcs are links. The most frequent ones are drawn, between cities whose position is known.

    Args:
        places: the cities, by id.
        arcs: what went between them, the most frequent first.
    """
    drawn = [arc for arc in arcs if {arc.source, arc.target} <= places.keys()][:MOST_ARCS]
    weights: Counter[str] = Counter()
    for arc in drawn:
        weights.update({arc.source: arc.times, arc.target: arc.times})
    points = {id_: project(places[id_].latitude, places[id_].longitude) for id_ in weights}
    view = _view(points.values())
    radii = {id_: view.scale * min(2.6 + 0.9 * sqrt(weight), 8) for id_, weight in weights.items()}
    most = max([FEW, *(arc.times for arc in drawn)])
    # Wide ones first, so that narrow ones stay visible where they cross.
    lines = [_arc(arc, places, points, radii, view.scale, most) for arc in sorted(drawn, key=lambda arc: -arc.times)]
    dots = [_dot(places[id_].name, points[id_], radii[id_]) for id_ in points]
    names = list(_names([id_ for id_, _ in weights.most_common()], places, points, radii, view))
    box = f"{view.left:.1f} {view.top:.1f} {view.width:.1f} {view.height:.1f}"
    label = "Map of what went from city to city; the table below it says the same"
    return "\n".join(
        [
            f'<svg viewBox="{box}" role="group" aria-label="{label}">',
            f'<path class="land" d="{LAND}"/>',
            *lines,
            '<g aria-hidden="true">',
            *dots,
            *names,
            "</g>",
            "</svg>",
        ]
    )


def _view(points: Iterable[tuple[float, float]]) -> View:
    """The part of the world that holds the points with some room around, in the shape of the whole."""
    whole = View(0, 0, WIDTH, HEIGHT)
    xs, ys = zip(*points, strict=True) if (points := list(points)) else ((0.0, WIDTH), (0.0, HEIGHT))
    width = max(1.25 * (max(xs) - min(xs)), 1.4 * (max(ys) - min(ys)) * WIDTH / HEIGHT, WIDTH / 5)
    if width > LARGEST_VIEW_LEFT * WIDTH:
        return whole
    height = width * HEIGHT / WIDTH
    left = min(max((min(xs) + max(xs) - width) / 2, 0), WIDTH - width)
    top = min(max((min(ys) + max(ys) - height) / 2, 0), HEIGHT - height)
    return View(left, top, width, height)


def _arc(
    arc: Arc,
    places: Mapping[str, Place],
    points: Mapping[str, tuple[float, float]],
    radii: Mapping[str, float],
    scale: float,
    most: int,
) -> str:
    (x1, y1), (x2, y2) = points[arc.source], points[arc.target]
    bend = BEND[arc.kind]
    # The control point lies to the left of the way, so that there and back are two arcs.
    cx, cy = (x1 + x2) / 2 + bend * (y2 - y1), (y1 + y2) / 2 - bend * (x2 - x1)
    length = hypot(x2 - cx, y2 - cy) or 1
    ux, uy = (x2 - cx) / length, (y2 - cy) / length
    width = scale * (0.8 + 2.8 * sqrt(arc.times / most))
    tip = radii[arc.target] + 0.6 * scale
    head = min(scale * 3.4 + 1.6 * width, length / 2)
    tx, ty = x2 - ux * tip, y2 - uy * tip
    bx, by = tx - ux * head, ty - uy * head
    half = head * 0.42
    barbs = f"{tx:.1f},{ty:.1f} {bx - uy * half:.1f},{by + ux * half:.1f} {bx + uy * half:.1f},{by - ux * half:.1f}"
    count = f"{arc.times:,} {NOUNS[arc.kind][arc.times != 1]}"
    label = escape(f"{places[arc.source].name} → {places[arc.target].name}: {count}")
    dashes = f' stroke-dasharray="{3 * scale + width:.1f} {1.8 * scale + width / 2:.1f}"' * (arc.kind == "adoptions")
    return (
        f'<a href="{escape(arc.href)}" class="{arc.kind}" aria-label="{label}"><title>{label}</title>'
        f'<path d="M{x1:.1f} {y1:.1f}Q{cx:.1f} {cy:.1f} {bx:.1f} {by:.1f}" stroke-width="{width:.2f}"{dashes}/>'
        f'<polygon points="{barbs}"/></a>'
    )


def _dot(name: str, point: tuple[float, float], radius: float) -> str:
    x, y = point
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.2f}"><title>{escape(name)}</title></circle>'


def _names(
    order: Sequence[str],
    places: Mapping[str, Place],
    points: Mapping[str, tuple[float, float]],
    radii: Mapping[str, float],
    view: View,
) -> Iterator[str]:
    """Names where they find room, those of the busiest cities first; who finds none has its dot and its table row."""
    size = 11.5 * view.scale
    taken = [Box(x - radii[id_], y - radii[id_], x + radii[id_], y + radii[id_]) for id_, (x, y) in points.items()]
    for id_ in order:
        name = places[id_].name
        found = _room(name, points[id_], radii[id_], size, taken, view)
        if found is not None:
            box, anchor, x, y = found
            taken.append(box)
            yield (
                f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:.2f}"'
                f' stroke-width="{size / 3.5:.2f}">{escape(name)}</text>'
            )


def _room(
    name: str, point: tuple[float, float], radius: float, size: float, taken: list[Box], view: View
) -> tuple[Box, str, float, float] | None:
    width = size * LETTER * sum(2 if ord(letter) > 0x2E80 else 1 for letter in name)  # noqa: PLR2004 - CJK is as wide as high
    for away in (1.0, 2.2):
        for anchor, across, down in PLACES:
            gap = (radius + size * 0.3) * away
            x = point[0] + across * gap
            middle = point[1] + down * (gap + size * 0.45)
            left = {"start": x, "end": x - width, "middle": x - width / 2}[anchor]
            box = Box(left, middle - size * 0.55, left + width, middle + size * 0.55)
            inside = (
                view.left <= box.left
                and box.right <= view.left + view.width
                and view.top <= box.top
                and box.bottom <= view.top + view.height
            )  # fmt: skip
            if inside and not any(box.meets(other) for other in taken):
                return box, anchor, x, middle + size * 0.36
    return None
