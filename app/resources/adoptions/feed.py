"""How the feed shows an adoption: while its practice is public."""

from app.areas import MEMBERS
from app.caller import ANONYMOUS
from app.database import Arguments
from app.documents import text_of
from app.feed import FeedType
from app.resources.adoptions.queries import SOURCE, document_for
from app.visibility import PUBLIC_PRACTICE

ID = "CASE WHEN f.type = 'adoption' THEN f.id::uuid END"
FEED = FeedType(
    name="adoption",
    source=f"FROM {SOURCE} WHERE a.id = {ID} AND {PUBLIC_PRACTICE}",
    document=text_of(document_for(ANONYMOUS, Arguments())),
    filters={
        "network": f"a.city_id IN ({MEMBERS})",
        "city": "a.city_id = {0}",
        "country": "c.country = {0}",
        "tag": "p.tag_closure @> {0}::text[]",
    },
    reason=f"(SELECT CASE WHEN p.status = 'published' THEN 'not_public' ELSE p.status END"
    f" FROM adoption a JOIN practice p ON p.id = a.practice_id WHERE a.id = {ID}"
    f" AND NOT ({PUBLIC_PRACTICE}))",
)
