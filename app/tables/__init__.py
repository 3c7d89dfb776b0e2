"""The tables: the ground on which everything else stands."""

from app.tables import exchange, history, places, practice, tag, trust

__all__ = ["exchange", "history", "places", "practice", "tag", "trust"]
