"""What is written of a batch of records, inside the caller's transaction: a few statements, whatever its size."""

import json
from typing import Any
from uuid import UUID

from app.audit import audited
from app.caller import Actor
from app.database import Arguments, Connection
from app.resources.practices.feed import marked
from app.resources.practices.sources.records import Record
from app.timeline import EACH_ITS_OWN, step

CONTENT = (
    "title", "summary", "challenge", "description", "results", "lessons", "what_failed", "conditions", "language",
    "tags", "keywords", "resources", "license", "city_id", "partner_cities", "implementers", "contact_unit",
    "contact_email", "year_start", "year_end", "stage", "budget_band", "staff_fte", "months_to_implement",
    "beneficiaries", "indicators", "evidence_level", "offers", "accepting_exchanges", "visibility",
)  # fmt: skip


async def create(
    connection: Connection, actor: Actor, network: str, records: list[Record], *, is_reviewed: bool
) -> None:
    """Make practices of records that nobody has, each with the id that it was given."""
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


def _row(record: Record, *, is_reviewed: bool) -> dict[str, Any]:
    body = record.body
    row = body.model_dump(mode="json", include=set(CONTENT))
    contact = body.contact
    out = "submitted" if is_reviewed else "published"
    return {
        **row, "id": str(record.id), "contact_unit": contact and contact.unit,
        "contact_email": contact and contact.email, "status": out if body.status == "published" else "draft",
    }  # fmt: skip


async def update(
    connection: Connection,
    actor: Actor,
    network: str,
    records: list[Record],
    identified: set[UUID],
    *,
    is_reviewed: bool,
) -> None:
    """Make practices what their network has them to be; each record says then whether that changed anything.

    Args:
        connection: with its transaction.
        actor: who brings them in.
        network: for which network.
        records: with the ids of their practices.
        identified: the ids of those whose identities or address change.
        is_reviewed: whether the network reviews what it brings in.
    """
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


async def link(connection: Connection, actor: Actor, network: str, records: list[Record]) -> None:
    """Say of practices that another has brought or made that the network has them too."""
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
