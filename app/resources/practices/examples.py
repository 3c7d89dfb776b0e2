"""Examples for the contract: a practice as it is written, listed and read."""

from typing import Any

# A practice of Montréal among the samples.
SAMPLE_ID = "01a0c45f-1200-7c3d-ba41-18d8c17a6cf9"
EXAMPLE: dict[str, Any] = {
    "title": "Municipal identity card for every resident",
    "summary": "A city card, issued without asking for a residence status, opens libraries, clinics and bank accounts.",
    "challenge": "A third of our residents had no document that a clinic or a landlord would accept.",
    "description": "The card is issued at eleven district offices on the day of the request.",
    "results": "61,000 cards in the first two years.",
    "language": "en",
    "tags": ["theme:municipal-id", "group:undocumented-migrants", "gcm:4"],
    "keywords": ["city card"],
    "year_start": 2023,
    "stage": "ongoing",
    "indicators": [{"name": "cards issued", "value": 61000, "unit": "cards", "year": 2025}],
    "offers": ["format:study-visit", "format:webinar"],
    "contact": {"unit": "Office for Newcomers", "email": "newcomers@montreal.example"},
}


CITY = {"id": "ca-montreal", "name": "Montreal", "country": "CA"}
STANDING: dict[str, Any] = {
    "id": SAMPLE_ID,
    "year_end": None,
    "budget_band": "250k_1m",
    "evidence_level": 3,
    "accepting_exchanges": True,
    "adoption_count": 2,
    "status": "published",
    "visibility": "public",
    "networks": ["mmc"],
    "created_at": "2026-02-27T16:02:11.031Z",
    "updated_at": "2026-03-01T09:30:00.000Z",
    "published_at": "2026-03-01T09:30:00.000Z",
    "version": 3,
}
IN_SUMMARY = ("title", "summary", "language", "tags", "keywords", "year_start", "stage", "offers")
SUMMARY_EXAMPLE = {**{name: EXAMPLE[name] for name in IN_SUMMARY}, "city": CITY, **STANDING}
WHOLE_EXAMPLE = {
    **EXAMPLE,
    **STANDING,
    "city": CITY,
    "lessons": None,
    "what_failed": None,
    "conditions": None,
    "translations": [{"language": "en", "status": "original"}],
    "resources": [],
    "license": "CC-BY-4.0",
    "partner_cities": [],
    "implementers": [{"name": "City of Montreal", "kind": None}],
    "contact": None,
    "staff_fte": 12.5,
    "months_to_implement": 9,
    "beneficiaries": 61000,
    "endorsements": [],
    "last_verified_at": None,
    "external_ids": [],
    "origins": [],
    "successor": None,
    "allowed_transitions": [],
}
STEP_EXAMPLE: dict[str, Any] = {
    "id": "01936a3e-9f00-7c3a-8d4e-2f6b1a9c0d7f",
    "at": "2026-03-01T09:30:00.000Z",
    "from": "draft",
    "to": "published",
    "organization": "city:ca-montreal",
    "note": None,
    "reason": None,
}
TOMBSTONE_EXAMPLE: dict[str, Any] = {
    "id": SAMPLE_ID,
    "status": "merged",
    "withdrawn_at": "2026-04-03T08:00:00.000Z",
    "note": "The regional programme took it over.",
    "successor": "01936a3e-9f00-7c3a-8d4e-2f6b1a9c0d7e",
}
