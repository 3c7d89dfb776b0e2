"""Two harvesters that others wrote follow a running server, whole and in increments, while it is written to."""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import httpx
from oaipmh_scythe import Scythe
from oaipmh_scythe.exceptions import NoRecordsMatch as ScytheFoundNothing
from sickle import Sickle  # type: ignore[import-untyped]  # brings no types
from sickle.oaiexceptions import NoRecordsMatch as SickleFoundNothing  # type: ignore[import-untyped]  # as above

from app.database import Database
from tests.cli.processes import Serving
from tests.factories import make_client
from tests.resources.oai.validity import PX, O, valid

SHELTER, HOUSING, CARDS = "theme:housing-and-shelter", "theme:housing", "theme:municipal-id"
RECORDS, CHANGES = 130, 20
Copy = dict[str, str]


class CheckedSickle(Sickle):  # type: ignore[misc]  # as above
    """Remembers when each answer was made, and whether it is valid."""

    dates: list[str]

    def harvest(self, **arguments: Any) -> Any:
        answer = super().harvest(**arguments)
        self.dates.append(valid(answer.http_response.content).findtext(f"{O}responseDate") or "")
        return answer


class CheckedScythe(Scythe):
    """The same."""

    dates: list[str]

    def harvest(self, query: dict[str, str]) -> Any:
        answer = super().harvest(query)
        self.dates.append(valid(answer.http_response.content).findtext(f"{O}responseDate") or "")
        return answer


class Follower:
    """A copy of the server, or of one of its sets, kept by one harvester: each record's id and its version or title."""

    def __init__(self, harvester: CheckedSickle | CheckedScythe, prefix: str, chosen: str | None) -> None:
        self.harvester, self.prefix, self.chosen = harvester, prefix, chosen
        self.copy: Copy = {}
        self.since: str | None = None

    def follow(self) -> None:
        """Harvest what is new since the last time, from the moment on at which that harvest began."""
        self.harvester.dates = []
        for record in self._records():
            id_ = record.header.identifier.rpartition(":")[2]
            if record.header.deleted:
                self.copy.pop(id_, None)
                continue
            name = f"{PX}version" if self.prefix == "px" else "{http://purl.org/dc/elements/1.1/}title"
            self.copy[id_] = record.xml.findtext(f".//{name}")
        # One of the two keeps to itself an answer in which nothing matches: then it asks from the same moment again.
        self.since = self.harvester.dates[0] if self.harvester.dates else self.since

    def _records(self) -> Iterator[Any]:
        given = {"metadataPrefix": self.prefix, "from": self.since, "set": self.chosen}
        try:
            if isinstance(self.harvester, CheckedSickle):
                yield from self.harvester.ListRecords(**{name: value for name, value in given.items() if value})
            else:
                yield from self.harvester.list_records(self.since, None, self.prefix, self.chosen)
        except (SickleFoundNothing, ScytheFoundNothing):
            return


class Writer:
    """Changes records at random, as the operator may."""

    def __init__(self, url: str, credentials: tuple[str, str], seed: int) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)
        self.pick = random.Random(seed)
        self.log_in(credentials)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def log_in(self, credentials: tuple[str, str]) -> None:
        """Take a token."""
        answer = self.http.post("/oauth/token", auth=credentials, data={"grant_type": "client_credentials"})
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def fill(self) -> None:
        """Bring records in."""
        lines = [
            json.dumps({
                "external_id": f"x{n}", "title": f"Practice {n}", "summary": "S & <s>", "language": "en",
                "city_id": self.pick.choice(["ca-montreal", "gb-bristol", "co-bogota"]),
                "tags": self.pick.choice([[HOUSING], [CARDS], [SHELTER], [HOUSING, CARDS]]),
            })
            for n in range(RECORDS)
        ]  # fmt: skip
        answer = self.http.post(
            "/v1/sources/uclg/practices",
            content="\n".join(lines).encode(),
            headers={"Content-Type": "application/x-ndjson"},
        )
        results = [json.loads(line)["result"] for line in answer.text.splitlines()]
        assert results == ["created"] * RECORDS, answer.text[:1000]

    def change(self, ids: list[str], times: int) -> None:
        """Update, retag, archive, publish again, withdraw and create."""
        for number in range(times):
            path = f"/v1/practices/{self.pick.choice(ids)}"
            seen = self.http.get(path)
            if seen.status_code == 410:
                continue
            tagged = {"If-Match": seen.headers["etag"]}
            action = self.pick.choice(["title", "tags", "tags", "move", "move", "withdraw"])
            if action == "withdraw":
                answer = self.http.delete(path, headers=tagged)
            elif action == "move":
                to = "archived" if seen.json()["status"] == "published" else "published"
                answer = self.http.post(f"{path}/transitions", json={"to": to})
            elif action == "tags":
                answer = self.http.patch(path, json={"tags": [self.pick.choice([HOUSING, CARDS])]}, headers=tagged)
            else:
                answer = self.http.patch(path, json={"title": f"Anew {number} & <so>"}, headers=tagged)
            assert answer.is_success, answer.text
        made = self.http.post("/v1/practices", json={
            "title": f"New {times}", "summary": "S", "city_id": "ca-montreal", "tags": [HOUSING]})  # fmt: skip
        assert made.status_code == 201, made.text
        moved = self.http.post(f"/v1/practices/{made.json()['id']}/transitions", json={"to": "published"})
        assert moved.is_success, moved.text

    def state(self, field: str, **filters: str) -> Copy:
        """What anybody sees."""
        with httpx.Client(base_url=self.http.base_url) as anybody:
            answer = anybody.get("/v1/practices.ndjson", params=filters)
        return {record["id"]: str(record[field]) for record in map(json.loads, answer.text.splitlines())}


async def test_harvesters_end_with_the_servers_state(database_url: str, database: Database, tmp_path: Path) -> None:
    network, operator = [await make_client(database, who) for who in ("network:uclg", "operator")]
    serving = Serving(tmp_path, DATABASE_URL=database_url, PX_LOG_LEVEL="error")
    oai = f"{serving.url}/oai"
    try:
        with Writer(serving.url, network, 7) as writer, CheckedScythe(oai) as scythe, ThreadPoolExecutor(1) as beside:
            writer.fill()
            writer.log_in(operator)
            ids = list(writer.state("version"))
            assert len(ids) == RECORDS
            whole = Follower(CheckedSickle(oai), "px", None)
            shelter = Follower(CheckedSickle(oai), "oai_dc", f"tag:{SHELTER}")
            titles = Follower(scythe, "oai_dc", None)
            canada = Follower(scythe, "px", "country:CA")
            followers = (whole, shelter, titles, canada)
            for _ in range(2):
                writing = beside.submit(writer.change, ids, CHANGES)
                for follower in followers:
                    follower.follow()
                writing.result()
            for follower in followers:
                follower.follow()
            assert len(whole.copy) > RECORDS / 2
            assert whole.copy == writer.state("version")
            assert titles.copy == writer.state("title")
            assert shelter.copy == writer.state("title", tag=SHELTER)
            assert 0 < len(shelter.copy) < len(whole.copy)
            assert canada.copy == writer.state("version", country="CA")
    finally:
        serving.end()
