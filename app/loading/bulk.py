"""Writes chunks of records: COPY into a temporary table, one INSERT … ON CONFLICT, feed marks, one audit row."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError

from app.database import Connection
from app.feed import mark
from app.loading.sources import Entry, Progress, entries

CHUNK = 1_000
Values = tuple[Any, ...]


class RefusedError(Exception):
    """A record that cannot be loaded: its faults, each a field and a message."""

    def __init__(self, *faults: tuple[str, str]) -> None:
        """Keep the faults."""
        self.faults = faults


@dataclass(slots=True)
class Prepared:
    """A record ready to be written: its identity, the values of its row, and what hangs on it."""

    entry: Entry
    key: Any
    values: dict[str, Any]
    children: dict[str, list[Values]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Child:
    """A table whose rows belong to a record: a new row makes a new version of the record.

    Attributes:
        table: its name.
        owner: its column that names the record.
        columns: the columns that a file fills.
    """

    table: str
    owner: str
    columns: tuple[str, ...]


class Loader(ABC):
    """How records of one kind are checked and written.

    A subclass says which columns make up the content, whose difference makes a new version, and which ones only count
    when the record is made.
    """

    table: ClassVar[str]
    content: ClassVar[tuple[str, ...]]
    on_creation: ClassVar[tuple[str, ...]] = ()
    children: ClassVar[tuple[Child, ...]] = ()
    untouchable: ClassVar[str] = ""
    feed_source: ClassVar[str] = ""
    feed_op: ClassVar[str] = "'upsert'"
    beside: ClassVar[tuple[str, ...]] = ()
    chunk: ClassVar[int] = CHUNK

    def __init__(self) -> None:
        """Begin without knowing anything."""
        self.warnings: Counter[str] = Counter()

    async def begin(self, connection: Connection) -> None:
        """Read what the checks need to know, and make the temporary tables."""
        columns = ", ".join(("id", *self.content, *self.on_creation))
        tables = [
            f"incoming AS SELECT {columns} FROM {self.table}",
            f"touched AS SELECT id, true AS created FROM {self.table}",
            *(f"incoming_{c.table} AS SELECT {', '.join(c.columns)} FROM {c.table}" for c in self.children),
        ]
        for table in tables:
            name, _, query = table.partition(" AS ")
            await connection.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
            await connection.execute(f"CREATE TEMP TABLE {name} ON COMMIT DELETE ROWS AS {query} WITH NO DATA")

    def read(self, path: Path, progress: Progress) -> Iterator[Entry]:
        """The records of a file; raises UnreadableFileError where there are none to be had."""
        return entries(path, progress)

    @abstractmethod
    def prepare(self, entry: Entry) -> Prepared:
        """Check one record.

        Raises:
            RefusedError: it is wrong.
            ValidationError: its shape is wrong.
        """

    async def identify(self, connection: Connection, chunk: Sequence[Prepared]) -> None:  # noqa: ARG002 - for overriders
        """Give every record the id that it has, or will have; unless overridden its key is its id."""
        for record in chunk:
            record.values["id"] = record.key

    def field_of(self, record: Any, location: tuple[Any, ...]) -> str:  # noqa: ARG002 - for overriders
        """The name of a field as the file has it, for one that the check calls otherwise."""
        return ".".join(str(part) for part in location)

    async def write(self, connection: Connection, chunk: Sequence[Prepared]) -> tuple[int, int]:
        """Write a chunk inside the caller's transaction; gives how many records were made and how many changed."""
        newest = list({record.key: record for record in chunk}.values())
        await self.identify(connection, newest)
        columns = ("id", *self.content, *self.on_creation)
        await connection.copy_records_to_table(
            "incoming", columns=columns, records=[tuple(record.values[name] for name in columns) for record in newest]
        )
        await connection.execute(self._upsert(columns))
        for child in self.children:
            rows = [(record.values["id"], *row) for record in newest for row in record.children.get(child.table, ())]
            if rows:
                ordered = (child.owner, *(name for name in child.columns if name != child.owner))
                await connection.copy_records_to_table(f"incoming_{child.table}", columns=ordered, records=rows)
                await connection.execute(self._adopt(child))
        feed_source = f"FROM {self.table} r JOIN touched t USING (id) {self.feed_source}"
        await connection.execute(mark(self.table, feed_source, id_="r.id", version="r.version", op=self.feed_op))
        counts = await connection.fetchrow(
            "SELECT count(*) FILTER (WHERE created) AS created, count(*) FILTER (WHERE NOT created) AS updated"
            " FROM touched"
        )
        assert counts is not None  # noqa: S101 - an aggregate always gives a row
        return counts["created"], counts["updated"]

    async def finish(self, connection: Connection) -> None:
        """Tell the planner what was loaded."""
        for table in (self.table, *self.beside, "feed"):
            await connection.execute(f"ANALYZE {table}")

    def _upsert(self, columns: Sequence[str]) -> str:
        names = ", ".join(columns)
        return f"""
WITH made AS (
    INSERT INTO {self.table} ({names}) SELECT {names} FROM incoming
    ON CONFLICT (id) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in self.content)},
        version = {self.table}.version + 1, updated_at = now()
    WHERE ({", ".join(f"{self.table}.{name}" for name in self.content)})
          IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in self.content)}) {self.untouchable}
    RETURNING id, xmax = 0 AS created)
INSERT INTO touched SELECT id, created FROM made"""

    def _adopt(self, child: Child) -> str:
        names = ", ".join(child.columns)
        return f"""
WITH fresh AS (
    INSERT INTO {child.table} ({names}) SELECT {names} FROM incoming_{child.table}
    ON CONFLICT DO NOTHING RETURNING {child.owner} AS id),
made AS (
    UPDATE {self.table} SET {self.adopted(child)} version = version + 1, updated_at = now()
    WHERE id IN (SELECT id FROM fresh) AND id NOT IN (SELECT id FROM touched) RETURNING id)
INSERT INTO touched SELECT id, false FROM made"""

    def adopted(self, child: Child) -> str:  # noqa: ARG002 - for overriders
        """Assignments to a record that was not changed otherwise and got a new child."""
        return ""


def faults_of(reason: ValidationError, loader: Loader, record: Any) -> list[tuple[str, str]]:
    """What pydantic found, with the names of the file."""
    return [
        (loader.field_of(record, error["loc"]), error["msg"])
        for error in reason.errors(include_url=False, include_context=False, include_input=False)
    ]
