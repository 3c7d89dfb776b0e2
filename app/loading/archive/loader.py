"""Takes an export back: lines of all kinds, each by its id; what is here and newer stays as it is."""

import json
import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from app.database import Connection
from app.loading.archive import statements
from app.loading.archive.records import LINES, UNUSED
from app.loading.bulk import Loader, Prepared, RefusedError
from app.loading.sources import Entry, Progress, UnreadableFileError, ndjson
from app.resources.export.format import FORMAT_VERSION, HEADER, TRAILER
from app.resources.export.parts import PARTS, Child, Part

PART = {part.name: part for part in PARTS}
TAIL = 65_536
TORN = "is torn: the trailer that says how many records there are is missing. Nothing was loaded."


class ArchiveLoader(Loader):
    """Records of all kinds, in the order in which they refer to each other."""

    table = "export"
    content = ()
    analyzed: ClassVar[tuple[str, ...]] = tuple(part.table for part in PARTS)

    def __init__(self) -> None:
        """Begin without knowing anything."""
        super().__init__()
        # The crosswalk leads to tags that may come later.
        self._relations: list[dict[str, str]] = []

    async def begin(self, connection: Connection) -> None:
        """Nothing need be known."""

    def read(self, path: Path, progress: Progress) -> Iterator[Entry]:
        """The records between header and trailer.

        Raises:
            UnreadableFileError: the file is torn, or of a newer format.
        """
        trailer = _last_line(path)
        if not isinstance(trailer, dict) or trailer.get("type") != TRAILER:
            message = f"{path.name} {TORN}"
            raise UnreadableFileError(message)
        found = 0
        for entry in ndjson(path, progress):
            kind = entry.record.get("type") if isinstance(entry.record, dict) else None
            if kind == HEADER:
                _check_header(path, entry.record)
            elif kind != TRAILER:
                found += 1
                yield entry
        if found != trailer.get("records"):
            self.warnings[f"the trailer counts {trailer.get('records')} records, and there were {found}"] += 1

    def prepare(self, entry: Entry) -> Prepared:
        """Check one line."""
        name = entry.record.get("type") if isinstance(entry.record, dict) else None
        part = PART.get(name) if isinstance(name, str) else None
        if part is None:
            raise RefusedError(("type", f"The type is one of {', '.join(PART)}."))
        line = LINES[part.name].model_validate(entry.record.get("data"))
        values = line.model_dump(mode="json", exclude=UNUSED.get(part.name))
        key = (part.name, *(values[name] for name in part.keys))
        return Prepared(entry, key, values)

    async def write(self, connection: Connection, chunk: Sequence[Prepared]) -> tuple[int, int]:
        """Write a chunk inside the caller's transaction; gives how many records were made and how many changed."""
        created = updated = 0
        for name, records in groupby(chunk, key=lambda record: record.key[0]):
            newest = {record.key: record.values for record in records}
            is_new = await self._write(connection, PART[name], newest)
            created += sum(is_new)
            updated += len(is_new) - sum(is_new)
        await self._relate(connection)
        return created, updated

    async def finish(self, connection: Connection) -> None:
        """Tell what was left open, and let the planner know what there is now."""
        if self._relations:
            self.warnings["relations to tags that are not known were left out"] += len(self._relations)
        for table in (*self.analyzed, "feed"):
            await connection.execute(f"ANALYZE {table}")

    async def _write(self, connection: Connection, part: Part, records: dict[Any, dict[str, Any]]) -> list[bool]:
        """Write records of one kind; gives for each that was written whether it is new."""
        rows = json.dumps(list(records.values()))
        written = await connection.fetch(statements.put(part), rows)
        keys = {(part.name, *map(str, list(row)[:-1])): row["is_new"] for row in written}
        if len(written) < len(records) and "version" in part.columns:
            left = json.dumps([values for key, values in records.items() if key not in keys])
            if others := await connection.fetchval(statements.differing(part), left):
                self.warnings[f"{part.name}: records that are newer or otherwise here were left as they are"] += others
        if not keys:
            return []
        for name, child in part.children.items():
            owners = {key: records[key] for key in keys}
            changed = [key[1] for key, is_new in keys.items() if not is_new]
            await self._hang(connection, part, name, child, owners, changed)
        for follows in (statements.MARKS, statements.COUNTED):
            if part.name in follows:
                await connection.execute(follows[part.name], [row[0] for row in written])
        if changed := [row[0] for row in written if not row["is_new"]]:
            for statement in statements.SHOWN_ELSEWHERE.get(part.name, ()):
                await connection.execute(statement, changed)
        return list(keys.values())

    async def _hang(
        self,
        connection: Connection,
        part: Part,
        name: str,
        child: Child,
        owners: dict[Any, dict[str, Any]],
        changed: list[str],
    ) -> None:
        if changed and not child.is_history:
            await connection.execute(statements.clear(child), changed)
        rows = []
        for key, values in owners.items():
            for entry in values[name]:
                content = entry if isinstance(entry, dict) else {child.columns[0]: entry}
                shared = {"record_type": part.name} if "record_type" in child.without else {}
                rows.append({child.owner: key[1], **content, **shared})
        if part.name == "tag":
            self._relations += rows
        elif rows:
            await connection.execute(statements.hang(child), json.dumps(rows))

    async def _relate(self, connection: Connection) -> None:
        """Make the relations whose two tags are there by now."""
        if not self._relations:
            return
        known = {row["id"] for row in await connection.fetch("SELECT id FROM tag")}
        ready = [row for row in self._relations if row["related_id"] in known]
        await connection.executemany(
            "INSERT INTO tag_relation (tag_id, related_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            [(row["tag_id"], row["related_id"]) for row in ready],
        )
        self._relations = [row for row in self._relations if row["related_id"] not in known]


def _last_line(path: Path) -> Any:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL))
        tail = file.read()
    # A last line without its end may be a part of one.
    if not tail.endswith(b"\n"):
        return None
    try:
        return json.loads(tail.rstrip().rsplit(b"\n", 1)[-1])
    except ValueError:
        return None


def _check_header(path: Path, header: dict[str, Any]) -> None:
    if header.get("version") != FORMAT_VERSION:
        message = (
            f"{path.name} is an export of format {header.get('version')}, and this program reads format"
            f" {FORMAT_VERSION}: load it with the version of the program that made it, or a newer one."
        )
        raise UnreadableFileError(message)
