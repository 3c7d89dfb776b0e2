"""Examples for the contract: an exchange request as it is written, listed and read."""

from typing import Any

# An offer of Montréal among the samples.
SAMPLE_ID = "01a0c451-5660-7270-b009-444e7517f3d5"
EXAMPLE: dict[str, Any] = {
    "kind": "seek",
    "title": "How to issue a municipal card that undocumented residents trust",
    "need": "We look for a city that has solved data protection, police access and the choice of accepted papers.",
    "formats": ["format:webinar", "format:document-sharing"],
    "support_sought": ["know_how"],
    "languages": ["en", "fr"],
    "tags": ["theme:municipal-id", "group:undocumented-migrants"],
    "addressed_to": ["city:ca-montreal"],
    "costs_covered": "none",
}
WHOLE_EXAMPLE = {
    "id": SAMPLE_ID,
    **EXAMPLE,
    "already_tried": None,
    "expected_result": None,
    "language": "en",
    "city": {"id": "gb-bristol", "name": "Bristol", "country": "GB"},
    "practice_id": None,
    "preferred": None,
    "needed_by": None,
    "expires_at": "2026-06-01T00:00:00.000Z",
    "visibility": "public",
    "status": "open",
    "closed_reason": None,
    "outcome": None,
    "response_count": 0,
    "created_at": "2026-03-03T08:00:00.000Z",
    "updated_at": "2026-03-03T08:00:00.000Z",
    "version": 1,
    "allowed_transitions": [],
}
STEP_EXAMPLE: dict[str, Any] = {
    "id": "01936a3e-9f00-7c3a-8d4e-2f6b1a9c0d81",
    "at": "2026-04-03T08:00:00.000Z",
    "from": "open",
    "to": "cancelled",
    "organization": "city:gb-bristol",
    "note": None,
    "reason": "fulfilled",
}
