"""Reads records from JSON, NDJSON and CSV, each with its place in the file; NDJSON and CSV as a stream."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from app.resources.export.format import FORMAT, HEADER

Kind = Literal["cities", "networks", "vocabularies", "practices", "requests", "export"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Progress = Callable[[int], None]

NAMES: dict[str, Kind] = {
    "cities": "cities",
    "city": "cities",
    "networks": "networks",
    "network": "networks",
    "vocabularies": "vocabularies",
    "tags": "vocabularies",
    "practices": "practices",
    "practice": "practices",
    "requests": "requests",
    "exchange_requests": "requests",
    "exchange-requests": "requests",
}
CSV_WHOLE_NUMBERS = frozenset(
    {"population", "geonames_id", "founded", "position", "year_start", "year_end", "months_to_implement"}
    | {"beneficiaries", "evidence_level", "version"}
)
CSV_NUMBERS = frozenset({"latitude", "longitude", "staff_fte"})
CSV_FLAGS = frozenset({"accepting_exchanges", "gcm_source_listed", "illustrative", "founder", "member"})
CSV_LISTS = frozenset(
    {"tags", "themes", "target_groups", "gcm_objectives", "formats", "keywords", "offers", "partner_cities", "roles"}
    | {"languages", "mandates", "networks", "related", "implementers", "more_source_urls", "support_sought"}
    | {"addressed_to"}
)


class UnreadableFileError(Exception):
    """A file cannot be read as what it claims to be; the message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as it stands in the file, or why it cannot be read."""

    number: int
    line: int | None
    record: Any
    fault: str | None = None


def entries(path: Path, progress: Progress) -> Iterator[Entry]:
    """The records of a file, in order.

    Args:
        path: the file; its ending says what it is, and a file without a known one is looked at.
        progress: told how many bytes were read since it was last told.

    Raises:
        UnreadableFileError: the file as a whole cannot be read.
    """
    try:
        read = {".csv": _csv, ".ndjson": ndjson, ".jsonl": ndjson, ".json": _json}.get(path.suffix.lower())
        yield from (read or _guessed(path))(path, progress)
    except (OSError, UnicodeDecodeError) as reason:
        message = f"{path} cannot be read: {reason}."
        raise UnreadableFileError(message) from reason


def kind_of(path: Path) -> Kind:
    """What a file holds, by its name or else by the members of its first record.

    Raises:
        UnreadableFileError: neither tells.
    """
    if _is_export(path):
        return "export"
    if kind := NAMES.get(path.name.lower().split(".")[0]):
        return kind
    first = next(iter(entries(path, lambda _: None)), None)
    if first is None:
        return "practices"
    if kind := _kind_by_shape(first.record):
        return kind
    message = f"{path.name} does not show what it holds: name it with --kind {'|'.join(KINDS)}."
    raise UnreadableFileError(message)


def _is_export(path: Path) -> bool:
    """Whether the file begins with the header of an export, whatever its name is."""
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline(65_536))
    except (OSError, ValueError):
        return False
    return isinstance(header, dict) and header.get("type") == HEADER and header.get("format") == FORMAT


def _kind_by_shape(record: Any) -> Kind | None:
    members = set(record) if isinstance(record, dict) else set()
    if {"scheme", "code"} <= members:
        return "vocabularies"
    if "kind" in members and members & {"need", "to_city_id", "addressed_to", "practice_external_id"}:
        return "requests"
    if "title" in members:
        return "practices"
    if "country" in members and "name" in members:
        return "cities"
    return "networks" if {"id", "name"} <= members else None


def _guessed(path: Path) -> Callable[[Path, Progress], Iterator[Entry]]:
    with path.open("rb") as file:
        start = file.read(65_536).lstrip()
    if start[:1] == b"[":
        return _json
    return ndjson if start[:1] == b"{" else _csv


def ndjson(path: Path, progress: Progress) -> Iterator[Entry]:
    """The records of a file that has one in each line."""
    number = 0
    with path.open("rb") as file:
        for line, raw in enumerate(file, 1):
            progress(len(raw))
            if raw.isspace():
                continue
            number += 1
            try:
                yield Entry(number, line, json.loads(raw))
            except ValueError as reason:
                yield Entry(number, line, None, f"is not JSON: {reason}")


def _json(path: Path, progress: Progress) -> Iterator[Entry]:
    text = path.read_text(encoding="utf-8-sig")
    try:
        if text.lstrip()[:1] == "[":
            yield from _json_list(text, progress)
        else:
            yield from _json_object(json.loads(text))
            progress(len(text))
    except json.JSONDecodeError as reason:
        message = f"{path.name} is not JSON: {reason.msg} in line {reason.lineno}, column {reason.colno}."
        raise UnreadableFileError(message) from reason


def _json_list(text: str, progress: Progress) -> Iterator[Entry]:
    """The elements of a list one by one, so that each one's line is known."""
    decode, space = json.JSONDecoder().raw_decode, json.decoder.WHITESPACE.match  # type: ignore[attr-defined]
    place = space(text, text.index("[") + 1).end()
    number, line, counted = 0, 1, 0
    while text[place : place + 1] != "]":
        line, counted = line + text.count("\n", counted, place), place
        number += 1
        record, after = decode(text, place)
        yield Entry(number, line, record)
        after = space(text, after).end()
        if text[after : after + 1] == ",":
            after = space(text, after + 1).end()
        elif text[after : after + 1] != "]":
            reason = "',' expected"
            raise json.JSONDecodeError(reason, text, after)
        progress(after - place)
        place = after
    if rest := text[place + 1 :].strip():
        reason = "something follows the list"
        raise json.JSONDecodeError(reason, text, text.rindex(rest))


