"""Examples for the contract: an adoption as it is written and read, and a lineage."""

from typing import Any

PRACTICE_ID = "01a0c45f-1200-7c3d-ba41-18d8c17a6cf9"
ADOPTION_ID = "01a0c470-5e00-7b1c-a2d3-94f5e6a7b8c9"
EXAMPLE: dict[str, Any] = {
    "stage": "adapting",
    "started_on": "2026-02-01",
    "what_was_kept": "No question about the residence status; issued on the day of the request.",
    "what_was_changed": "Issued by mobile teams, because most of our residents live far from an office.",
}
WHOLE_EXAMPLE: dict[str, Any] = {
    "id": ADOPTION_ID,
    "practice_id": PRACTICE_ID,
    "practice_version": 2,
    "city": {"id": "sl-freetown", "name": "Freetown", "country": "SL"},
    **EXAMPLE,
    "why_stopped": None,
    "results": None,
    "resulting_practice_id": None,
    "exchange_request_id": None,
    "evidence_url": None,
    "confirmed_by_origin": False,
    "created_at": "2026-03-09T11:00:00.000Z",
    "updated_at": "2026-03-09T11:00:00.000Z",
    "version": 1,
}
VARIANT_ID = "01a0c480-6f00-7c2d-b3e4-a5f6b7c8d9ea"
LINEAGE_EXAMPLE: dict[str, Any] = {
    "nodes": [
        {
            "id": PRACTICE_ID,
            "title": "Municipal identity card for every resident",
            "city": {"id": "ca-montreal", "name": "Montréal", "country": "CA"},
            "distance": 0,
        },
        {
            "id": VARIANT_ID,
            "title": "Identity card by mobile teams",
            "city": {"id": "sl-freetown", "name": "Freetown", "country": "SL"},
            "distance": 1,
        },
    ],
    "edges": [{"from": PRACTICE_ID, "to": VARIANT_ID, "adoption_id": ADOPTION_ID, "stage": "running"}],
}
