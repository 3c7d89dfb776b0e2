"""The names of countries and places in many languages, for the search."""

import json
from pathlib import Path
from typing import Any

from app.database import Connection

DATA = Path(__file__).parents[1] / "data"
COUNTRIES = """
SELECT px_name('@' || lower(country), jsonb_agg(jsonb_build_array('x', name)))
FROM jsonb_each($1::jsonb) AS c (country, names) CROSS JOIN LATERAL jsonb_array_elements_text(names) AS name
GROUP BY country
HAVING array_agg(DISTINCT btrim(px_plain(name)) ORDER BY btrim(px_plain(name))) IS DISTINCT FROM (
    SELECT array_agg(DISTINCT t.phrase ORDER BY t.phrase) FROM search_term t WHERE t.target = '@' || lower(country))"""
PLACES = """
INSERT INTO place_names AS p (id, names)
SELECT id, ARRAY(SELECT jsonb_array_elements_text(names)) FROM jsonb_each($1::jsonb) AS g (id, names)
ON CONFLICT (id) DO UPDATE SET names = excluded.names WHERE p.names <> excluded.names RETURNING id"""
OF_CITIES = "SELECT px_name('@' || c.id, px_city_names(c)) FROM city c WHERE c.id = ANY ($1::text[])"
# A misspelt word stands for no place that has no record: these are too many, and look like anything.
OF_OTHERS = """
WITH gone AS (DELETE FROM search_term WHERE target = ANY (SELECT '@' || id FROM unnest($1::text[]) AS id))
INSERT INTO search_term (target, phrase, stems)
SELECT DISTINCT '@' || p.id, btrim(px_plain(name)), px_stems('x', px_plain(name))
FROM place_names p CROSS JOIN LATERAL unnest(p.names) AS name
WHERE p.id = ANY ($1::text[]) AND NOT EXISTS (SELECT FROM city c WHERE c.id = p.id)"""


async def load_names(connection: Connection) -> None:
    """Bring the names of countries and places up to what ships with the program; those that stay are not touched."""
    await connection.execute(COUNTRIES, json.dumps(_shipped("countries.json")))
    async with connection.transaction():
        changed = [row["id"] for row in await connection.fetch(PLACES, json.dumps(_shipped("places.json")))]
        await connection.execute(OF_OTHERS, changed)
        await connection.execute(OF_CITIES, changed)


def _shipped(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))
