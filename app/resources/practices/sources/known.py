"""What is looked up of a batch of records, whatever its size by one statement: what the database has of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.database import Connection
from app.resources.practices.lifecycle import FINAL
from app.resources.practices.sources.records import Key, Record
from app.resources.practices.sources.schemas import BIRTH_SCHEME, UUID_TEXT

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
class Known:
    """What the database has of a batch."""

    own: dict[str, list[Any]]  # linked, url, practice, claimed, status, identities
    identities: dict[tuple[str, str], list[Any]]
    addresses: dict[str, list[Any]]
    tags: set[str]
    formats: set[str]
    cities: set[str]
    networks: set[str]
    born_here: set[str]


async def look_up(connection: Connection, network: str, batch: list[Record]) -> Known:
    """What the database has of the batch's own ids, identities and addresses, and of what its records refer to."""
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
    return Known(
        {external_id: found for external_id, *found in json.loads(row["own"])},
        {(scheme, value): found for scheme, value, *found in json.loads(row["identities"])},
        addresses,
        set(row["tags"]),
        {tag for tag in row["tags"] if tag.startswith("format:")},
        set(row["cities"]),
        set(row["networks"]),
        set(row["born_here"]),
    )


async def held_by(connection: Connection, network: str, records: Sequence[Record]) -> dict[str, set[Key]]:
    """By own id, the identities that records of the network hold until now: an update may set them free for another."""
    held: dict[str, set[Key]] = {}
    rows = await connection.fetch(HELD, network, [record.external_id for record in records])
    for external_id, scheme, value, url in rows:
        keys = held.setdefault(external_id, set())
        if scheme is not None:
            keys.add(("external id", scheme, value))
        if url is not None:
            keys.add(("address", "", url))
    return held
