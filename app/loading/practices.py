"""Practices, as files of our own and as the API shows them."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, get_args
from uuid import UUID

from pydantic import Field, TypeAdapter

from app.database import Connection
from app.fields import HttpUrl, Identifier, Input, MomentIn, PracticeStatus, Slug
from app.identifiers import uuid7
from app.loading.bulk import Child, Loader, Prepared, RefusedError
from app.loading.records import bare_codes
from app.loading.sources import Entry
from app.resources.practices.schemas import PracticeCreate
from app.visibility import PUBLIC

LOADABLE = ("draft", "changes_requested", "published", "archived")
DERIVED = frozenset(
    {"adoption_count", "endorsements", "networks", "successor", "allowed_transitions", "translations"}
    | {"gcm_source_listed", "highlight"}
)
PLAIN = (
    "title", "summary", "challenge", "description", "results", "lessons", "what_failed", "conditions", "language",
    "tags", "keywords", "license", "city_id", "partner_cities", "year_start", "year_end", "stage", "budget_band",
    "staff_fte", "months_to_implement", "beneficiaries", "evidence_level", "offers", "accepting_exchanges",
    "visibility",
)  # fmt: skip
NESTED = ("resources", "implementers", "indicators")
CALLED_IN_FILE = {
    "indicators": "outcomes",
    "resources": "source_url",
    "tags": "themes",
    "name": "indicator",
}
_external_id = TypeAdapter(Identifier)


class Standing(Input):
    """What a file tells of a practice that no client may write."""

    id: UUID | None = None
    external_id: Identifier | None = None
    status: PracticeStatus = "published"
    created_at: MomentIn | None = None
    updated_at: MomentIn | None = None
    published_at: MomentIn | None = None
    last_verified_at: MomentIn | None = None
    version: int = Field(default=1, ge=1, le=2_000_000_000)
    origins: list["OriginRecord"] = []


class OriginRecord(Input):
    """A network that brought the record in."""

    network: Slug
    external_id: Identifier
    url: HttpUrl | None = None
    last_synced_at: MomentIn | None = None


class PracticeLoader(Loader):
    """Practices. `scheme` names the system whose external ids the file has, `network` the network that brings it."""

    table = "practice"
    beside = ("practice_search",)
    content = (*PLAIN, *NESTED, "contact_unit", "contact_email")
    on_creation = (
        "networks", "status", "claimed", "created_at", "updated_at", "published_at", "listed_at",
        "last_verified_at", "version",
    )  # fmt: skip
    children: ClassVar[tuple[Child, ...]] = (
        Child("practice_external_id", "practice_id", ("practice_id", "scheme", "value", "url")),
        Child("practice_origin", "practice_id", ("practice_id", "network_id", "external_id", "url")),
    )
    untouchable = "AND practice.status NOT IN ('withdrawn', 'merged')"
    feed_source = (
        f"WHERE ({PUBLIC}) OR EXISTS (SELECT FROM feed f WHERE f.type = 'practice' AND f.id = r.id::text)"
    )  # fmt: skip
    feed_op = f"CASE WHEN {PUBLIC} THEN 'upsert' ELSE 'delete' END"

    def __init__(self, scheme: str, network: str | None) -> None:
        """Begin for one file."""
        super().__init__()
        self.scheme = network or scheme
        self.network = network
        self._now = datetime.now(UTC)

    async def begin(self, connection: Connection) -> None:
        """Learn which tags, cities and networks there are."""
        await super().begin(connection)
        self._tags = {row["id"] for row in await connection.fetch("SELECT id FROM tag")}
        self._cities = {row["id"] for row in await connection.fetch("SELECT id FROM city")}
        self._networks = {row["id"] for row in await connection.fetch("SELECT id FROM network")}
        if self.network is not None and self.network not in self._networks:
            raise RefusedError(("--network", f"There is no network {self.network}."))

    def prepare(self, entry: Entry) -> Prepared:
        """Check one practice."""
        if not isinstance(entry.record, dict):
            raise RefusedError(("", "A practice is an object."))
        record = {name: value for name, value in entry.record.items() if name not in DERIVED}
        standing = Standing.model_validate({name: record.pop(name) for name in Standing.model_fields if name in record})
        members = self._translate(record)
        practice = PracticeCreate.model_validate(record)
        self._check(practice, standing, members)
        return self._prepared(entry, practice, standing)

    def field_of(self, record: Any, location: tuple[Any, ...]) -> str:
        """The name of a field as the file has it."""
        names = record if isinstance(record, dict) else {}
        if location and location[0] == "tags" and "tags" not in names:
            return ".".join(name for name in ("themes", "target_groups", "gcm_objectives") if name in names)[:80]
        if location and CALLED_IN_FILE.get(str(location[0])) in names:
            return ".".join(CALLED_IN_FILE.get(str(part), str(part)) for part in location)
        return super().field_of(record, location)

    def _translate(self, record: dict[str, Any]) -> dict[str, str]:
        """Turn the members of our own files into those of the wire; gives the member that each tag comes from."""
        codes = bare_codes(record)
        if codes:
            record["tags"] = list(dict.fromkeys([*(record.get("tags") or []), *(tag for tag, _ in codes)]))
        if "formats" in record:
            formats = record.pop("formats") or []
            record["offers"] = [code if ":" in str(code) else f"format:{code}" for code in formats]
        if "city_id" in record:
            record.pop("city", None)
        _translate_sources(record)
        if isinstance(outcomes := record.pop("outcomes", None), list):
            record["indicators"] = [
                {"name" if name == "indicator" else name: value for name, value in outcome.items()}
                if isinstance(outcome, dict)
                else outcome
                for outcome in outcomes
            ]
        if isinstance(implementers := record.get("implementers"), list):
            record["implementers"] = [{"name": who} if isinstance(who, str) else who for who in implementers]
        if isinstance(partners := record.get("partner_cities"), list):
            ids = [partner.get("id") if isinstance(partner, dict) else partner for partner in partners]
            known = [partner for partner in ids if partner in self._cities]
            for unknown in [partner for partner in ids if partner not in self._cities]:
                self.warnings[f"partner city {unknown or 'without id'} is not known: left out"] += 1
            record["partner_cities"] = list(dict.fromkeys(known))
        for member in [name for name, value in record.items() if value is None]:
            del record[member]
        return dict(codes)

    def _check(self, practice: PracticeCreate, standing: Standing, members: dict[str, str]) -> None:
        faults = [
            (members.get(tag, "tags"), f"There is no tag {tag}.") for tag in practice.tags if tag not in self._tags
        ]
        faults += [("offers", f"There is no tag {tag}.") for tag in practice.offers if tag not in self._tags]
        if practice.city_id is None:
            faults.append(("city_id", "The city is missing."))
        elif practice.city_id not in self._cities:
            faults.append(("city_id", f"There is no city {practice.city_id}."))
        kind, _, network = practice.visibility.partition(":")
        if kind == "network" and network not in self._networks:
            faults.append(("visibility", f"There is no network {network}."))
        if standing.status not in LOADABLE:
            faults.append(("status", f"Practices are loaded as {', '.join(LOADABLE)}, not as {standing.status}."))
        if standing.status in {"published", "archived"} and practice.summary is None:
            faults.append(("summary", "A published practice has a summary."))
        if faults:
            raise RefusedError(*faults)

    def _prepared(self, entry: Entry, practice: PracticeCreate, standing: Standing) -> Prepared:
        values = {name: getattr(practice, name) for name in PLAIN}
        for name in NESTED:
            parts = [part.model_dump(mode="json") for part in getattr(practice, name)]
            values[name] = json.dumps(parts, ensure_ascii=False)
        contact = practice.contact
        values |= {"contact_unit": contact and contact.unit, "contact_email": contact and contact.email}
        created_at = standing.created_at or standing.published_at or self._now
        is_out = standing.status in {"published", "archived"}
        published_at = standing.published_at or (created_at if is_out else None)
        origins = [(o.network, o.external_id, o.url) for o in standing.origins if o.network in self._networks]
        if self.network is not None and standing.external_id:
            origins.append((self.network, standing.external_id, None))
        values |= {
            "networks": list(dict.fromkeys(network for network, _, _ in origins)),
            "status": standing.status,
            "claimed": True,
            "created_at": created_at,
            "updated_at": standing.updated_at or created_at,
            "published_at": published_at,
            "listed_at": published_at or created_at,
            "last_verified_at": standing.last_verified_at,
            "version": standing.version,
        }
        identities = [(entry.scheme, entry.value, entry.url) for entry in practice.external_ids]
        if standing.external_id:
            identities.insert(0, (self.scheme, standing.external_id, None))
        if not identities and standing.id is None:
            identities = [("load", _fingerprint(practice), None)]
        key = standing.id or identities[0][:2]
        children = {"practice_external_id": list(dict.fromkeys(identities)), "practice_origin": origins}
        return Prepared(entry, key, values, children)

    async def identify(self, connection: Connection, chunk: Sequence[Prepared]) -> None:
        """Find the practices that carry these external ids already; give the others an id."""
        keys = [record.key for record in chunk if isinstance(record.key, tuple)]
        schemes, names = [scheme for scheme, _ in keys], [value for _, value in keys]
        rows = await connection.fetch(
            "SELECT x.scheme, x.value, x.practice_id FROM unnest($1::text[], $2::text[]) k (scheme, value)"
            " JOIN practice_external_id x USING (scheme, value)"
            " UNION SELECT o.network_id, o.external_id, o.practice_id"
            " FROM unnest($1::text[], $2::text[]) k (scheme, value)"
            " JOIN practice_origin o ON o.network_id = k.scheme AND o.external_id = k.value AND k.scheme = $3",
            schemes,
            names,
            self.network,
        )
        known = {(row["scheme"], row["value"]): row["practice_id"] for row in rows}
        for record in chunk:
            record.values["id"] = record.key if isinstance(record.key, UUID) else known.get(record.key) or uuid7()

    def adopted(self, child: Child) -> str:
        """A practice is also of every network that newly brings it in."""
        if child.table != "practice_origin":
            return ""
        return (
            "networks = (SELECT array_agg(DISTINCT n ORDER BY n) FROM (SELECT unnest(practice.networks) AS n UNION"
            " SELECT o.network_id FROM incoming_practice_origin o WHERE o.practice_id = practice.id) all_of_them),"
        )


def _translate_sources(record: dict[str, Any]) -> None:
    name, first, more = (record.pop(member, None) for member in ("source_name", "source_url", "more_source_urls"))
    links = [link for link in [first, *(more if isinstance(more, list) else [])] if link]
    if links:
        title = name[:150] if isinstance(name, str) and name else "Source"
        sources = [{"title": title, "url": link, "kind": "source"} for link in dict.fromkeys(links)]
        record["resources"] = [*(record.get("resources") or []), *sources]


def _fingerprint(practice: PracticeCreate) -> str:
    """An identity for a record without any, so that loading its file again does not double it."""
    return hashlib.sha256(f"{practice.city_id}\n{practice.title}".encode()).hexdigest()[:32]


assert set(LOADABLE) <= set(get_args(PracticeStatus))  # noqa: S101 - the two lists belong together
