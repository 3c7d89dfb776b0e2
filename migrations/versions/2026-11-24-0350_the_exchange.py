"""The exchange: all tables, and the rules that a column cannot state.

Revision ID: 89b5ecceea11
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "89b5ecceea11"
down_revision = None
branch_labels = None
depends_on = None

RULES = """
CREATE FUNCTION px_unknown(given text[], known text[], column_name text, constraint_name text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE missing text;
BEGIN
    SELECT g INTO missing FROM unnest(given) g WHERE g <> ALL (coalesce(known, '{}')) LIMIT 1;
    IF FOUND THEN
        RAISE foreign_key_violation USING
            MESSAGE = format('%s is not known', missing), CONSTRAINT = constraint_name, COLUMN = column_name,
            DETAIL = format('/%s/%s', column_name, array_position(given, missing) - 1);
    END IF;
END $$;

CREATE FUNCTION px_tags_with_broader(given text[]) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(DISTINCT t.id ORDER BY t.id), '{}') FROM (
        SELECT id FROM tag WHERE id = ANY (given)
        UNION SELECT broader FROM tag WHERE id = ANY (given) AND broader IS NOT NULL
    ) t
$$;

CREATE FUNCTION px_practice_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.tag_closure := px_tags_with_broader(NEW.tags);
    PERFORM px_unknown(NEW.tags, NEW.tag_closure, 'tags', 'fk_practice_tags');
    IF NEW.offers <> '{}' THEN
        PERFORM px_unknown(NEW.offers, (SELECT array_agg(id) FROM tag WHERE scheme = 'format'), 'offers',
                           'fk_practice_offers');
    END IF;
    IF NEW.partner_cities <> '{}' THEN
        PERFORM px_unknown(NEW.partner_cities, (SELECT array_agg(id) FROM city WHERE id = ANY (NEW.partner_cities)),
                           'partner_cities', 'fk_practice_partner_cities');
    END IF;
    IF NEW.visibility LIKE 'network:%'
       AND NOT EXISTS (SELECT FROM network WHERE id = substr(NEW.visibility, 9)) THEN
        RAISE foreign_key_violation USING MESSAGE = format('%s is not known', NEW.visibility),
            CONSTRAINT = 'fk_practice_visibility', COLUMN = 'visibility', DETAIL = '/visibility';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER practice_rules BEFORE INSERT OR UPDATE OF tags, offers, partner_cities, visibility ON practice
    FOR EACH ROW EXECUTE FUNCTION px_practice_rules();

CREATE FUNCTION px_exchange_request_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.tag_closure := px_tags_with_broader(NEW.tags);
    PERFORM px_unknown(NEW.tags, NEW.tag_closure, 'tags', 'fk_exchange_request_tags');
    IF NEW.formats <> '{}' THEN
        PERFORM px_unknown(NEW.formats, (SELECT array_agg(id) FROM tag WHERE scheme = 'format'), 'formats',
                           'fk_exchange_request_formats');
    END IF;
    IF NEW.addressed_to <> '{}' THEN
        PERFORM px_unknown(
            NEW.addressed_to,
            (SELECT array_agg(o) FROM (
                SELECT 'city:' || id AS o FROM city WHERE 'city:' || id = ANY (NEW.addressed_to)
                UNION ALL SELECT 'network:' || id FROM network WHERE 'network:' || id = ANY (NEW.addressed_to)
                UNION ALL SELECT 'operator') known),
            'addressed_to', 'fk_exchange_request_addressed_to');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_request_rules BEFORE INSERT OR UPDATE OF tags, formats, addressed_to ON exchange_request
    FOR EACH ROW EXECUTE FUNCTION px_exchange_request_rules();

CREATE FUNCTION px_tag_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.broader IS NOT NULL AND (
        EXISTS (SELECT FROM tag WHERE id = NEW.broader AND broader IS NOT NULL)
        OR EXISTS (SELECT FROM tag WHERE broader = NEW.id)
    ) THEN
        RAISE check_violation USING MESSAGE = 'a vocabulary has two levels', CONSTRAINT = 'ck_tag_levels';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tag_rules BEFORE INSERT OR UPDATE OF id, broader ON tag FOR EACH ROW EXECUTE FUNCTION px_tag_rules();

CREATE FUNCTION px_tag_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE practice SET tags = tags WHERE tag_closure @> ARRAY[NEW.id];
    UPDATE exchange_request SET tags = tags WHERE tag_closure @> ARRAY[NEW.id];
    RETURN NULL;
