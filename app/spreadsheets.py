"""Lines for spreadsheets: CSV (RFC 4180) whose cells nothing runs."""

import csv
import io
from collections.abc import Iterable
from typing import Any

# What a spreadsheet takes for a formula (OWASP, CSV injection).
RUNS = ("=", "+", "-", "@", "\t", "\r")


def csv_line(values: Iterable[Any]) -> str:
    """One line with its end; text that a spreadsheet would run is defused by an apostrophe before it."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_defused(value) for value in values])
    return line.getvalue()


def _defused(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(RUNS) else value
