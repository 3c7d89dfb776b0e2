"""Examples for the contract: an answer as it is written and read."""

from typing import Any

from app.resources.exchanges.examples import SAMPLE_ID

RESPONSE_ID = "01a0c455-10a0-7d3e-9f21-6b7c8d9e0f12"
EXAMPLE: dict[str, Any] = {
    "message": "We have issued such a card since 2019, and can show how clinics and the police came to accept it.",
    "practice_id": None,
    "status": "tentative",
}
WHOLE_EXAMPLE: dict[str, Any] = {
    "id": RESPONSE_ID,
    "request_id": SAMPLE_ID,
    "city": {"id": "ca-montreal", "name": "Montréal", "country": "CA"},
    **EXAMPLE,
    "decline_reason": None,
    "created_at": "2026-03-04T10:00:00.000Z",
    "updated_at": "2026-03-04T10:00:00.000Z",
    "version": 1,
    "allowed_transitions": ["accepted", "declined"],
}
