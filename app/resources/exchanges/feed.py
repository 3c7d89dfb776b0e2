"""How the feed shows a public exchange request."""

from app.areas import MEMBERS
from app.documents import text_of
from app.feed import FeedType
from app.resources.exchanges.queries import Sides, document_for

NOBODY: Sides = {"owner": "FALSE", "addressed": "FALSE", "responder": "FALSE"}
ID = "CASE WHEN f.type = 'exchange_request' THEN f.id::uuid END"
FEED = FeedType(
    name="exchange_request",
    source=f"FROM exchange_request r JOIN city c ON c.id = r.city_id WHERE r.id = {ID} AND r.visibility = 'public'",
    document=text_of(document_for(NOBODY)),
    filters={
        "network": f"r.city_id IN ({MEMBERS})",
        "city": "r.city_id = {0}",
        "country": "c.country = {0}",
        "tag": "r.tag_closure @> {0}::text[]",
    },
    reason=f"(SELECT CASE WHEN r.visibility <> 'public' THEN 'not_public' END"
    f" FROM exchange_request r WHERE r.id = {ID})",
)
