"""The documents of practices, as SELECT lists over the practice `p` and its city `c`."""

from functools import lru_cache

from app.documents import city_ref, columns, moment, same
from app.resources.practices.schemas import PracticePublic, PracticeSummary, PracticeTexts, Tombstone

# What is shown of a record that words found: the first two, and the first of the others that has any.
TEXTS = tuple(PracticeTexts.model_fields)

SUMMARY = columns(
    PracticeSummary,
    {
        **same(
            "p", "id", "title", "summary", "language", "tags", "keywords", "year_start", "year_end", "stage",
            "budget_band", "evidence_level", "offers", "accepting_exchanges", "adoption_count", "status", "visibility",
            "networks", "version",
        ),
        "city": city_ref("c"),
        "created_at": moment("p.created_at"),
        "updated_at": moment("p.updated_at"),
        "published_at": moment("p.published_at"),
    },
)  # fmt: skip

# Rows as they are would come on lines of their own, and break a line of NDJSON.
TRANSLATIONS = """(SELECT coalesce(json_agg(json_build_object('language', t.language, 'status', t.status)
    ORDER BY t.status = 'original' DESC, t.language), '[]') FROM (
    SELECT p.language, 'original' AS status
    UNION ALL SELECT x.language, x.status FROM practice_translation x
    WHERE x.practice_id = p.id AND lower(x.language) <> lower(p.language)) t)"""
PARTNERS = f"""(SELECT coalesce(json_agg({city_ref("pc")} ORDER BY array_position(p.partner_cities, pc.id)), '[]')
    FROM city pc WHERE pc.id = ANY (p.partner_cities))"""
PARTNERS_VERSION = """CASE WHEN p.partner_cities = '{}' THEN '' ELSE
    '.' || (SELECT sum(pc.version) FROM city pc WHERE pc.id = ANY (p.partner_cities)) END"""
ENDORSEMENTS = f"""(SELECT coalesce(json_agg(json_build_object('organization', e.organization, 'comment', e.comment,
    'at', {moment("e.at")}) ORDER BY e.at), '[]') FROM practice_endorsement e WHERE e.practice_id = p.id)"""
EXTERNAL_IDS = """(SELECT coalesce(json_agg(json_build_object('scheme', x.scheme, 'value', x.value, 'url', x.url)
    ORDER BY x.id), '[]') FROM practice_external_id x WHERE x.practice_id = p.id)"""
ORIGINS = f"""(SELECT coalesce(json_agg(json_build_object('network', o.network_id, 'external_id', o.external_id,
    'url', o.url, 'last_synced_at', {moment("o.last_synced_at")}) ORDER BY o.network_id), '[]')
    FROM practice_origin o WHERE o.practice_id = p.id)"""


LANGUAGE = "coalesce(tr.language, p.language)"


# By what the caller may do there are a few of them.
@lru_cache(maxsize=64)
def document_for(contact: str, transitions: str, *, translated: bool = False) -> str:
    """The SELECT list of a practice's document; `translated`: with the texts that the translation `tr` has."""
    texts = {name: f"coalesce(tr.texts ->> '{name}', p.{name})" if translated else f"p.{name}" for name in TEXTS}
    return columns(
        PracticePublic,
        {
            **texts,
            "language": LANGUAGE if translated else "p.language",
            **same(
                "p", "id", "tags", "keywords", "resources", "license", "implementers", "year_start",
                "year_end", "stage", "budget_band", "staff_fte", "months_to_implement", "beneficiaries", "indicators",
                "evidence_level", "offers", "accepting_exchanges", "adoption_count", "status", "visibility",
                "networks", "successor", "version",
            ),
            "city": city_ref("c"),
            "translations": TRANSLATIONS,
            "partner_cities": f"CASE WHEN p.partner_cities = '{{}}' THEN '[]' ELSE {PARTNERS} END",
            "contact": contact,
            "endorsements": ENDORSEMENTS,
            "last_verified_at": moment("p.last_verified_at"),
            "external_ids": EXTERNAL_IDS,
            "origins": ORIGINS,
            "created_at": moment("p.created_at"),
            "updated_at": moment("p.updated_at"),
            "published_at": moment("p.published_at"),
            "allowed_transitions": transitions,
        },
    )  # fmt: skip


TOMBSTONE = columns(
    Tombstone,
    {
        **same("p", "id", "status", "successor"),
        "withdrawn_at": moment("p.updated_at"),
        "note": "p.closed_note",
    },
)
CONTACT = """CASE WHEN coalesce(p.contact_unit, p.contact_email) IS NOT NULL
    THEN json_build_object('unit', p.contact_unit, 'email', p.contact_email) END"""
PUBLIC_DOCUMENT, PUBLIC_TRANSLATED = (
    document_for("NULL::json", "'[]'::json", translated=translated) for translated in (False, True)
)
