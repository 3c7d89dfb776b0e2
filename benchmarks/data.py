"""The seeded data set: practices by the thousand, put together from the sentences of the samples, loaded by COPY."""

import asyncio
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

import asyncpg

from app.database import Connection
from app.feed import mark, tick
from app.loading import load_samples, load_vocabularies
from app.loading.loader import DATA
from app.migrating import upgrade
from app.resources.practices.facets.refresh import refresh_facets
from app.resources.practices.kept import keep_documents
from app.schema import grant_role
from app.visibility import PUBLIC_PRACTICE

SEED = 20_260_301
CHUNK = 5_000
# What a plain search would have: without it, it would be no rival.
PLAIN_SEARCH = """CREATE INDEX IF NOT EXISTS plain_search ON practice USING gin (
    to_tsvector('english'::regconfig, title || ' ' || coalesce(summary, '')))
    WHERE status = 'published' AND visibility = 'public'"""
# More than so many practices are copies of these with ids and times of their own: their search vectors, which take
# PostgreSQL two milliseconds each, are copied too.
WRITTEN = 10_000
NEWEST = datetime(2026, 3, 1, tzinfo=UTC)
SPAN = timedelta(days=5 * 365)
STAGES = ("planned", "pilot", "ongoing", "mainstreamed", "completed", "discontinued")
BANDS = ("under_10k", "10k_50k", "50k_250k", "250k_1m", "1m_5m", "over_5m")
NEW_ID = """overlay(overlay(p.id::text placing substr(md5(p.id::text || $1::int), 1, 3) from 16)
    placing substr(md5(p.id::text || $1::int), 4, 12) from 25)::uuid"""
LATER = "p.{} + interval '1 second' * $1"
ANEW = {
    "id": "a.new_id",
    "title": "p.title || ' copy ' || $1",
    **{name: LATER.format(name) for name in ("created_at", "updated_at", "published_at", "listed_at")},
}
LANGUAGES = ("en", "en", "en", "en", "fr", "es", "es", "ar", "pt", "it", "de", "el")
# A tenth is nobody's business but its members' or its city's, so that reads have something to leave out.
STANDINGS = (*[("published", "public")] * 18, ("published", "members"), ("draft", "public"))


def prepare(url: str, role: str, records: int) -> None:
    """Migrate a database and fill it with vocabularies, sample cities and so many practices; a full one is kept.

    Args:
        url: the database, which exists.
        role: the role of the running service.
        records: how many practices there shall be beside the samples.
    """
    upgrade(url)
    if not asyncio.run(_is_full(url, records)):
        asyncio.run(_fill(url, role, records))
    asyncio.run(_settle(url, role))


async def _is_full(url: str, records: int) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval("SELECT count(*) FROM practice") > records)
    finally:
        await connection.close()


async def _fill(url: str, role: str, records: int) -> None:
    await grant_role(url, role)
    await load_vocabularies(url)
    await load_samples(url)
    connection = await asyncpg.connect(url, server_settings={"timezone": "UTC", "synchronous_commit": "off"})
    try:
        # What an earlier run left half-done.
        await connection.execute("DELETE FROM practice WHERE title LIKE '% no. %'")
        await _copy(connection, min(records, WRITTEN))
        await _multiply(connection, records // WRITTEN)
        await _publish(connection)
    finally:
        await connection.close()


async def _settle(url: str, role: str) -> None:
    """Let the tasks by the clock do now what they would do within minutes, and tidy up."""
    await grant_role(url, role)
    connection = await asyncpg.connect(url, server_settings={"timezone": "UTC", "synchronous_commit": "off"})
    try:
        await connection.execute(PLAIN_SEARCH)
        done = 0
        for task in (keep_documents, partial(refresh_facets, least=1)):
            left = 1
            while left:
                async with connection.transaction():
                    left = await task(connection)
                done += left
        if done:
            await connection.execute("VACUUM (ANALYZE)")
            await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def _copy(connection: Connection, records: int) -> None:
    cities = [row["id"] for row in await connection.fetch("SELECT id FROM city ORDER BY id")]
    tags: dict[str, list[str]] = {}
    for row in await connection.fetch("SELECT scheme, id FROM tag ORDER BY id"):
        tags.setdefault(row["scheme"], []).append(row["id"])
    practices = Practices(cities, tags, records)
    while chunk := list(islice(practices, CHUNK)):
        await connection.copy_records_to_table(
            "practice", records=[tuple(record.values()) for record in chunk], columns=list(chunk[0])
        )
        identities = [
            (record["id"], "bench", f"bench-{record['id']}") for record in chunk if practices.random.random() < 1 / 3
        ]
        await connection.copy_records_to_table(
            "practice_external_id", records=identities, columns=["practice_id", "scheme", "value"]
        )


async def _multiply(connection: Connection, times: int) -> None:
    """Copy what was written until there is so many times as much; indexes are made anew afterwards, which is faster."""
    if times < 2:  # noqa: PLR2004 - it is there once
        return
    indexes = await connection.fetch(
        "SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS made FROM pg_index i"
        " WHERE i.indrelid IN ('practice'::regclass, 'practice_search'::regclass) AND NOT i.indisprimary"
    )
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    for number in range(1, times):
        await _copy_again(connection, number)
    await connection.execute("SET maintenance_work_mem = '1GB'")
    for index in indexes:
        await connection.execute(index["made"])


async def _copy_again(connection: Connection, number: int) -> None:
    """Make a copy of every practice that was written; triggers rest, because what they would make is copied too."""
    names = [
        row["attname"]
        for row in await connection.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'practice'::regclass AND attnum > 0 AND NOT attisdropped"
        )
    ]
    values = [ANEW.get(name, f"p.{name}") for name in names]
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            f"CREATE TEMP TABLE anew ON COMMIT DROP AS SELECT id, {NEW_ID} AS new_id"
            " FROM practice p WHERE title LIKE '% no. %' AND NOT title LIKE '% copy %'",
            number,
        )
        for statement in (
            f"""INSERT INTO practice ({", ".join(names)})
                SELECT {", ".join(values)} FROM anew a JOIN practice p USING (id)""",
            """INSERT INTO practice_search (practice_id, vector)
               SELECT a.new_id, s.vector FROM anew a JOIN practice_search s ON s.practice_id = a.id""",
            """INSERT INTO practice_external_id (practice_id, scheme, value)
               SELECT a.new_id, x.scheme, 'bench-' || a.new_id
               FROM anew a JOIN practice_external_id x ON x.practice_id = a.id WHERE x.scheme = 'bench'""",
            "INSERT INTO facet_dirty (practice_id) SELECT new_id FROM anew",
        ):
            await connection.execute(statement.replace("$1", str(number)))


