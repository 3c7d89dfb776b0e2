"""Upserts of what a network brings in: a batch is looked up and written by a few statements, however large it is."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.audit import audited
from app.caller import Actor
from app.database import Arguments, Connection
from app.resources.practices.feed import marked
from app.resources.practices.lifecycle import FINAL, NEVER_PUBLISHED
from app.resources.practices.sources.schemas import BIRTH_SCHEME, SourcePractice
from app.tables.base import uuid7
from app.timeline import EACH_ITS_OWN, step

Key = tuple[str, str, str]
NESTED = ("resources", "implementers", "indicators")
CONTENT = (
    "title", "summary", "challenge", "description", "results", "lessons", "what_failed", "conditions", "language",
    "tags", "keywords", "resources", "license", "city_id", "partner_cities", "implementers", "contact_unit",
    "contact_email", "year_start", "year_end", "stage", "budget_band", "staff_fte", "months_to_implement",
    "beneficiaries", "indicators", "evidence_level", "offers", "accepting_exchanges", "visibility",
)  # fmt: skip
BORN_HERE = "born_here"
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BUCKETS = 64
# Whoever brings in a record holds the buckets of its identities until it is committed, so that two networks that bring
# the same one at once make one record of it. In one order, so that nobody waits for each other.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('practice-exchange sources'), b) FROM unnest($1::int[]) AS b ORDER BY b"
LOOK_UP = """
SELECT
    (SELECT coalesce(json_agg(json_build_array(o.external_id, o.linked, o.url, p.id, p.claimed, p.status,
        (SELECT json_agg(json_build_array(x.scheme, x.value, x.url) ORDER BY x.id)
         FROM practice_external_id x WHERE x.practice_id = p.id))), '[]')::text
     FROM practice_origin o JOIN practice p ON p.id = o.practice_id
     WHERE o.network_id = $1 AND o.external_id = ANY ($2::text[])) AS own,
    (SELECT coalesce(json_agg(json_build_array(x.scheme, x.value, p.id, p.status, p.claimed,
        (SELECT o.external_id FROM practice_origin o WHERE o.practice_id = p.id AND o.network_id = $1))), '[]')::text
     FROM unnest($3::text[], $4::text[]) k (scheme, value) JOIN practice_external_id x USING (scheme, value)
     JOIN practice p ON p.id = x.practice_id) AS identities,
    (SELECT coalesce(json_agg(json_build_array(o.url, p.id, p.status, p.claimed,
        (SELECT m.external_id FROM practice_origin m WHERE m.practice_id = p.id AND m.network_id = $1))
        ORDER BY o.url, o.network_id, o.external_id), '[]')::text
     FROM practice_origin o JOIN practice p ON p.id = o.practice_id WHERE o.url = ANY ($5::text[])) AS addresses,
    ARRAY(SELECT id::text FROM practice WHERE id = ANY ($9::uuid[])) AS born_here,
    ARRAY(SELECT id FROM tag WHERE id = ANY ($6::text[])) AS tags,
    ARRAY(SELECT id FROM city WHERE id = ANY ($7::text[])) AS cities,
    ARRAY(SELECT id FROM network WHERE id = ANY ($8::text[])) AS networks"""

HELD = """
SELECT o.external_id, x.scheme, x.value, o.url FROM practice_origin o
LEFT JOIN practice_external_id x ON x.practice_id = o.practice_id
WHERE o.network_id = $1 AND o.external_id = ANY ($2::text[])"""


@dataclass(slots=True)
class Record:
    """One record of a batch, and what became of it."""

    external_id: str
    body: SourcePractice
    result: str = "invalid"
    id: UUID | None = None
    errors: list[dict[str, str]] = field(default_factory=list)

    @property
    def keys(self) -> set[Key]:
        """Everything that tells which record this is."""
        found: set[Key] = {("external id", entry.scheme, entry.value) for entry in self.body.external_ids}
        found.add(("own id", "", self.external_id))
        if self.body.source_url:
            found.add(("address", "", self.body.source_url))
        return found

    def refuse(self, result: str, pointer: str, code: str, detail: str) -> None:
        """Leave it out, for this reason."""
        self.result = result
        self.errors.append({"pointer": pointer, "code": code, "detail": detail})


async def upsert(
    connection: Connection, actor: Actor, network: str, records: Sequence[Record], *, locked: bool = True
) -> None:
    """Bring the records in, inside the caller's transaction, as if one by one; each says then what became of it.

    Args:
        connection: with its transaction.
        actor: who brings them in.
        network: for which network.
        records: checked in themselves; what they refer to is checked here.
        locked: False for a trial, which nobody has to wait for.
    """
    policy = await connection.fetchval("SELECT review_policy FROM network WHERE id = $1", network)
    if locked:
        await connection.execute(LOCK, sorted({_bucket(network, key) for record in records for key in record.keys}))
    for batch in _independent(records, await _held(connection, network, records)):
        await _upsert(connection, actor, network, batch, is_reviewed=policy == "review")


def _bucket(network: str, key: Key) -> int:
    named = (network, *key) if key[0] == "own id" else key
    return sum("\0".join(named).encode()) % BUCKETS


async def _held(connection: Connection, network: str, records: Sequence[Record]) -> dict[str, set[Key]]:
    """The identities that the network's own records hold until now: an update may set them free for another line."""
    held: dict[str, set[Key]] = {}
    rows = await connection.fetch(HELD, network, [record.external_id for record in records])
    for external_id, scheme, value, url in rows:
        keys = held.setdefault(external_id, set())
        if scheme is not None:
            keys.add(("external id", scheme, value))
        if url is not None:
            keys.add(("address", "", url))
    return held


