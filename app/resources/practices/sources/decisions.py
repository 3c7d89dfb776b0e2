"""What is decided about a record that a network brings in, from what the database has of it. Pure functions."""

from typing import Any, Literal
from uuid import UUID

from app.identifiers import uuid7
from app.resources.practices.lifecycle import FINAL, NEVER_PUBLISHED
from app.resources.practices.sources.known import Known
from app.resources.practices.sources.records import Record
from app.resources.practices.sources.schemas import BIRTH_SCHEME

Todo = Literal["create", "update", "link"]
BORN_HERE = "born_here"


def todo(record: Record, known: Known) -> Todo | None:
    """What has to be done with a record; None where nothing is, because of what the record itself says then."""
    if not _refers_well(record, known) or not _is_foreign(record, known):
        return None
    if own := known.own.get(record.external_id):
        return "update" if _may_update(record, own, known) else None
    if found := _found(record, known):
        return "link" if _may_link(record, found) else None
    record.id, record.result = uuid7(), "created"
    return "create"


def _refers_well(record: Record, known: Known) -> bool:
    body = record.body
    for name, values, there in (
        ("tags", body.tags, known.tags),
        ("offers", body.offers, known.formats),
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


def _is_foreign(record: Record, known: Known) -> bool:
    """Whether it is no copy of a record of ours, come home."""
    for place, entry in enumerate(record.body.external_ids):
        if entry.scheme == BIRTH_SCHEME and entry.value in known.born_here:
            record.refuse("conflict", f"/external_ids/{place}", BORN_HERE, "The record was made here.")
            return False
    return True


def _may_update(record: Record, own: list[Any], known: Known) -> bool:
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


def moves(record: Record, known: Known) -> bool:
    """Whether an update changes by which identities and address the record is known."""
    _, url, _, _, _, identities = known.own[record.external_id]
    given = [[entry.scheme, entry.value, entry.url] for entry in record.body.external_ids]
    return bool((identities or []) != given or url != record.body.source_url)


def _found(record: Record, known: Known) -> list[Any] | None:
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
