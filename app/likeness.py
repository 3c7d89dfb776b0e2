"""What two records have in common, as parts of SQL statements."""

from app.visibility import PUBLIC_PRACTICE

# How rare a tag is, is learnt from the newest public practices: counting all of a million takes seconds.
SAMPLE = 1000
RARITY = f"""newest AS MATERIALIZED (
    SELECT p.tag_closure FROM practice p WHERE {PUBLIC_PRACTICE} ORDER BY p.listed_at DESC, p.id DESC LIMIT {SAMPLE}),
rarity AS MATERIALIZED (
    SELECT tag, ln(1 + (SELECT count(*) FROM newest) / (1 + count(*))::float) AS weight
    FROM newest CROSS JOIN unnest(newest.tag_closure) AS tag GROUP BY tag),
-- A tag that no sampled record has is as rare as can be.
unseen AS MATERIALIZED (SELECT ln(1 + count(*)::float) AS weight FROM newest)"""


def shared(left: str, right: str) -> str:
    """The entries that two arrays have in common, in order."""
    return f"ARRAY(SELECT unnest({left}) INTERSECT SELECT unnest({right}) ORDER BY 1)"
