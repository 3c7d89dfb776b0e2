"""Examples for the contract: networks and their member cities."""

from typing import Any

NEW_NETWORK: dict[str, Any] = {
    "id": "mmc",
    "name": "Mayors Migration Council",
    "abbreviation": "MMC",
    "kind": "city-network",
    "website": "https://mayorsmigrationcouncil.org",
    "founded": 2018,
    "scope": "global",
    "description": "Mayor-led coalition that gives cities a voice in international decisions on migration.",
    "review_policy": "review",
}
NETWORK: dict[str, Any] = {
    **NEW_NETWORK,
    "city_count": 10,
    "created_at": "2026-02-27T16:02:11.031Z",
    "updated_at": "2026-03-01T09:30:00.000Z",
    "version": 3,
}
MEMBERSHIP_IN: dict[str, Any] = {"role": "board", "since": "2018-12-08", "until": None}
MEMBERSHIP: dict[str, Any] = {
    "network": "mmc",
    "city": {"id": "ca-montreal", "name": "Montréal", "country": "CA"},
    **MEMBERSHIP_IN,
    "updated_at": "2026-03-01T09:30:00.000Z",
    "version": 2,
}
