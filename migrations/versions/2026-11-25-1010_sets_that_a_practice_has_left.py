"""Sets that a practice has left are remembered, so that harvesters of one set hear of it.

Revision ID: c7a4e19b52d8
Revises: 7c3f90b2d6e1
"""

import sqlalchemy as sa
from alembic import op

revision = "c7a4e19b52d8"
down_revision = "7c3f90b2d6e1"
branch_labels = None
depends_on = None

# A network's set is what its filter finds: what it brought in, and the practices of its members.
SETS = """
CREATE FUNCTION px_practice_sets(tag_closure text[], practice_city text, networks text[]) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT 'country'
    UNION SELECT 'country:' || country FROM city WHERE id = practice_city
    UNION SELECT unnest(ARRAY['network', 'network:' || n]) FROM (
        SELECT unnest(networks) AS n
        UNION SELECT network_id FROM membership
        WHERE city_id = practice_city AND (until IS NULL OR until >= current_date)) belongs
    UNION SELECT unnest(ARRAY['tag', 'tag:' || split_part(t, ':', 1), 'tag:' || t]) FROM unnest(tag_closure) t
$$;

CREATE FUNCTION px_practice_left_sets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM practice_left_set l WHERE l.practice_id = NEW.id
        AND l.set_spec IN (SELECT px_practice_sets(NEW.tag_closure, NEW.city_id, NEW.networks));
    INSERT INTO practice_left_set (practice_id, set_spec)
        SELECT NEW.id, px_practice_sets(OLD.tag_closure, OLD.city_id, OLD.networks)
        EXCEPT SELECT NEW.id, px_practice_sets(NEW.tag_closure, NEW.city_id, NEW.networks)
        ON CONFLICT (practice_id, set_spec) DO UPDATE SET left_at = now();
    RETURN NULL;
END $$;
CREATE TRIGGER practice_left_sets AFTER UPDATE ON practice FOR EACH ROW
    WHEN (OLD.published_at IS NOT NULL AND (OLD.tag_closure IS DISTINCT FROM NEW.tag_closure
          OR OLD.city_id <> NEW.city_id OR OLD.networks IS DISTINCT FROM NEW.networks))
    EXECUTE FUNCTION px_practice_left_sets();

CREATE FUNCTION px_membership_left_sets() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE m membership;
BEGIN
    m := coalesce(NEW, OLD);
    DELETE FROM practice_left_set l USING practice p
    WHERE p.id = l.practice_id AND p.city_id = m.city_id AND l.set_spec IN ('network', 'network:' || m.network_id)
        AND l.set_spec IN (SELECT px_practice_sets(p.tag_closure, p.city_id, p.networks));
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO practice_left_set (practice_id, set_spec)
        SELECT p.id, s FROM practice p CROSS JOIN unnest(ARRAY['network', 'network:' || m.network_id]) s
        WHERE p.city_id = m.city_id AND p.published_at IS NOT NULL
            AND s NOT IN (SELECT px_practice_sets(p.tag_closure, p.city_id, p.networks))
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER membership_left_sets AFTER INSERT OR DELETE OR UPDATE OF until ON membership
    FOR EACH ROW EXECUTE FUNCTION px_membership_left_sets();
"""
MOVED = """
CREATE OR REPLACE FUNCTION px_tag_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {marks}
    UPDATE practice SET tags = tags WHERE tag_closure @> ARRAY[NEW.id];
    UPDATE exchange_request SET tags = tags WHERE tag_closure @> ARRAY[NEW.id];
    RETURN NULL;
END $$;
"""
# What a tag's place in its vocabulary decides (which filters and sets find a record) is a change of the record.
MARKS = """UPDATE feed SET dirty = nextval('feed_dirty_seq'), seq = NULL, stamped_at = NULL
    WHERE type = 'practice' AND id IN (SELECT id::text FROM practice WHERE tag_closure @> ARRAY[NEW.id]);"""
FUNCTIONS = ("px_membership_left_sets()", "px_practice_left_sets()", "px_practice_sets(text[], text, text[])")


def upgrade() -> None:
    op.create_table(
        "practice_left_set",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("set_spec", sa.Text(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_practice_left_set_practice_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("practice_id", "set_spec", name=op.f("pk_practice_left_set")),
    )
    op.create_index("ix_practice_left_set_set_spec", "practice_left_set", ["set_spec"], unique=False)
    op.create_index(
        "ix_feed_practice_stamped_at",
        "feed",
        ["stamped_at", "seq"],
        unique=False,
        postgresql_where=sa.text("type = 'practice' AND seq IS NOT NULL"),
    )
    # Several statements at once go round the prepared statements that SQLAlchemy makes of each.
    connection = op.get_bind().connection.dbapi_connection
    assert connection is not None  # noqa: S101 - migrations run online only
    connection.run_async(lambda driver: driver.execute(SETS))
    op.execute(MOVED.format(marks=MARKS))


def downgrade() -> None:
    op.execute(MOVED.format(marks=""))
    op.execute("DROP TRIGGER membership_left_sets ON membership")
    op.execute("DROP TRIGGER practice_left_sets ON practice")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.drop_index("ix_feed_practice_stamped_at", table_name="feed")
    op.drop_table("practice_left_set")
