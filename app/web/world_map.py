"""The map on the front page: the world's land, and a dot per city in the same projection."""

from collections.abc import Iterable
from html import escape
from itertools import groupby
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

from app.web.templates import asset

WIDTH = 1000
CENTRAL_MERIDIAN = 11  # the cut runs through the Bering Strait, so that no country is torn apart
NORTH, SOUTH = 83.7, -56  # what the outline holds: Antarctica is left out
EQUAL_EARTH = (1.340264, -0.081106, 0.000893, 0.003796)


class MapCity(NamedTuple):
    """A city whose position is known."""

    name: str
    country: str
    latitude: float
    longitude: float
    practice_count: int
    href: str

    @property
    def label(self) -> str:
        """The city in one line, for people who cannot see or point at its dot."""
        count = self.practice_count
        practices = {0: "no practice yet", 1: "1 practice"}.get(count, f"{count:,} practices")
        return f"{self.name}, {self.country}: {practices}"


def world_map(cities: Iterable[MapCity]) -> str:
    """The inline SVG: dots are links, named for screen readers and reachable by keyboard."""
    dots = "\n".join(_dot(city) for city in sorted(cities, key=_small_ones_on_top))
    label = "World map of the cities; the list below it says the same"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="group" aria-label="{label}">\n'
        f'<path class="land" d="{LAND}"/>\n{dots}\n</svg>'
    )


def city_list(cities: Iterable[MapCity]) -> str:
    """The same cities in words, by country."""
    by_name = sorted(cities, key=lambda city: (city.country, city.name.casefold()))
    return "\n".join(
        f"<li><b>{escape(country)}</b> {', '.join(map(_entry, group))}</li>"
        for country, group in groupby(by_name, key=lambda city: city.country)
    )


def project(latitude: float, longitude: float) -> tuple[float, float]:
    """Where a place lies on the map, in its units, from the upper left corner."""
    x, y = _equal_earth(latitude, (longitude - CENTRAL_MERIDIAN + 180) % 360 - 180)
    return WIDTH / 2 + SCALE * x, SCALE * (_equal_earth(NORTH, 0)[1] - y)


def _equal_earth(latitude: float, longitude: float) -> tuple[float, float]:
    """Equal Earth (Šavrič, Patterson and Jenny, 2018): no continent looks larger than it is."""
    a1, a2, a3, a4 = EQUAL_EARTH
    theta = asin(sqrt(3) / 2 * sin(radians(latitude)))
    slope = 9 * a4 * theta**8 + 7 * a3 * theta**6 + 3 * a2 * theta**2 + a1
    x = 2 * sqrt(3) * radians(longitude) * cos(theta) / (3 * slope)
    return x, a4 * theta**9 + a3 * theta**7 + a2 * theta**3 + a1 * theta


def _small_ones_on_top(city: MapCity) -> tuple[bool, int]:
    return city.practice_count > 0, -city.practice_count


def _dot(city: MapCity) -> str:
    x, y = project(city.latitude, city.longitude)
    radius = min(2.6 + 1.9 * sqrt(city.practice_count), 16)
    label = escape(city.label)
    quiet = "" if city.practice_count else ' class="quiet"'
    return (
        f'<a href="{escape(city.href)}" aria-label="{label}"{quiet}>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"><title>{label}</title></circle></a>'
    )


def _entry(city: MapCity) -> str:
    count = f" ({city.practice_count:,})" if city.practice_count else ""
    return f'<a href="{escape(city.href)}"><bdi>{escape(city.name)}</bdi></a>{count}'


def _land() -> str:
    svg = asset("world.svg")
    return svg.partition(' d="')[2].partition('"')[0]


SCALE = WIDTH / 2 / _equal_earth(0, 180)[0]
HEIGHT = round(project(SOUTH, CENTRAL_MERIDIAN)[1])
LAND = _land()