def _independent(records: Sequence[Record], held: dict[str, set[Key]]) -> list[list[Record]]:
    """The records in batches of which none has two that may meet; those that may keep their order."""
    batches: list[list[Record]] = []
    last: dict[Key, int] = {}
    for record in records:
        keys = held[record.external_id] = record.keys | held.get(record.external_id, set())
        number = max((last.get(key, -1) for key in keys), default=-1) + 1
        if number == len(batches):
            batches.append([])
        batches[number].append(record)
        last.update(dict.fromkeys(keys, number))
    return batches


@dataclass(slots=True)
class _Known:
    """What the database has of a batch."""

    own: dict[str, list[Any]]  # linked, url, practice, claimed, status, identities
    identities: dict[tuple[str, str], list[Any]]
    addresses: dict[str, list[Any]]
    tags: set[str]
    cities: set[str]
    networks: set[str]
    born_here: set[str]


async def _look_up(connection: Connection, network: str, batch: list[Record]) -> _Known:
    bodies = [record.body for record in batch]
    identities = [(entry.scheme, entry.value) for body in bodies for entry in body.external_ids]
    row = await connection.fetchrow(
        LOOK_UP,
        network,
        [record.external_id for record in batch],
        [scheme for scheme, _ in identities],
        [value for _, value in identities],
        [body.source_url for body in bodies if body.source_url],
        list({tag for body in bodies for tag in (*body.tags, *body.offers)}),
        list({city for body in bodies for city in (body.city_id, *body.partner_cities)}),
        [body.visibility.partition(":")[2] for body in bodies],
        [value for scheme, value in identities if scheme == BIRTH_SCHEME and UUID_TEXT.fullmatch(value)],
    )
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    addresses: dict[str, list[Any]] = {}
    for url, *found in json.loads(row["addresses"]):
        if found[1] not in FINAL:
            addresses.setdefault(url, found)
    return _Known(
        {external_id: found for external_id, *found in json.loads(row["own"])},
        {(scheme, value): found for scheme, value, *found in json.loads(row["identities"])},
        addresses,
        set(row["tags"]),
        set(row["cities"]),
        set(row["networks"]),
        set(row["born_here"]),
    )


async def _upsert(
    connection: Connection, actor: Actor, network: str, batch: list[Record], *, is_reviewed: bool
) -> None:
    known = await _look_up(connection, network, batch)
    sorted_out: dict[str, list[Record]] = {"create": [], "update": [], "link": []}
    for record in batch:
        if todo := _todo(record, known):
            sorted_out[todo].append(record)
    if created := sorted_out["create"]:
        await _create(connection, actor, network, created, is_reviewed=is_reviewed)
    if changed := sorted_out["update"]:
        hanging = {
            record.id
            for record in changed
            if record.id
            and [known.own[record.external_id][n] for n in (5, 1)] != [_identities(record), record.body.source_url]
        }
        await _update(connection, actor, network, changed, hanging, is_reviewed=is_reviewed)
    if linked := sorted_out["link"]:
        await _link(connection, actor, network, linked)


def _todo(record: Record, known: _Known) -> str | None:
    """What has to be done with a record; None where nothing is, because of what the record itself says then."""
    if not _refers_well(record, known) or not _is_foreign(record, known):
        return None
    if own := known.own.get(record.external_id):
        return "update" if _may_update(record, own, known) else None
    if found := _found(record, known):
        return "link" if _may_link(record, found) else None
    record.id, record.result = uuid7(), "created"
    return "create"


