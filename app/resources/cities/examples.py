"""Examples for the contract: a city as it is registered, changed and read."""

from typing import Any

NEW_CITY: dict[str, Any] = {
    "name": "Montréal",
    "names": {"en": "Montreal", "fr": "Montréal", "ar": "مونتريال"},
    "kind": "city",
    "country": "CA",
    "latitude": 45.50884,
    "longitude": -73.58781,
    "population": 1762949,
    "roles": ["destination"],
    "languages": ["fr", "en"],
    "mandates": ["housing", "policing", "planning"],
    "un_locode": "CAMTR",
    "geonames_id": 6077243,
    "wikidata_id": "Q340",
    "website": "https://montreal.ca",
}
CHANGE: dict[str, Any] = {"mandates": ["housing", "planning", "registration"], "names": {"es": "Montreal"}}
CITY: dict[str, Any] = {
    "id": "ca-montreal",
    **NEW_CITY,
    "population_band": "l",
    "member": True,
    "networks": ["mmc", "uclg"],
    "practice_count": 12,
    "created_at": "2026-02-27T16:02:11.031Z",
    "updated_at": "2026-03-01T09:30:00.000Z",
    "version": 3,
}