async def _publish(connection: Connection) -> None:
    """Put what is public into the feed, as writes do it."""
    source = f"FROM practice p WHERE {PUBLIC_PRACTICE}"
    await connection.execute(mark("practice", source, id_="p.id", version="p.version", origin="'city:' || p.city_id"))
    given = 1
    while given:
        async with connection.transaction():
            given = await tick(connection)


class Practices(Iterator[dict[str, Any]]):
    """Rows of the table `practice`, oldest first; the same ones for the same arguments."""

    def __init__(self, cities: list[str], tags: dict[str, list[str]], records: int) -> None:
        self.random = random.Random(SEED)  # noqa: S311 - a data set, no secret
        samples = json.loads((DATA / "practices.json").read_text(encoding="utf-8"))
        self._titles = [sample["title"] for sample in samples]
        self._sentences = [
            f"{sentence.strip('. ')}." for sample in samples for sentence in sample["summary"].split(". ")
        ]
        self._words = sorted({word for sentence in self._sentences for word in sentence.split() if word.isalpha()})
        self._cities = cities
        self._tags = tags
        self._records = records
        self._number = 0
        # A few cities and topics have much, most have little.
        self._city_weights = [1 / (rank + 3) for rank in range(len(cities))]
        self._theme_weights = [1 / (rank + 3) for rank in range(len(tags["theme"]))]
        self.random.shuffle(self._cities)

    def __next__(self) -> dict[str, Any]:
        if self._number == self._records:
            raise StopIteration
        self._number += 1
        made_at = NEWEST - SPAN * (1 - self._number / self._records)
        status, visibility = self.random.choice(STANDINGS)
        year = made_at.year - self.random.randrange(8)
        return {
            "id": self._id(made_at),
            "title": f"{self.random.choice(self._titles)[:120]} no. {self._number}",
            "summary": self._text(2, 4)[:800],
            **{name: self._text(3, 9) for name in ("challenge", "description", "results")},
            "lessons": self._text(1, 4),
            "language": self.random.choice(LANGUAGES),
            "tags": self._tags_of_one(),
            "keywords": sorted(set(self.random.choices(self._words, k=3))),
            "resources": self._resources(),
            "city_id": self.random.choices(self._cities, self._city_weights)[0],
            "partner_cities": self.random.sample(self._cities, 2) if self.random.random() < 1 / 10 else [],
            "implementers": '[{"name": "City administration", "kind": "municipality"}]',
            "contact_unit": "Office for newcomers",
            "contact_email": "newcomers@city.example",
            "year_start": year,
            "year_end": year + 3 if self.random.random() < 1 / 3 else None,
            "stage": self.random.choice(STAGES),
            "budget_band": self.random.choice(BANDS),
            "beneficiaries": self.random.randrange(20, 20_000),
            "indicators": self._indicators(year),
            "evidence_level": self.random.randrange(6),
            "offers": self.random.sample(self._tags["format"], 2) if self.random.random() < 1 / 2 else [],
            "status": status,
            "visibility": visibility,
            "created_at": made_at,
            "updated_at": made_at,
            "published_at": made_at if status == "published" else None,
            "listed_at": made_at,
        }

    def _id(self, made_at: datetime) -> UUID:
        milliseconds = int(made_at.timestamp() * 1000)
        return UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | self.random.getrandbits(62))

    def _text(self, least: int, most: int) -> str:
        return " ".join(self.random.choices(self._sentences, k=self.random.randint(least, most)))

    def _tags_of_one(self) -> list[str]:
        themes = self.random.choices(self._tags["theme"], self._theme_weights, k=2)
        others = [self.random.choice(self._tags[scheme]) for scheme in ("gcm", "group")]
        return list(dict.fromkeys([*themes, *others]))

    def _resources(self) -> str:
        link = {"title": "Report", "url": f"https://city.example/reports/{self._number}", "kind": "report"}
        return json.dumps([{**link, "language": "en"}])

    def _indicators(self, year: int) -> str:
        figure = {"name": "people reached", "value": self.random.randrange(20, 20_000), "unit": "people"}
        return json.dumps([{**figure, "year": year, "source_url": None}])