def _refers_well(record: Record, known: _Known) -> bool:
    body = record.body
    for name, values, there in (
        ("tags", body.tags, known.tags),
        ("offers", body.offers, {tag for tag in known.tags if tag.startswith("format:")}),
        ("partner_cities", body.partner_cities, known.cities),
    ):
        for place, value in enumerate(values):
            if value not in there:
                record.refuse("invalid", f"/{name}/{place}", "unknown_reference", f"{value} is not known.")
    if body.city_id not in known.cities:
        record.refuse("invalid", "/city_id", "unknown_reference", f"{body.city_id} is not known.")
    kind, _, viewers = body.visibility.partition(":")
    if kind == "network" and viewers not in known.networks:
        record.refuse("invalid", "/visibility", "unknown_reference", f"{body.visibility} is not known.")
    return not record.errors


def _is_foreign(record: Record, known: _Known) -> bool:
    """Whether it is no copy of a record of ours, come home."""
    for place, entry in enumerate(record.body.external_ids):
        if entry.scheme == BIRTH_SCHEME and entry.value in known.born_here:
            record.refuse("conflict", f"/external_ids/{place}", BORN_HERE, "The record was made here.")
            return False
    return True


def _identities(record: Record) -> list[list[str | None]] | None:
    return [[entry.scheme, entry.value, entry.url] for entry in record.body.external_ids] or None


def _may_update(record: Record, own: list[Any], known: _Known) -> bool:
    linked, _, id_, claimed, status, _ = own
    record.id = UUID(id_)
    if linked:
        record.result = "linked"
        return False
    if claimed:
        record.refuse("conflict", "", "claimed", "The city has claimed the record.")
    elif status in FINAL:
        record.refuse("conflict", "", status, f"The record was {status} by its city.")
    elif status not in NEVER_PUBLISHED and record.body.summary is None:
        record.refuse("invalid", "/summary", "missing", "A published practice has a summary.")
    for place, entry in enumerate(record.body.external_ids):
        other = known.identities.get((entry.scheme, entry.value))
        if other and other[0] != id_:
            record.refuse("conflict", f"/external_ids/{place}", "taken", "The identity is another record's.")
    return not record.errors


def _found(record: Record, known: _Known) -> list[Any] | None:
    """The record that another brought in: by an identity, else by its address."""
    for entry in record.body.external_ids:
        if found := known.identities.get((entry.scheme, entry.value)):
            return found
    return known.addresses.get(record.body.source_url or "")


def _may_link(record: Record, found: list[Any]) -> bool:
    id_, status, _, brought_as = found
    record.id = UUID(id_)
    if status in FINAL:
        record.refuse("conflict", "", status, f"The record with this identity was {status}.")
        return False
    if brought_as is not None:
        detail = f"The network has brought this record in as {brought_as}."
        record.refuse("conflict", "", "brought_already", detail)
        return False
    record.result = "linked"
    return True


def _row(record: Record, *, is_reviewed: bool) -> dict[str, Any]:
    body = record.body
    row = body.model_dump(mode="json", include=set(CONTENT))
    contact = body.contact
    out = "submitted" if is_reviewed else "published"
    return {
        **row, "id": str(record.id), "contact_unit": contact and contact.unit,
        "contact_email": contact and contact.email, "status": out if body.status == "published" else "draft",
    }  # fmt: skip


async def _create(
    connection: Connection, actor: Actor, network: str, records: list[Record], *, is_reviewed: bool
) -> None:
    arg = Arguments()
    rows = arg(json.dumps([_row(record, is_reviewed=is_reviewed) for record in records]))
    brought = arg(network)
    await connection.execute(
        f"""
WITH given AS MATERIALIZED (SELECT * FROM json_populate_recordset(NULL::practice, {rows}::json)),
made AS (
    INSERT INTO practice (id, {", ".join(CONTENT)}, status, submitted_to, published_at, networks, claimed)
    SELECT id, {", ".join(CONTENT)}, status, CASE WHEN status = 'submitted' THEN {brought} END,
           CASE WHEN status = 'published' THEN now() END, ARRAY[{brought}::text], false FROM given
    RETURNING id, version, status, visibility),
timed AS ({step(arg, actor, "practice", "status", id_=EACH_ITS_OWN)}),
identified AS ({_identified(records, arg)}),
brought AS ({_origins(records, arg, network)}),
{marked(arg, actor)}
{audited(arg, actor, "created", "practice", "FROM made")}""",
        *arg.values,
    )


