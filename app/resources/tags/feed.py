"""How the feed shows a tag: without its count of practices, which changes with every one of them."""

from app.feed import FeedType
from app.resources.tags.queries import DOCUMENT, NEIGHBOURS

FEED = FeedType(
    name="tag",
    source=f"FROM tag t CROSS JOIN LATERAL {NEIGHBOURS} d CROSS JOIN (SELECT 0 AS practices) k WHERE t.id = f.id",
    document=f"(SELECT (row_to_json(x)::jsonb - 'practice_count')::text FROM (SELECT {DOCUMENT}) x)",
    filters={"tag": "t.id = ANY ({0}::text[])"},
)
