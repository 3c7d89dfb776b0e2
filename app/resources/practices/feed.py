"""How the feed shows a practice."""

from app.feed import FeedType
from app.resources.practices.queries import PUBLIC_DOCUMENT
from app.visibility import PUBLIC_PRACTICE

ID = "CASE WHEN f.type = 'practice' THEN f.id::uuid END"
FEED = FeedType(
    name="practice",
    source=f"FROM practice p JOIN city c ON c.id = p.city_id WHERE p.id = {ID} AND {PUBLIC_PRACTICE}",
    document=f"(SELECT row_to_json(d)::text FROM (SELECT {PUBLIC_DOCUMENT}) d)",
    filters={
        "network": "(p.networks @> ARRAY[{0}::text] OR p.city_id IN (SELECT m.city_id FROM membership m"
        " WHERE m.network_id = {0} AND (m.until IS NULL OR m.until >= current_date)))",
        "city": "p.city_id = {0}",
        "country": "c.country = {0}",
        "tag": "p.tag_closure @> {0}::text[]",
    },
    reason=f"(SELECT CASE WHEN p.status = 'published' AND p.visibility <> 'public' THEN 'not_public'"
    f" WHEN p.status <> 'published' THEN p.status END FROM practice p WHERE p.id = {ID})",
    successor=f"(SELECT p.successor FROM practice p WHERE p.id = {ID})",
)
