"""Periods of days, in UTC, as SQL conditions."""

from datetime import date

from app.database import Arguments


def in_days(column: str, first: date | None, last: date | None, arg: Arguments) -> list[str]:
    """The conditions that a moment lies on these days, both included; None leaves the period open."""
    conditions = []
    if first:
        conditions.append(f"{column} >= {arg(first)}::date")
    if last:
        conditions.append(f"{column} < {arg(last)}::date + 1")
    return conditions
