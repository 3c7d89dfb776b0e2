"""Bringing records in as networks do: one by one, or as many lines; and what it leaves."""

import gzip
import json
from typing import Any

import zstandard
from httpx import AsyncClient, Response

from app.database import Database
from tests.factories import Headers

MMC, UCLG, MONTREAL = "network:mmc", "network:uclg", "city:ca-montreal"
NDJSON = "application/x-ndjson"


def body_of(**changes: Any) -> dict[str, Any]:
    return {
        "title": "Municipal identity card", "summary": "A city card for all.", "language": "en",
        "tags": ["theme:municipal-id"], "city": "ca-montreal", **changes,
    }  # fmt: skip


async def put(client: AsyncClient, headers: Headers, network: str, external_id: str, **changes: Any) -> Response:
    path = f"/v1/sources/{network}/practices/{external_id}"
    return await client.put(path, json=body_of(**changes), headers=headers)


async def bring(
    client: AsyncClient, headers: Headers, lines: list[Any], network: str = "mmc", *, dry_run: bool = False, **more: str
) -> list[dict[str, Any]]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines).encode()
    encoding = more.get("encoding", "")
    if encoding == "gzip":
        text = gzip.compress(text)
    elif encoding == "zstd":
        text = zstandard.compress(text)
    extra = {"Content-Encoding": encoding} if encoding else {}
    response = await client.post(
        f"/v1/sources/{network}/practices", params={"dry_run": dry_run}, content=text,
        headers={**headers, "Content-Type": NDJSON, **extra},
    )  # fmt: skip
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


async def state(database: Database) -> list[Any]:
    """Everything that bringing in may touch."""
    return [
        [tuple(row.values()) for row in await database.rows(sql)]
        for sql in (
            "SELECT id::text, title, status, version, networks FROM practice ORDER BY id",
            "SELECT network_id, external_id, practice_id, url, linked, last_synced_at FROM practice_origin ORDER BY 2",
            "SELECT scheme, value, practice_id FROM practice_external_id ORDER BY 1, 2",
            "SELECT type, id, version, op, dirty FROM feed ORDER BY 1, 2",
            "SELECT count(*) FROM audit",
            "SELECT count(*) FROM transition",
        )
    ]
