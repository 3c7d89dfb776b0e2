"""Exchange requests."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from app.database import Connection
from app.identifiers import uuid7
from app.loading.bulk import Loader, Prepared, RefusedError
from app.loading.records import RequestRecord
from app.loading.sources import Entry

LIFETIME = timedelta(days=90)
PLAIN = (
    "kind", "formats", "title", "need", "already_tried", "expected_result", "support_sought", "language", "languages",
    "tags", "city_id", "practice_id", "addressed_to", "costs_covered", "needed_by", "visibility", "external_id",
)  # fmt: skip


class RequestLoader(Loader):
    """Exchange requests, known by their external id or else by their own."""

    table = "exchange_request"
    beside = ("exchange_request_search",)
    content = (*PLAIN, "preferred_countries", "preferred_population_band", "preferred_roles")
    on_creation = ("status", "closed_reason", "outcome", "expires_at", "created_at")
    feed_source = (
        "WHERE r.visibility = 'public' OR EXISTS"
        " (SELECT FROM feed f WHERE f.type = 'exchange_request' AND f.id = r.id::text)"
    )
    feed_op = "CASE WHEN r.visibility = 'public' THEN 'upsert' ELSE 'delete' END"

    async def begin(self, connection: Connection) -> None:
        """Learn what requests may refer to."""
        await super().begin(connection)
        self._tags = {row["id"] for row in await connection.fetch("SELECT id FROM tag")}
        self._cities = {row["id"] for row in await connection.fetch("SELECT id FROM city")}
        networks = await connection.fetch("SELECT id FROM network")
        self._organizations = {"operator", *(f"city:{city}" for city in self._cities)}
        self._organizations |= {f"network:{row['id']}" for row in networks}
        self._now = datetime.now(UTC)

    def prepare(self, entry: Entry) -> Prepared:
        """Check one request."""
        request = RequestRecord.model_validate(entry.record)
        self._check(request)
        values = {name: getattr(request, name) for name in PLAIN}
        identity = request.external_id or (None if request.id else _fingerprint(request))
        values |= {
            "external_id": identity,
            "id_brought": request.id,
            "preferred_countries": request.preferred.countries,
            "preferred_population_band": request.preferred.population_band,
            "preferred_roles": request.preferred.roles,
            "status": request.status,
            "closed_reason": request.closed_reason,
            "outcome": json.dumps(request.outcome) if request.outcome else None,
            "created_at": self._now,
            "expires_at": request.expires_at or self._now + LIFETIME,
            "practice_external_id": request.practice_external_id,
        }
        if values["expires_at"] <= self._now:
            values["created_at"] = values["expires_at"] - LIFETIME
        return Prepared(entry, identity or request.id, values)

    def field_of(self, record: Any, location: tuple[Any, ...]) -> str:
        """The name of a field as the file has it."""
        if location and location[0] == "need" and isinstance(record, dict) and "description" in record:
            return "description"
        return super().field_of(record, location)

    async def identify(self, connection: Connection, chunk: Sequence[Prepared]) -> None:
        """Find the requests and the practices that these external ids stand for."""
        keys = [record.key for record in chunk if isinstance(record.key, str)]
        rows = await connection.fetch(
            "SELECT external_id, id FROM exchange_request WHERE external_id = ANY ($1::text[])", keys
        )
        known = {row["external_id"]: row["id"] for row in rows}
        named = [record.values["practice_external_id"] for record in chunk if record.values["practice_external_id"]]
        practices = await connection.fetch(
            "SELECT DISTINCT ON (value) value, practice_id FROM practice_external_id WHERE value = ANY ($1::text[])"
            " ORDER BY value, scheme = 'sample' DESC, scheme = 'load' DESC, id",
            named,
        )
        practice_of = {row["value"]: row["practice_id"] for row in practices}
        for record in chunk:
            # What is here under the external id keeps the id it has; else a record has the id that it brings.
            record.values["id"] = known.get(record.key) or record.values["id_brought"] or uuid7()
            if wanted := record.values["practice_external_id"]:
                record.values["practice_id"] = practice_of.get(wanted)
                if wanted not in practice_of:
                    self.warnings[f"practice {wanted} is not known: left out"] += 1

    def _check(self, request: RequestRecord) -> None:
        faults = [("tags", f"There is no tag {tag}.") for tag in request.tags if tag not in self._tags]
        faults += [("formats", f"There is no tag {tag}.") for tag in request.formats if tag not in self._tags]
        if request.city_id not in self._cities:
            faults.append(("city_id", f"There is no city {request.city_id}."))
        faults += [
            ("addressed_to", f"There is no organization {organization}.")
            for organization in request.addressed_to
            if organization not in self._organizations
        ]
        if request.visibility == "addressed" and not request.addressed_to:
            faults.append(("addressed_to", "A request that only the addressed see names them."))
        if request.status == "cancelled" and request.closed_reason is None:
            faults.append(("closed_reason", "A cancelled request has a reason."))
        if faults:
            raise RefusedError(*faults)


def _fingerprint(request: RequestRecord) -> str:
    """An identity for a record without any, so that loading its file again does not double it."""
    return "load-" + hashlib.sha256(f"{request.city_id}\n{request.kind}\n{request.title}".encode()).hexdigest()[:32]
