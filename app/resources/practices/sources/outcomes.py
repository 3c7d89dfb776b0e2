"""What is answered for a record, by itself or as a line of many."""

import json
from collections.abc import Collection
from typing import Any
from uuid import UUID

from app.resources.practices.sources.lines import Line
from app.resources.practices.sources.records import Record


def outcome(record: Record) -> bytes:
    """What became of one record, as JSON."""
    return _json(_outcome(record))


def result_lines(chunk: list[Line], imagined: Collection[UUID] = ()) -> bytes:
    """The result lines of a chunk; a record that only a trial has made, one of `imagined`, has no id."""
    outcomes = [{"line": line.number, **_outcome_of(line)} for line in chunk]
    for line, answer in zip(chunk, outcomes, strict=True):
        if line.record is not None and line.record.id in imagined:
            answer["id"] = None
    return b"".join(_json(answer) + b"\n" for answer in outcomes)


def _outcome_of(line: Line) -> dict[str, Any]:
    if line.record is None:
        return {"external_id": line.external_id, "id": None, "result": "invalid", "errors": line.errors}
    return _outcome(line.record)


def _outcome(record: Record) -> dict[str, Any]:
    id_ = None if record.result == "invalid" or record.id is None else str(record.id)
    return {"external_id": record.external_id, "id": id_, "result": record.result, "errors": record.errors}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
