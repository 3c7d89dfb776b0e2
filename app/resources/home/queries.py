"""What the front page tells, in one statement."""

from app.database import Statement
from app.visibility import PUBLIC_PRACTICE


def front_page() -> Statement:
    """One row: counts, the cities of the map (`[name, country, latitude, longitude, practices, id]`), the latest."""
    return Statement(
        f"""
SELECT (SELECT count(*) FROM city) AS cities,
       (SELECT count(DISTINCT country) FROM city) AS countries,
       (SELECT count(*) FROM network) AS networks,
       (SELECT count(*) FROM practice p WHERE {PUBLIC_PRACTICE}) AS practices,
       (SELECT count(*) FROM exchange_request WHERE status = 'open' AND visibility = 'public') AS requests_open,
       (SELECT coalesce(json_agg(json_build_array(
                   c.name, c.country, c.latitude, c.longitude, coalesce(n.count, 0), c.id)), '[]')::text
        FROM (SELECT c.* FROM city c WHERE c.latitude IS NOT NULL ORDER BY c.population DESC NULLS LAST LIMIT 1000) c
        LEFT JOIN (SELECT p.city_id, count(*) FROM practice p WHERE {PUBLIC_PRACTICE} GROUP BY p.city_id) n
          ON n.city_id = c.id) AS map,
       (SELECT coalesce(json_agg(json_build_array(p.title, p.name, p.id, p.published_at::date)), '[]')::text
        FROM (SELECT p.title, c.name, p.id, p.published_at FROM practice p JOIN city c ON c.id = p.city_id
              WHERE {PUBLIC_PRACTICE} ORDER BY p.listed_at DESC, p.id DESC LIMIT 6) p) AS latest""",
        [],
    )
