"""The tables: the ground on which everything else stands."""

from app.tables import adoption, exchange, history, partner, places, practice, reading, search, tag, trust, webhook
from app.tables.base import state_checks

state_checks()

__all__ = [
    "adoption",
    "exchange",
    "history",
    "partner",
    "places",
    "practice",
    "reading",
    "search",
    "tag",
    "trust",
    "webhook",
]
