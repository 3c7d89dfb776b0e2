"""How the feed shows a network."""

from app.feed import FeedType
from app.resources.networks.queries import COUNT, DOCUMENT

FEED = FeedType(
    name="network",
    source=f"FROM network n CROSS JOIN LATERAL {COUNT} k WHERE n.id = f.id",
    document=f"(SELECT row_to_json(x)::text FROM (SELECT {DOCUMENT}) x)",
    filters={"network": "n.id = {0}"},
)