END $$;
CREATE TRIGGER tag_moved AFTER UPDATE OF broader ON tag FOR EACH ROW
    WHEN (OLD.broader IS DISTINCT FROM NEW.broader) EXECUTE FUNCTION px_tag_moved();

CREATE FUNCTION px_in_use() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (TG_TABLE_NAME = 'tag' AND (
            EXISTS (SELECT FROM practice WHERE tag_closure @> ARRAY[OLD.id] OR offers @> ARRAY[OLD.id])
            OR EXISTS (SELECT FROM exchange_request WHERE tag_closure @> ARRAY[OLD.id] OR formats @> ARRAY[OLD.id])))
       OR (TG_TABLE_NAME = 'city' AND (
            EXISTS (SELECT FROM practice WHERE partner_cities @> ARRAY[OLD.id])
            OR EXISTS (SELECT FROM exchange_request WHERE addressed_to @> ARRAY['city:' || OLD.id])))
       OR (TG_TABLE_NAME = 'network' AND (
            EXISTS (SELECT FROM practice WHERE visibility = 'network:' || OLD.id)
            OR EXISTS (SELECT FROM exchange_request WHERE addressed_to @> ARRAY['network:' || OLD.id]))) THEN
        RAISE foreign_key_violation USING MESSAGE = format('%s is in use', OLD.id);
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER tag_in_use BEFORE DELETE ON tag FOR EACH ROW EXECUTE FUNCTION px_in_use();
CREATE TRIGGER city_in_use BEFORE DELETE ON city FOR EACH ROW EXECUTE FUNCTION px_in_use();
CREATE TRIGGER network_in_use BEFORE DELETE ON network FOR EACH ROW EXECUTE FUNCTION px_in_use();

CREATE FUNCTION px_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = format('%s is append-only', TG_TABLE_NAME);
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION px_append_only();
CREATE TRIGGER transition_append_only BEFORE UPDATE OR TRUNCATE ON transition
    FOR EACH STATEMENT EXECUTE FUNCTION px_append_only();
