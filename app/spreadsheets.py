"""Lines for spreadsheets: CSV (RFC 4180) whose cells nothing runs."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

# What a spreadsheet takes for a formula (OWASP, CSV injection): also after white space that it cuts off, and written in
# the wide letters of East Asia.
RUNS = re.compile(r"[\t\r\n]|[\s\ufeff\u200b-\u200f\u2060]*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def csv_line(values: Iterable[Any]) -> str:
    """One line with its end; text that a spreadsheet would run is defused by an apostrophe before it."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([defused(value) for value in values])
    return line.getvalue()


def defused(value: Any) -> Any:
    """The value of a cell, or of a part of one, that nothing runs."""
    return f"'{value}" if isinstance(value, str) and RUNS.match(value) else value
