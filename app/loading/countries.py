"""The names of countries, for the search."""

import json
from pathlib import Path

from app.database import Connection

NAMES = Path(__file__).parents[1] / "data" / "countries.json"
CHANGED = """
SELECT px_name('@' || lower(country), jsonb_agg(jsonb_build_array('x', name)))
FROM jsonb_each($1::jsonb) AS c (country, names) CROSS JOIN LATERAL jsonb_array_elements_text(names) AS name
GROUP BY country
HAVING array_agg(DISTINCT btrim(px_plain(name)) ORDER BY btrim(px_plain(name))) IS DISTINCT FROM (
    SELECT array_agg(DISTINCT t.phrase ORDER BY t.phrase) FROM search_term t WHERE t.target = '@' || lower(country))"""


async def load_countries(connection: Connection) -> None:
    """Bring the names of countries up to what ships with the program; those that stay are not touched."""
    await connection.execute(CHANGED, json.dumps(json.loads(NAMES.read_text(encoding="utf-8"))))