def _json_object(document: Any) -> Iterator[Entry]:
    """The records of `{"items": […]}` or `{scheme: […], …}`, or the one record that the file is."""
    records = [document]
    if isinstance(document, dict) and isinstance(document.get("items"), list):
        records = document["items"]
    elif isinstance(document, dict) and document and all(isinstance(value, list) for value in document.values()):
        records = [record for values in document.values() for record in values]
    for number, record in enumerate(records, 1):
        yield Entry(number, None, record)


def _csv(path: Path, progress: Progress) -> Iterator[Entry]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        told = 0

        def lines() -> Iterator[str]:
            nonlocal told
            for line in file:
                told += len(line)
                yield line

        reader = csv.DictReader(lines(), restkey="", strict=True)
        number = 0
        while True:
            line, reported = reader.line_num + 1, told
            number += 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as reason:
                yield Entry(number, line, None, f"is not CSV: {reason}")
                continue
            progress(told - reported)
            # The header is the first line, read together with the first record.
            yield _csv_entry(number, max(line, 2), row)


def _csv_entry(number: int, line: int, row: dict[str, Any]) -> Entry:
    if "" in row:
        return Entry(number, line, None, "has more cells than the header has names")
    record: dict[str, Any] = {}
    for name, cell in row.items():
        if cell is not None and cell.strip():
            record[name.strip()] = _csv_value(name.strip(), cell.strip())
    return Entry(number, line, record)


def _csv_value(name: str, cell: str) -> Any:
    """A cell as the record's type; what does not fit stays text, and validation says so."""
    if cell[0] in "[{":
        try:
            return json.loads(cell)
        except ValueError:
            return cell
    if name in CSV_LISTS:
        return [part.strip() for part in cell.split(";") if part.strip()]
    if name in CSV_FLAGS and cell.lower() in {"true", "false", "yes", "no", "1", "0"}:
        return cell.lower() in {"true", "yes", "1"}
    if name in CSV_WHOLE_NUMBERS or name in CSV_NUMBERS:
        try:
            return int(cell) if name in CSV_WHOLE_NUMBERS else float(cell)
        except ValueError:
            return cell
    return cell
