"""How the feed shows a city: without its count of practices, which changes with every one of them."""

from app.feed import FeedType
from app.resources.cities.queries import DERIVED, DOCUMENT

FEED = FeedType(
    name="city",
    source=f"FROM city c CROSS JOIN LATERAL {DERIVED} d WHERE c.id = f.id",
    document=f"(SELECT (row_to_json(x)::jsonb - 'practice_count')::text FROM (SELECT {DOCUMENT}) x)",
    filters={
        "network": "d.networks @> ARRAY[{0}::text]",
        "city": "c.id = {0}",
        "country": "c.country = {0}",
    },
)
