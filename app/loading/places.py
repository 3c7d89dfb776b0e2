"""Cities with their memberships, and networks."""

import json
from collections.abc import Sequence
from typing import ClassVar

from app.database import Connection
from app.feed import mark
from app.loading.bulk import Child, Loader, Prepared
from app.loading.records import CityRecord, NetworkRecord
from app.loading.sources import Entry


class CityLoader(Loader):
    """Cities; a city becomes a member of the exchange when it gets a client, not by a file."""

    table = "city"
    content = (
        "name", "names", "kind", "country", "latitude", "longitude", "population", "roles", "languages", "mandates",
        "un_locode", "geonames_id", "wikidata_id", "website",
    )  # fmt: skip
    children: ClassVar[tuple[Child, ...]] = (Child("membership", "city_id", ("city_id", "network_id", "role")),)
    beside = ("search_term",)

    async def begin(self, connection: Connection) -> None:
        """Learn which networks there are."""
        await super().begin(connection)
        self._networks = {row["id"] for row in await connection.fetch("SELECT id FROM network")}

    def prepare(self, entry: Entry) -> Prepared:
        """Check one city."""
        city = CityRecord.model_validate(entry.record)
        values = city.model_dump(exclude={"networks"})
        values["names"] = json.dumps(city.names, ensure_ascii=False)
        known = [network for network in city.networks if network in self._networks]
        for network in set(city.networks) - self._networks:
            self.warnings[f"network {network} is not known: memberships of it were left out"] += 1
        return Prepared(entry, city.id, values, {"membership": [(network, "member") for network in known]})

    async def write(self, connection: Connection, chunk: Sequence[Prepared]) -> tuple[int, int]:
        """Write a chunk, and mark the records that show a city which was changed: its name may be new."""
        created, updated = await super().write(connection, chunk)
        if updated:
            changed = "SELECT id FROM touched WHERE NOT created"
            practices = f"""FROM practice p WHERE p.status = 'published' AND p.visibility = 'public'
                AND (p.city_id IN ({changed}) OR p.partner_cities && ARRAY({changed}))"""
            requests = f"""FROM exchange_request r JOIN feed f ON f.type = 'exchange_request' AND f.id = r.id::text
                WHERE r.city_id IN ({changed})"""
            await connection.execute(mark("practice", practices, id_="p.id", version="p.version"))
            await connection.execute(mark("exchange_request", requests, id_="r.id", version="f.version", op="f.op"))
        return created, updated


class NetworkLoader(Loader):
    """Networks."""

    table = "network"
    content = ("name", "abbreviation", "kind", "website", "founded", "scope", "description", "review_policy")

    def prepare(self, entry: Entry) -> Prepared:
        """Check one network."""
        network = NetworkRecord.model_validate(entry.record)
        return Prepared(entry, network.id, network.model_dump())
