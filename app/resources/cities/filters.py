"""What the filters of the list of cities mean, as SQL conditions on the city `c`."""

import math

from app.database import Arguments
from app.resources.cities.schemas import DEFAULT_RADIUS, CityQuery, numbers

EARTH_RADIUS = 6371.0088
"""Mean radius in kilometres (IUGG)."""
CURRENT = "(m.until IS NULL OR m.until >= current_date)"
EQUAL = ("country", "member", "population_band")


def city_conditions(query: CityQuery, arg: Arguments) -> list[str]:
    """All conditions of a list, joined by AND."""
    conditions = [f"c.{name} = {arg(value)}" for name in EQUAL if (value := getattr(query, name)) is not None]
    if query.role:
        conditions.append(f"c.roles @> {arg(query.role)}::text[]")
    if query.mandate:
        conditions.append(f"c.mandates @> ARRAY[{arg(query.mandate)}::text]")
    if query.network:
        members = f"SELECT m.city_id FROM membership m WHERE m.network_id = {arg(query.network)} AND {CURRENT}"
        conditions.append(f"c.id IN ({members})")
    if query.near:
        latitude, longitude = numbers(query.near)
        conditions += _near(latitude, longitude, query.radius_km or DEFAULT_RADIUS, arg)
    if query.bbox:
        conditions += _inside(*numbers(query.bbox), arg=arg)
    return conditions


def _near(latitude: float, longitude: float, radius: float, arg: Arguments) -> list[str]:
    """The haversine distance; a band of latitudes first, since that has an index."""
    # A hair wider than the circle, so that rounding never cuts off what the distance would let in.
    band = math.degrees(radius / EARTH_RADIUS) + 1e-6
    here, there = f"{arg(latitude)}::float8", f"{arg(longitude)}::float8"
    chord = (
        f"power(sin(radians(c.latitude - {here}) / 2), 2)"
        f" + cos(radians({here})) * cos(radians(c.latitude)) * power(sin(radians(c.longitude - {there}) / 2), 2)"
    )
    return [
        f"c.latitude BETWEEN {arg(latitude - band)}::float8 AND {arg(latitude + band)}::float8",
        f"2 * {EARTH_RADIUS} * asin(sqrt(least(1, {chord}))) <= {arg(radius)}::float8",
    ]


def _inside(west: float, south: float, east: float, north: float, *, arg: Arguments) -> list[str]:
    """The box; one whose west lies east of its east goes over the antimeridian."""
    joined = "AND" if west <= east else "OR"
    return [
        f"c.latitude BETWEEN {arg(south)}::float8 AND {arg(north)}::float8",
        f"(c.longitude >= {arg(west)}::float8 {joined} c.longitude <= {arg(east)}::float8)",
    ]
