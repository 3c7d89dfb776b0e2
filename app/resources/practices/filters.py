"""What the filters of a search for practices mean, as SQL conditions on the practice `p`."""

from app.areas import PRACTICE_OF_NETWORK, in_region
from app.caller import Caller
from app.database import Arguments
from app.periods import in_days
from app.resources.practices.parameters import PracticeFilters
from app.visibility import practice_concerns, practice_visible

COLUMN = {"tag": "t.tag_closure", "offer": "t.offers"}
STALE_AFTER = "interval '2 years'"
EQUAL = {"city": "city_id", "language": "language", "stage": "stage", "budget_band": "budget_band"}
OF_CITY = {
    "country": "fc.country = {}",
    "population_band": "fc.population_band = {}",
    "role": "fc.roles @> ARRAY[{}::text]",
    "mandate": "fc.mandates @> ARRAY[{}::text]",
}


def search_conditions(caller: Caller, query: PracticeFilters, arg: Arguments) -> list[str]:
    """All conditions of a search, the caller's sight among them; joined by AND."""
    return [*standing(caller, query, arg), *choice_conditions(query, arg)]


def choice_conditions(query: PracticeFilters, arg: Arguments) -> list[str]:
    """The conditions of what was chosen alone, whoever asks and whatever state the records are in."""
    return [
        *_tags(query, arg),
        *[
            f"p.{column} = {arg(value)}"
            for name, column in EQUAL.items()
            if (value := getattr(query, name)) is not None
        ],
        *_city(query, arg),
        *_years(query, arg),
        *in_days("p.published_at", query.published_from, query.published_to, arg),
        *_quality(query, arg),
    ]


def standing(caller: Caller, query: PracticeFilters, arg: Arguments) -> list[str]:
    """The conditions that the caller sees a record, in the state that is asked for."""
    status = query.status or "published"
    conditions = [practice_visible(caller, arg)]
    if caller.is_member:
        conditions.append(f"p.status = {arg(status)}")
    if status != "published":
        # In any other state a record is the business of those who stand behind it.
        conditions.append(practice_concerns(caller, arg))
    return conditions


def anybody(query: PracticeFilters, arg: Arguments) -> list[str]:
    """The condition that any published practice has the tags and offers that a search asks for, by the facets' sets.

    PostgreSQL does not know which values nobody has: it would follow the order of a list through all records to find
    none. Whatever the sets do not show is in `facet_dirty`.
    """
    if query.status not in {None, "published"}:
        return []
    asked = (("tag", "bool_and", query.tag), ("tag", "bool_or", query.any_tag), ("offer", "bool_and", [query.offers]))
    return [
        f"""(SELECT {every}(
            EXISTS (SELECT FROM facet_bits b WHERE b.kind = '{kind}' AND b.value = v AND bit_count(b.bits) > 0)
            OR EXISTS (SELECT FROM facet_dirty d JOIN practice t ON t.id = d.practice_id
                       WHERE v = ANY ({COLUMN[kind]})))
         FROM unnest({arg(values)}::text[]) AS v)"""
        for kind, every, values in asked
        if values and values != [None]
    ]


def _tags(query: PracticeFilters, arg: Arguments) -> list[str]:
    conditions = []
    if query.tag:
        conditions.append(f"p.tag_closure @> {arg(query.tag)}::text[]")
    if query.any_tag:
        conditions.append(f"p.tag_closure && {arg(query.any_tag)}::text[]")
    if query.offers:
        conditions.append(f"p.offers @> ARRAY[{arg(query.offers)}::text]")
    return conditions


def _city(query: PracticeFilters, arg: Arguments) -> list[str]:
    given = {name: value for name in OF_CITY if (value := getattr(query, name)) is not None}
    of_city = [OF_CITY[name].format(arg(value)) for name, value in given.items()]
    conditions = [f"p.city_id IN (SELECT fc.id FROM city fc WHERE {' AND '.join(of_city)})"] if of_city else []
    if query.network:
        conditions.append(PRACTICE_OF_NETWORK.format(arg(query.network)))
    if query.region:
        conditions.append(in_region("p.city_id", query.region, arg))
    return conditions


def _years(query: PracticeFilters, arg: Arguments) -> list[str]:
    conditions = []
    if query.year_from is not None:
        year = arg(query.year_from)
        goes_on = "p.year_end IS NULL AND coalesce(p.stage, 'ongoing') NOT IN ('completed', 'discontinued')"
        conditions.append(f"(coalesce(p.year_end, p.year_start) >= {year} OR (p.year_start <= {year} AND {goes_on}))")
    if query.year_to is not None:
        conditions.append(f"coalesce(p.year_start, p.year_end) <= {arg(query.year_to)}")
    return conditions


def _quality(query: PracticeFilters, arg: Arguments) -> list[str]:
    conditions = []
    if query.evidence_min is not None:
        conditions.append(f"p.evidence_level >= {arg(query.evidence_min)}")
    if query.updated_since is not None:
        conditions.append(f"p.updated_at >= {arg(query.updated_since)}")
    if query.stale is not None:
        fresh = f"coalesce(p.last_verified_at, p.published_at, p.created_at) >= now() - {STALE_AFTER}"
        conditions.append(f"NOT ({fresh})" if query.stale else fresh)
    return conditions
