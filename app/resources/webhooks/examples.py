"""Examples of webhooks and what they are sent, for the contract."""

from typing import Any

WEBHOOK_ID = "01a0c470-2b00-7f10-8a91-3c4d5e6f7081"
DELIVERY_ID = "01a0c471-0c40-7b22-9d13-5e6f708192a3"
SAMPLE_ID = "01a0c45f-1200-7c3d-ba41-18d8c17a6cf9"

EXAMPLE: dict[str, Any] = {
    "url": "https://hooks.example.org/exchange",
    "description": "Case management",
    "events": ["practice.published", "practice.updated", "practice.archived", "practice.withdrawn"],
    "filter": "tag=theme:housing&country=CA",
}
WHOLE_EXAMPLE: dict[str, Any] = {
    "id": WEBHOOK_ID,
    "organization": "city:ca-montreal",
    **EXAMPLE,
    "scopes": ["exchanges:read", "exchanges:write"],
    "status": "active",
    "disabled_reason": None,
    "disabled_at": None,
    "failing_since": None,
    "previous_secret_until": None,
    "created_at": "2026-03-01T09:30:00.000Z",
    "updated_at": "2026-03-01T09:30:00.000Z",
    "version": 1,
}
SECRET_EXAMPLE = {**WHOLE_EXAMPLE, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwZfBvGvlHkEo="}
PAYLOAD_EXAMPLE: dict[str, Any] = {
    "type": "practice.published",
    "timestamp": "2026-03-01T09:45:00.000Z",
    "data": {
        "id": SAMPLE_ID,
        "type": "practice",
        "url": f"https://exchange.example/v1/practices/{SAMPLE_ID}",
        "version": 2,
        "status": None,
        "reason": None,
    },
}
DELIVERY_EXAMPLE: dict[str, Any] = {
    "id": DELIVERY_ID,
    "webhook_id": WEBHOOK_ID,
    "event": "practice.published",
    "status": "delivered",
    "payload": PAYLOAD_EXAMPLE,
    "attempts": [
        {
            "at": "2026-03-01T09:45:01.120Z",
            "status_code": 503,
            "duration_ms": 84,
            "error": "the receiver answered with an error",
        },
        {"at": "2026-03-01T09:45:03.340Z", "status_code": 204, "duration_ms": 61, "error": None},
    ],
    "next_attempt_at": None,
    "created_at": "2026-03-01T09:45:00.480Z",
    "delivered_at": "2026-03-01T09:45:03.402Z",
}
