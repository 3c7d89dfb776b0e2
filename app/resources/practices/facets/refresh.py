"""The bitmaps by which facets are counted, brought up to date by the clock."""

from app.database import Connection
from app.resources.practices.facets.bitmaps import NONE, bitmaps
from app.resources.practices.facets.schemas import SCHEMES

# So many changed records are counted one by one with ease; more at once than `MOST` would hold up other tasks.
LEAST = 1_000
MOST = 20_000
PATIENCE = "SET LOCAL statement_timeout = '60s'"
# What a writer notes while we work has a row of its own, which we have not seen and leave there.
TAKE = """
WITH taken AS (
    DELETE FROM facet_dirty WHERE id IN (SELECT id FROM facet_dirty ORDER BY id LIMIT $1)
    AND (SELECT count(*) >= $2 FROM (SELECT FROM facet_dirty LIMIT $2) x) RETURNING practice_id)
SELECT DISTINCT practice_id FROM taken"""
# Neighbours have their city in common, so that the sets of a city are few.
PLACE = """
INSERT INTO facet_slot (practice_id, slot, published_at, updated_at, fresh_at)
SELECT p.id, coalesce(s.slot, (SELECT coalesce(max(slot), -1) FROM facet_slot)
                              + row_number() OVER (PARTITION BY s.slot IS NULL ORDER BY p.city_id, p.id)),
       p.published_at, p.updated_at, coalesce(p.last_verified_at, p.published_at, p.created_at)
FROM practice p LEFT JOIN facet_slot s ON s.practice_id = p.id
WHERE p.id = ANY ($1::uuid[]) AND p.status = 'published'
ON CONFLICT (practice_id) DO UPDATE
SET published_at = excluded.published_at, updated_at = excluded.updated_at, fresh_at = excluded.fresh_at"""
VALUES = f"""
SELECT v.kind, v.value, s.slot
FROM facet_slot s JOIN practice p ON p.id = s.practice_id
CROSS JOIN LATERAL (
    SELECT * FROM (VALUES
        ('visibility', p.visibility), ('city', p.city_id), ('reviewer', p.submitted_to), ('language', p.language),
        ('stage', coalesce(p.stage, '')), ('budget_band', coalesce(p.budget_band, '')),
        ('evidence', p.evidence_level::text),
        ('years', concat_ws('|', coalesce(p.year_start::text, ''), coalesce(p.year_end::text, ''),
            (p.year_end IS NULL AND coalesce(p.stage, 'ongoing') NOT IN ('completed', 'discontinued'))::text))
        ) AS x (kind, value)
    UNION ALL SELECT 'brought', unnest(p.networks)
    UNION ALL SELECT 'offer', unnest(p.offers)
    UNION ALL SELECT 'tag', unnest(p.tag_closure)
    UNION ALL SELECT 'untagged', scheme FROM unnest(ARRAY{list(SCHEMES)}) AS scheme
              WHERE NOT EXISTS (SELECT FROM unnest(p.tag_closure) AS tag WHERE starts_with(tag, scheme || ':'))) v
WHERE s.practice_id = ANY ($1::uuid[]) AND p.status = 'published' AND v.value IS NOT NULL"""
WRITE = f"""
WITH changed AS MATERIALIZED ({bitmaps("SELECT slot FROM facet_slot WHERE practice_id = ANY ($1::uuid[])")}),
fresh AS MATERIALIZED ({bitmaps(VALUES, "kind, value,")})
INSERT INTO facet_bits AS b (kind, value, segment, bits)
SELECT kind, value, segment, bits FROM (
    SELECT kind, value, segment, o.bits AS old,
           coalesce(o.bits & ~c.bits, {NONE}) | coalesce(f.bits, {NONE}) AS bits
    FROM (SELECT o.* FROM facet_bits o JOIN changed USING (segment)) o
    FULL JOIN fresh f USING (kind, value, segment) JOIN changed c USING (segment)) x
WHERE old IS DISTINCT FROM bits
ON CONFLICT (kind, value, segment) DO UPDATE SET bits = excluded.bits"""


async def refresh_facets(connection: Connection, least: int = LEAST) -> int:
    """Bring the bitmaps up to date once `least` changes wait for it; gives how many records it looked at."""
    await connection.execute(PATIENCE)
    ids = [row["practice_id"] for row in await connection.fetch(TAKE, MOST, least)]
    if ids:
        await connection.execute(PLACE, ids)
        await connection.execute(WRITE, ids)
    return len(ids)
