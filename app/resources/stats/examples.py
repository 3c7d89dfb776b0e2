"""Examples for the contract: statistics and a report."""

from typing import Any

MONTREAL = {"id": "ca-montreal", "name": "Montréal", "country": "CA"}
FREETOWN = {"id": "sl-freetown", "name": "Freetown", "country": "SL"}
STATS_EXAMPLE: dict[str, Any] = {
    "generated_at": "2026-03-01T09:30:00.000Z",
    "cities": {"total": 412, "members": 96, "countries": 88, "with_practices": 140},
    "networks": 24,
    "practices": {"published": 530, "adopted": 41},
    "exchange_requests": {
        "total": 77,
        "by_kind": {"seek": 51, "offer": 26},
        "by_status": {"open": 30, "matched": 9, "completed": 25, "expired": 13},
        "answered": 48,
        "median_hours_to_first_answer": 31.5,
        "completion_rate": 0.658,
        "adoption_rate": 0.32,
    },
    "adoptions": {"total": 52, "by_stage": {"piloting": 20, "running": 32}, "confirmed": 30},
    "answers_given": {"requests": 48, "median_hours": 30.5},
    "flows": [{"source": MONTREAL, "target": FREETOWN, "exchanges": 2, "adoptions": 1}],
}


def _line(id_: str, label: str, query: str) -> dict[str, Any]:
    base = "http://127.0.0.1:8000/v1"
    return {
        "id": id_,
        "label": label,
        "practices": {"count": 12, "href": f"{base}/practices?{query}"},
        "exchange_requests": {"count": 3, "href": f"{base}/exchange-requests?{query}"},
        "adoptions": {"count": 0, "href": f"{base}/adoptions?{query}"},
        "gap": False,
    }


REPORT_EXAMPLE: dict[str, Any] = {
    "generated_at": "2026-03-01T09:30:00.000Z",
    "network": None,
    "region": "africa",
    "city": None,
    "from": None,
    "to": None,
    "total": _line("all", "All", "region=africa"),
    "gcm": [_line("gcm:4", "Legal identity and documentation", "tag=gcm:4&region=africa")],
    "gcr": [_line("gcr:2", "Enhance refugee self-reliance", "tag=gcr:2&region=africa")],
    "sdg": [_line("sdg:10", "Reduced inequalities", "tag=sdg:10&region=africa")],
    "regions": [_line("africa", "Africa", "region=africa")],
    "gaps": [],
}