async def _update(
    connection: Connection,
    actor: Actor,
    network: str,
    records: list[Record],
    identified: set[UUID],
    *,
    is_reviewed: bool,
) -> None:
    arg = Arguments()
    rows = arg(json.dumps([_row(record, is_reviewed=is_reviewed) for record in records]))
    moved, by_network = arg(list(identified)), arg(network)
    columns = ", ".join(CONTENT)
    hanging = [record for record in records if record.id in identified]
    # A draft goes out when the network says so; back it never comes.
    goes_out = "p.status = 'draft' AND g.status <> 'draft'"
    made = await connection.fetch(
        f"""
WITH given AS MATERIALIZED (SELECT * FROM json_populate_recordset(NULL::practice, {rows}::json)),
leaving AS MATERIALIZED (SELECT g.id FROM given g JOIN practice p ON p.id = g.id WHERE {goes_out}),
made AS (
    UPDATE practice p SET ({columns}) = ({", ".join(f"g.{name}" for name in CONTENT)}),
        status = CASE WHEN {goes_out} THEN g.status ELSE p.status END,
        submitted_to = CASE WHEN {goes_out} AND g.status = 'submitted' THEN {by_network} ELSE p.submitted_to END,
        published_at = CASE WHEN {goes_out} AND g.status = 'published' THEN now() ELSE p.published_at END,
        listed_at = CASE WHEN {goes_out} AND g.status = 'published' THEN now() ELSE p.listed_at END,
        version = p.version + 1, updated_at = now()
    FROM given g WHERE p.id = g.id AND (
        ({", ".join(f"p.{name}" for name in CONTENT)}) IS DISTINCT FROM ({", ".join(f"g.{name}" for name in CONTENT)})
        OR {goes_out} OR p.id = ANY ({moved}::uuid[]))
    RETURNING p.id, p.version, p.status, p.visibility),
timed AS ({
            step(
                arg,
                actor,
                "practice",
                "status",
                start="'draft'",
                source="made JOIN leaving USING (id)",
                id_=EACH_ITS_OWN,
            )
        }),
synced AS (UPDATE practice_origin o SET last_synced_at = now() FROM made
           WHERE o.practice_id = made.id AND o.network_id = {by_network} AND made.id <> ALL ({moved}::uuid[])),
brought AS ({_origins(hanging, arg, network)}),
{marked(arg, actor)},
audited AS ({audited(arg, actor, "updated", "practice", "FROM made")})
SELECT id FROM made""",
        *arg.values,
    )
    if hanging:
        # After the records themselves, so that the versions that these follow are kept with the identities they had.
        arg = Arguments(list(identified))
        gone = "(DELETE FROM practice_external_id WHERE practice_id = ANY ($1::uuid[]) RETURNING id)"
        sql = f"WITH gone AS {gone} {_identified(hanging, arg)} WHERE (SELECT count(*) FROM gone) IS NOT NULL"
        await connection.execute(sql, *arg.values)
    changed = {row["id"] for row in made}
    for record in records:
        record.result = "updated" if record.id in changed else "unchanged"


async def _link(connection: Connection, actor: Actor, network: str, records: list[Record]) -> None:
    arg = Arguments([record.id for record in records])
    ids, urls = arg([record.external_id for record in records]), arg([record.body.source_url for record in records])
    await connection.execute(
        f"""
WITH brought AS (
    INSERT INTO practice_origin (network_id, external_id, practice_id, url, linked)
    SELECT {arg(network)}, g.external_id, g.id, g.url, true
    FROM unnest($1::uuid[], {ids}::text[], {urls}::text[]) AS g (id, external_id, url)),
made AS (
    UPDATE practice p SET version = p.version + 1, updated_at = now(),
        networks = (SELECT array_agg(DISTINCT n ORDER BY n) FROM unnest(p.networks || {arg(network)}::text) AS n)
    WHERE p.id = ANY ($1::uuid[]) RETURNING p.id, p.version, p.status, p.visibility),
{marked(arg, actor)}
{audited(arg, actor, "linked", "practice", "FROM made")}""",
        *arg.values,
    )


def _identified(records: list[Record], arg: Arguments) -> str:
    """The statement that writes the identities of the records."""
    entries = [(record.id, entry) for record in records for entry in record.body.external_ids]
    columns = [
        f"{arg([id_ for id_, _ in entries])}::uuid[]",
        *(f"{arg([getattr(entry, name) for _, entry in entries])}::text[]" for name in ("scheme", "value", "url")),
    ]
    return (
        "INSERT INTO practice_external_id (practice_id, scheme, value, url)"
        f" SELECT x.* FROM unnest({', '.join(columns)}) AS x"
    )


def _origins(records: list[Record], arg: Arguments, network: str) -> str:
    """The statement that says that the network brought the records in."""
    columns = [
        f"{arg([record.id for record in records])}::uuid[]",
        f"{arg([record.external_id for record in records])}::text[]",
        f"{arg([record.body.source_url for record in records])}::text[]",
    ]
    return f"""INSERT INTO practice_origin (practice_id, external_id, url, network_id)
    SELECT o.*, {arg(network)} FROM unnest({", ".join(columns)}) AS o
    ON CONFLICT (network_id, external_id) DO UPDATE SET url = excluded.url, last_synced_at = now()"""