"""

FUNCTIONS = (
    "px_append_only",
    "px_in_use",
    "px_tag_moved",
    "px_tag_rules",
    "px_exchange_request_rules",
    "px_practice_rules",
    "px_tags_with_broader",
    "px_unknown",
)


def upgrade() -> None:
    op.execute("CREATE SEQUENCE feed_dirty_seq")
    op.execute("CREATE SEQUENCE feed_position_seq")
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("record_type", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("changed", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_organization", "audit", ["organization", "id"], unique=False)
    op.create_index("ix_audit_record", "audit", ["record_type", "record_id", "id"], unique=False)
    op.create_table(
        "city",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("kind", sa.Text(), server_default="city", nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("population", sa.Integer(), nullable=True),
        sa.Column(
            "population_band",
            sa.Text(),
            sa.Computed(
                "CASE WHEN population IS NULL THEN NULL WHEN population < 50000 THEN 'xs' WHEN population < 250000 THEN 's' WHEN population < 1000000 THEN 'm' WHEN population < 5000000 THEN 'l' ELSE 'xl' END",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("mandates", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("un_locode", sa.Text(), nullable=True),
        sa.Column("geonames_id", sa.Integer(), nullable=True),
        sa.Column("wikidata_id", sa.Text(), nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("member", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("ck_city_country")),
        sa.CheckConstraint("id ~ '^[a-z]{2}-[a-z0-9]+(-[a-z0-9]+)*$'", name=op.f("ck_city_id")),
        sa.CheckConstraint(
            "kind IN ('city', 'metropolitan_area', 'municipality', 'district', 'region')", name=op.f("ck_city_kind")
        ),
        sa.CheckConstraint(
            "mandates <@ ARRAY['housing', 'education', 'health', 'employment', 'policing', 'registration', 'social_protection', 'planning']::text[]",
            name=op.f("ck_city_mandates"),
        ),
        sa.CheckConstraint(
            "roles <@ ARRAY['origin', 'transit', 'destination', 'return']::text[]", name=op.f("ck_city_roles")
        ),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_city_position")),
        sa.CheckConstraint("char_length(id) <= 80", name=op.f("ck_city_id_length")),
        sa.CheckConstraint("char_length(name) <= 200", name=op.f("ck_city_name_length")),
        sa.CheckConstraint("char_length(un_locode) <= 5", name=op.f("ck_city_un_locode_length")),
        sa.CheckConstraint("char_length(website) <= 2000", name=op.f("ck_city_website_length")),
        sa.CheckConstraint("char_length(wikidata_id) <= 20", name=op.f("ck_city_wikidata_id_length")),
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name=op.f("ck_city_latitude")),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name=op.f("ck_city_longitude")),
        sa.CheckConstraint("lower(left(id, 2)) = lower(country)", name=op.f("ck_city_id_country")),
        sa.CheckConstraint("population >= 0", name=op.f("ck_city_population")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_city")),
    )
    op.create_index("ix_city_country", "city", ["country", "id"], unique=False)
    op.create_index("ix_city_latitude", "city", ["latitude"], unique=False)
    op.create_table(
        "feed",
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("op", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("dirty", sa.BigInteger(), server_default=sa.text("nextval('feed_dirty_seq')"), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("stamped_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("op IN ('upsert', 'delete')", name=op.f("ck_feed_op")),
        sa.PrimaryKeyConstraint("type", "id", name=op.f("pk_feed")),
    )
    op.create_index("ix_feed_dirty", "feed", ["dirty"], unique=False, postgresql_where=sa.text("seq IS NULL"))
    op.create_index("ix_feed_seq", "feed", ["seq"], unique=True)
    op.create_table(
        "idempotency_key",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "operation", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"], unique=False)
    op.create_table(
        "login_failure",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_failure")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "network",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("abbreviation", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), server_default="city-network", nullable=False),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("founded", sa.Integer(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("review_policy", sa.Text(), server_default="self_publish", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("id ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name=op.f("ck_network_id")),
        sa.CheckConstraint("review_policy IN ('self_publish', 'review')", name=op.f("ck_network_review_policy")),
        sa.CheckConstraint("char_length(abbreviation) <= 200", name=op.f("ck_network_abbreviation_length")),
        sa.CheckConstraint("char_length(description) <= 2000", name=op.f("ck_network_description_length")),
        sa.CheckConstraint("char_length(id) <= 80", name=op.f("ck_network_id_length")),
        sa.CheckConstraint("char_length(kind) <= 80", name=op.f("ck_network_kind_length")),
        sa.CheckConstraint("char_length(name) <= 200", name=op.f("ck_network_name_length")),
        sa.CheckConstraint("char_length(scope) <= 200", name=op.f("ck_network_scope_length")),
        sa.CheckConstraint("char_length(website) <= 2000", name=op.f("ck_network_website_length")),
        sa.CheckConstraint("founded BETWEEN 1800 AND 2100", name=op.f("ck_network_founded")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network")),
    )
    op.create_table(
        "rate_limit",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("window", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate_limit")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "revoked_token",
        sa.Column("jti", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_revoked_token")),
    )
    op.create_index("ix_revoked_token_expires_at", "revoked_token", ["expires_at"], unique=False)
    op.create_table(
        "secret",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secret")),
    )
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("private_pem", sa.Text(), nullable=False),
        sa.Column("public_jwk", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verifies_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_key")),
    )
    op.create_table(
        "tag",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("labels", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("synonyms", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("broader", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("broader <> id AND split_part(broader, ':', 1) = scheme", name=op.f("ck_tag_broader")),
        sa.CheckConstraint("id = scheme || ':' || code", name=op.f("ck_tag_id_parts")),
        sa.CheckConstraint("id ~ '^[a-z]+(-[a-z]+)*:[a-z0-9]+([.-][a-z0-9]+)*$'", name=op.f("ck_tag_id")),
        sa.CheckConstraint(
            "scheme IN ('theme', 'gcm', 'gcm-principle', 'gcr', 'sdg', 'group', 'format')", name=op.f("ck_tag_scheme")
        ),
        sa.CheckConstraint("char_length(created_by) <= 200", name=op.f("ck_tag_created_by_length")),
        sa.CheckConstraint("char_length(id) <= 120", name=op.f("ck_tag_id_length")),
        sa.CheckConstraint("char_length(label) <= 300", name=op.f("ck_tag_label_length")),
        sa.ForeignKeyConstraint(["broader"], ["tag.id"], name=op.f("fk_tag_broader"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
    )
    op.create_index("ix_tag_broader", "tag", ["broader"], unique=False)
    op.create_index("ix_tag_scheme_position_id", "tag", ["scheme", "position", "id"], unique=False)
    op.create_table(
        "transition",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("record_type", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("char_length(note) <= 2000", name=op.f("ck_transition_note_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transition")),
    )
    op.create_index("ix_transition_record", "transition", ["record_type", "record_id", "id"], unique=False)
    op.create_table(
        "client",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column(
            "city_id",
            sa.Text(),
            sa.Computed("CASE WHEN organization LIKE 'city:%' THEN substr(organization, 6) END", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "network_id",
            sa.Text(),
            sa.Computed("CASE WHEN organization LIKE 'network:%' THEN substr(organization, 9) END", persisted=True),
            nullable=True,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("secret_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previous_secret_hash", sa.LargeBinary(), nullable=True),
        sa.Column("previous_secret_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "organization = 'operator' OR organization LIKE 'city:%' OR organization LIKE 'network:%'",
            name=op.f("ck_client_organization"),
        ),
        sa.CheckConstraint("char_length(name) <= 200", name=op.f("ck_client_name_length")),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name=op.f("fk_client_city_id")),
        sa.ForeignKeyConstraint(["network_id"], ["network.id"], name=op.f("fk_client_network_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
    )
    op.create_index("ix_client_organization", "client", ["organization", "id"], unique=False)
    op.create_table(
        "membership",
        sa.Column("network_id", sa.Text(), nullable=False),
        sa.Column("city_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), server_default="member", nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role IN ('member', 'associate', 'board', 'observer')", name=op.f("ck_membership_role")),
        sa.CheckConstraint("until >= since", name=op.f("ck_membership_until")),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name=op.f("fk_membership_city_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["network_id"], ["network.id"], name=op.f("fk_membership_network_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("network_id", "city_id", name=op.f("pk_membership")),
    )
    op.create_index("ix_membership_city_id", "membership", ["city_id"], unique=False)
    op.create_table(
        "practice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("challenge", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("results", sa.Text(), nullable=True),
        sa.Column("lessons", sa.Text(), nullable=True),
        sa.Column("what_failed", sa.Text(), nullable=True),
        sa.Column("conditions", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("tag_closure", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("keywords", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("resources", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("license", sa.Text(), server_default="CC-BY-4.0", nullable=False),
        sa.Column("city_id", sa.Text(), nullable=False),
        sa.Column("partner_cities", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("implementers", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("contact_unit", sa.Text(), nullable=True),
        sa.Column("contact_email", sa.Text(), nullable=True),
        sa.Column("year_start", sa.SmallInteger(), nullable=True),
        sa.Column("year_end", sa.SmallInteger(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("budget_band", sa.Text(), nullable=True),
        sa.Column("staff_fte", sa.Float(), nullable=True),
        sa.Column("months_to_implement", sa.Integer(), nullable=True),
        sa.Column("beneficiaries", sa.Integer(), nullable=True),
        sa.Column("indicators", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("evidence_level", sa.SmallInteger(), nullable=True),
        sa.Column("offers", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("accepting_exchanges", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("adoption_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("visibility", sa.Text(), server_default="public", nullable=False),
        sa.Column("submitted_to", sa.Text(), nullable=True),
        sa.Column("networks", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("claimed", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("last_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("successor", sa.Uuid(), nullable=True),
        sa.Column("closed_note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("listed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("(status = 'merged') = (successor IS NOT NULL)", name=op.f("ck_practice_successor")),
        sa.CheckConstraint(
            "(status = 'submitted') <= (submitted_to IS NOT NULL)", name=op.f("ck_practice_submitted_to")
        ),
        sa.CheckConstraint(
            "budget_band IN ('under_10k', '10k_50k', '50k_250k', '250k_1m', '1m_5m', 'over_5m')",
            name=op.f("ck_practice_budget_band"),
        ),
        sa.CheckConstraint(
            "stage IN ('planned', 'pilot', 'ongoing', 'mainstreamed', 'completed', 'discontinued')",
            name=op.f("ck_practice_stage"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'submitted', 'changes_requested', 'published', 'archived', 'withdrawn', 'merged')",
            name=op.f("ck_practice_status"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('published', 'archived') OR published_at IS NOT NULL", name=op.f("ck_practice_published_at")
        ),
        sa.CheckConstraint(
            "visibility IN ('public', 'members') OR visibility LIKE 'network:%'", name=op.f("ck_practice_visibility")
        ),
        sa.CheckConstraint("beneficiaries >= 0", name=op.f("ck_practice_beneficiaries")),
        sa.CheckConstraint("char_length(challenge) <= 20000", name=op.f("ck_practice_challenge_length")),
        sa.CheckConstraint("char_length(closed_note) <= 2000", name=op.f("ck_practice_closed_note_length")),
        sa.CheckConstraint("char_length(conditions) <= 20000", name=op.f("ck_practice_conditions_length")),
        sa.CheckConstraint("char_length(contact_email) <= 254", name=op.f("ck_practice_contact_email_length")),
        sa.CheckConstraint("char_length(contact_unit) <= 200", name=op.f("ck_practice_contact_unit_length")),
        sa.CheckConstraint("char_length(description) <= 20000", name=op.f("ck_practice_description_length")),
        sa.CheckConstraint("char_length(lessons) <= 20000", name=op.f("ck_practice_lessons_length")),
        sa.CheckConstraint("char_length(results) <= 20000", name=op.f("ck_practice_results_length")),
        sa.CheckConstraint("char_length(summary) <= 800", name=op.f("ck_practice_summary_length")),
        sa.CheckConstraint("char_length(title) <= 150", name=op.f("ck_practice_title_length")),
        sa.CheckConstraint("char_length(what_failed) <= 20000", name=op.f("ck_practice_what_failed_length")),
        sa.CheckConstraint("evidence_level BETWEEN 0 AND 5", name=op.f("ck_practice_evidence_level")),
        sa.CheckConstraint("months_to_implement BETWEEN 0 AND 1200", name=op.f("ck_practice_months_to_implement")),
        sa.CheckConstraint("staff_fte BETWEEN 0 AND 1000000", name=op.f("ck_practice_staff_fte")),
        sa.CheckConstraint("successor <> id", name=op.f("ck_practice_successor_itself")),
        sa.CheckConstraint(
            "year_end BETWEEN 1900 AND 2100 AND year_end >= coalesce(year_start, 1900)",
            name=op.f("ck_practice_year_end"),
        ),
        sa.CheckConstraint("year_start BETWEEN 1900 AND 2100", name=op.f("ck_practice_year_start")),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name=op.f("fk_practice_city_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["submitted_to"], ["network.id"], name=op.f("fk_practice_submitted_to"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["successor"], ["practice.id"], name=op.f("fk_practice_successor"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice")),
    )
    op.create_index(
        "ix_practice_city",
        "practice",
        ["city_id", sa.literal_column("listed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_practice_listed",
        "practice",
        [sa.literal_column("listed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index("ix_practice_networks", "practice", ["networks"], unique=False, postgresql_using="gin")
    op.create_index(
        "ix_practice_public_city",
        "practice",
        ["city_id"],
        unique=False,
        postgresql_where=sa.text("status = 'published' AND visibility = 'public'"),
    )
    op.create_index(
        "ix_practice_public_listed",
        "practice",
        [sa.literal_column("listed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("status = 'published' AND visibility = 'public'"),
    )
    op.create_index("ix_practice_tag_closure", "practice", ["tag_closure"], unique=False, postgresql_using="gin")
    op.create_index("ix_practice_title", "practice", [sa.literal_column("lower(title)"), "id"], unique=False)
    op.create_index(
        "ix_practice_updated",
        "practice",
        [sa.literal_column("updated_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_table(
        "tag_relation",
        sa.Column("tag_id", sa.Text(), nullable=False),
        sa.Column("related_id", sa.Text(), nullable=False),
        sa.CheckConstraint("tag_id <> related_id", name=op.f("ck_tag_relation_itself")),
        sa.ForeignKeyConstraint(
            ["related_id"], ["tag.id"], name=op.f("fk_tag_relation_related_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name=op.f("fk_tag_relation_tag_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tag_id", "related_id", name=op.f("pk_tag_relation")),
    )
    op.create_table(
        "exchange_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("formats", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("need", sa.Text(), nullable=False),
        sa.Column("already_tried", sa.Text(), nullable=True),
        sa.Column("expected_result", sa.Text(), nullable=True),
        sa.Column("support_sought", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("tag_closure", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("city_id", sa.Text(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=True),
        sa.Column("addressed_to", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("preferred_countries", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("preferred_population_band", sa.Text(), nullable=True),
        sa.Column("preferred_roles", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("costs_covered", sa.Text(), server_default="none", nullable=False),
        sa.Column("needed_by", sa.Date(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visibility", sa.Text(), server_default="public", nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        sa.Column("closed_note", sa.Text(), nullable=True),
        sa.Column("outcome", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("response_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(status = 'cancelled') <= (closed_reason IS NOT NULL)", name=op.f("ck_exchange_request_closed")
        ),
        sa.CheckConstraint(
            "closed_reason IN ('fulfilled', 'no_capacity', 'no_match', 'not_relevant', 'no_longer_needed', 'duplicate')",
            name=op.f("ck_exchange_request_closed_reason"),
        ),
        sa.CheckConstraint(
            "costs_covered IN ('none', 'travel', 'full')", name=op.f("ck_exchange_request_costs_covered")
        ),
        sa.CheckConstraint("kind IN ('seek', 'offer')", name=op.f("ck_exchange_request_kind")),
        sa.CheckConstraint(
            "preferred_population_band IN ('xs', 's', 'm', 'l', 'xl')",
            name=op.f("ck_exchange_request_preferred_population_band"),
        ),
        sa.CheckConstraint(
            "preferred_roles <@ ARRAY['origin', 'transit', 'destination', 'return']::text[]",
            name=op.f("ck_exchange_request_preferred_roles"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'returned', 'matched', 'in_progress', 'completed', 'cancelled', 'expired', 'unfulfilled')",
            name=op.f("ck_exchange_request_status"),
        ),
        sa.CheckConstraint(
            "support_sought <@ ARRAY['know_how', 'resources', 'tools', 'partnerships']::text[]",
            name=op.f("ck_exchange_request_support_sought"),
        ),
        sa.CheckConstraint(
            "visibility <> 'addressed' OR addressed_to <> '{}'", name=op.f("ck_exchange_request_addressed")
        ),
        sa.CheckConstraint(
            "visibility IN ('public', 'members', 'addressed')", name=op.f("ck_exchange_request_visibility")
        ),
        sa.CheckConstraint(
            "char_length(already_tried) <= 20000", name=op.f("ck_exchange_request_already_tried_length")
        ),
        sa.CheckConstraint("char_length(closed_note) <= 2000", name=op.f("ck_exchange_request_closed_note_length")),
        sa.CheckConstraint(
            "char_length(expected_result) <= 20000", name=op.f("ck_exchange_request_expected_result_length")
        ),
        sa.CheckConstraint("char_length(need) <= 20000", name=op.f("ck_exchange_request_need_length")),
        sa.CheckConstraint("char_length(title) <= 150", name=op.f("ck_exchange_request_title_length")),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_exchange_request_expires_at")),
        sa.ForeignKeyConstraint(
            ["city_id"], ["city.id"], name=op.f("fk_exchange_request_city_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_exchange_request_practice_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_request")),
        sa.UniqueConstraint("external_id", name=op.f("uq_exchange_request_external_id")),
    )
    op.create_index(
        "ix_exchange_request_addressed_to", "exchange_request", ["addressed_to"], unique=False, postgresql_using="gin"
    )
    op.create_index(
        "ix_exchange_request_city",
        "exchange_request",
        ["city_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_exchange_request_created",
        "exchange_request",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_exchange_request_due",
        "exchange_request",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('open', 'returned')"),
    )
    op.create_index("ix_exchange_request_practice_id", "exchange_request", ["practice_id"], unique=False)
    op.create_index(
        "ix_exchange_request_tag_closure", "exchange_request", ["tag_closure"], unique=False, postgresql_using="gin"
    )
    op.create_table(
        "practice_endorsement",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("char_length(comment) <= 2000", name=op.f("ck_practice_endorsement_comment_length")),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_practice_endorsement_practice_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("practice_id", "organization", name=op.f("pk_practice_endorsement")),
    )
    op.create_table(
        "practice_external_id",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.CheckConstraint("char_length(scheme) <= 80", name=op.f("ck_practice_external_id_scheme_length")),
        sa.CheckConstraint("char_length(url) <= 2000", name=op.f("ck_practice_external_id_url_length")),
        sa.CheckConstraint("char_length(value) <= 200", name=op.f("ck_practice_external_id_value_length")),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_practice_external_id_practice_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_external_id")),
        sa.UniqueConstraint("scheme", "value", name="uq_practice_external_id_scheme_value"),
    )
    op.create_index("ix_practice_external_id_practice_id", "practice_external_id", ["practice_id"], unique=False)
    op.create_table(
        "practice_origin",
        sa.Column("network_id", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("last_synced_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("char_length(external_id) <= 200", name=op.f("ck_practice_origin_external_id_length")),
        sa.CheckConstraint("char_length(url) <= 2000", name=op.f("ck_practice_origin_url_length")),
        sa.ForeignKeyConstraint(
            ["network_id"], ["network.id"], name=op.f("fk_practice_origin_network_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_practice_origin_practice_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("network_id", "external_id", name=op.f("pk_practice_origin")),
        sa.UniqueConstraint("practice_id", "network_id", name="uq_practice_origin_practice_id_network_id"),
    )
    op.create_table(
        "practice_translation",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("texts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('original', 'human', 'machine')", name=op.f("ck_practice_translation_status")),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_practice_translation_practice_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("practice_id", "language", name=op.f("pk_practice_translation")),
    )
    # Several statements at once go round the prepared statements that SQLAlchemy makes of each.
    connection = op.get_bind().connection.dbapi_connection
    assert connection is not None  # noqa: S101 - migrations run online only
    connection.run_async(lambda driver: driver.execute(RULES))


def downgrade() -> None:
    op.drop_table("practice_translation")
    op.drop_table("practice_origin")
    op.drop_index("ix_practice_external_id_practice_id", table_name="practice_external_id")
    op.drop_table("practice_external_id")
    op.drop_table("practice_endorsement")
    op.drop_index("ix_exchange_request_tag_closure", table_name="exchange_request", postgresql_using="gin")
    op.drop_index("ix_exchange_request_practice_id", table_name="exchange_request")
    op.drop_index(
        "ix_exchange_request_due",
        table_name="exchange_request",
        postgresql_where=sa.text("status IN ('open', 'returned')"),
    )
    op.drop_index("ix_exchange_request_created", table_name="exchange_request")
    op.drop_index("ix_exchange_request_city", table_name="exchange_request")
    op.drop_index("ix_exchange_request_addressed_to", table_name="exchange_request", postgresql_using="gin")
    op.drop_table("exchange_request")
    op.drop_table("tag_relation")
    op.drop_index("ix_practice_updated", table_name="practice")
    op.drop_index("ix_practice_title", table_name="practice")
    op.drop_index("ix_practice_tag_closure", table_name="practice", postgresql_using="gin")
    op.drop_index(
        "ix_practice_public_city",
        table_name="practice",
        postgresql_where=sa.text("status = 'published' AND visibility = 'public'"),
    )
    op.drop_index(
        "ix_practice_public_listed",
        table_name="practice",
        postgresql_where=sa.text("status = 'published' AND visibility = 'public'"),
    )
    op.drop_index("ix_practice_networks", table_name="practice", postgresql_using="gin")
    op.drop_index("ix_practice_listed", table_name="practice")
    op.drop_index("ix_practice_city", table_name="practice")
    op.drop_table("practice")
    op.drop_index("ix_membership_city_id", table_name="membership")
    op.drop_table("membership")
    op.drop_index("ix_client_organization", table_name="client")
    op.drop_table("client")
    op.drop_index("ix_transition_record", table_name="transition")
    op.drop_table("transition")
    op.drop_index("ix_tag_scheme_position_id", table_name="tag")
    op.drop_index("ix_tag_broader", table_name="tag")
    op.drop_table("tag")
    op.drop_table("signing_key")
    op.drop_table("secret")
    op.drop_index("ix_revoked_token_expires_at", table_name="revoked_token")
    op.drop_table("revoked_token")
    op.drop_table("rate_limit")
    op.drop_table("network")
    op.drop_table("login_failure")
    op.drop_index("ix_idempotency_key_created_at", table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_index("ix_feed_seq", table_name="feed")
    op.drop_index("ix_feed_dirty", table_name="feed", postgresql_where=sa.text("seq IS NULL"))
    op.drop_table("feed")
    op.drop_index("ix_city_latitude", table_name="city")
    op.drop_index("ix_city_country", table_name="city")
    op.drop_table("city")
    op.drop_index("ix_audit_record", table_name="audit")
    op.drop_index("ix_audit_organization", table_name="audit")
    op.drop_table("audit")
    op.execute("DROP SEQUENCE feed_dirty_seq, feed_position_seq")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
