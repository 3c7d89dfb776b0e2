"""Counting by bitmaps: a million records are sets of bits, and a choice among them is an AND of such sets.

Every published practice has a slot, a number. For every value that a record may have, `facet_bits` has a row for each
segment of slots, with a bit for each record that has the value. They are made by the clock (see `refresh`); records
changed since are in `facet_dirty` and are taken out here: they are counted one by one.
"""

from collections.abc import Iterator, Mapping

from app.areas import MEMBERS, in_region
from app.caller import Caller
from app.database import Arguments
from app.periods import in_days
from app.resources.practices.filters import EQUAL, OF_CITY, STALE_AFTER
from app.resources.practices.parameters import PracticeFilters
from app.visibility import shared_with

WORD = 64
# A row of so many bits just fits into a page.
SEGMENT = 960 * WORD
NONE = f"0::bit({SEGMENT})"
CHANGED = """
dirty AS MATERIALIZED (SELECT DISTINCT practice_id FROM facet_dirty)"""
YEARS = """SELECT 'years' AS kind, y.value FROM (
    SELECT v.value, nullif(split_part(v.value, '|', 1), '')::int AS year_start,
           nullif(split_part(v.value, '|', 2), '')::int AS year_end, split_part(v.value, '|', 3) = 'true' AS goes_on
    FROM (SELECT DISTINCT value FROM facet_bits WHERE kind = 'years') v) y WHERE """
# For each filter a SELECT of the sets of which a record must be in one; `{0}` is the filter's value.
SETS = {
    **{name: f"SELECT '{name}' AS kind, {{0}}::text AS value" for name in EQUAL},
    **{name: f"SELECT 'city' AS kind, fc.id AS value FROM city fc WHERE {of}" for name, of in OF_CITY.items()},
    "offers": "SELECT 'offer' AS kind, {0}::text AS value",
    "network": f"""SELECT 'brought' AS kind, {{0}}::text AS value
        UNION ALL SELECT 'city', x.city_id FROM ({MEMBERS}) x""",
    "evidence_min": "SELECT 'evidence' AS kind, generate_series({0}::int, 5)::text AS value",
    "year_from": f"{YEARS} coalesce(y.year_end, y.year_start) >= {{0}} OR (y.year_start <= {{0}} AND y.goes_on)",
    "year_to": f"{YEARS} coalesce(y.year_start, y.year_end) <= {{0}}",
}
OTHERWISE = {"q", "status", "tag", "any_tag", "region", "published_from", "published_to", "updated_since", "stale"}

if unknown := PracticeFilters.model_fields.keys() ^ (SETS.keys() | OTHERWISE):
    message = f"Facets and filters differ in {sorted(unknown)}"
    raise TypeError(message)


def bitmaps(source: str, keys: str = "") -> str:
    """A SELECT of the sets of slots that `source` gives: the keys, `segment`, `bits`.

    Args:
        source: a SELECT of the keys and `slot`.
        keys: the columns that tell the sets apart, each with a comma after it.
    """
    word = f"slot % {SEGMENT} / {WORD}"
    return f"""
    SELECT {keys} segment, ('x' || rpad(string_agg(
               repeat('0', 16 * (word - before - 1)) || lpad(to_hex(bits), 16, '0'), '' ORDER BY word),
           {SEGMENT // 4}, '0'))::bit({SEGMENT}) AS bits
    FROM (SELECT *, coalesce(lag(word) OVER (PARTITION BY {keys} segment ORDER BY word), -1) AS before FROM (
        SELECT {keys} slot / {SEGMENT} AS segment, {word} AS word,
               bit_or(1::bigint << ({WORD - 1} - slot % {WORD})) AS bits
        FROM ({source}) s GROUP BY {keys} slot / {SEGMENT}, {word}) w) w
    GROUP BY {keys} segment"""


def met(caller: Caller, own: Mapping[str, PracticeFilters], rest: PracticeFilters, found: str, arg: Arguments) -> str:
    """The CTE `met(name, segment, bits)`: the unchanged records that meet all filters but the one of dimension `name`.

    Args:
        caller: who asks.
        own: the filters of dimensions; under the name '' all of them are met.
        rest: the other filters, which every record meets.
        found: a SELECT of the ids that words find; empty: no words are searched.
        arg: the statement's arguments.
    """
    choices: list[str] = []
    sets: list[str] = []
    numbers: dict[str, list[int]] = {}
    for name, filters in {"": rest, **own}.items():
        wanted = [*([_seen(caller, arg)] if filters is rest else []), *_values(filters, arg)]
        slots = [*_moments(filters, arg), *([_slots_of(found)] if found and filters is rest else [])]
        first = len(choices) + len(sets)
        numbers[name] = list(range(first, first + len(wanted) + len(slots)))
        choices += [f"SELECT {first + n} AS no, w.* FROM ({select}) w" for n, select in enumerate(wanted)]
        first += len(wanted)
        sets += [f"SELECT {first + n} AS no, b.* FROM ({bitmaps(select)}) b" for n, select in enumerate(slots)]
    every = {number for of in numbers.values() for number in of}
    needed = {"": every, **{name: every - set(numbers[name]) for name in own}}
    rows = ", ".join(f"('{name}', ARRAY{sorted(of)})" for name, of in needed.items())
    return f"""
choice AS MATERIALIZED ({" UNION ALL ".join(choices)}),
part AS MATERIALIZED (
    SELECT n.no, s.segment, x.bits
    FROM (SELECT DISTINCT no FROM choice) n
    CROSS JOIN generate_series(0, (SELECT max(slot) / {SEGMENT} FROM facet_slot)) AS s (segment)
    CROSS JOIN LATERAL (SELECT bit_or(b.bits) AS bits FROM choice w JOIN facet_bits b
        ON b.kind = w.kind AND b.value = w.value AND b.segment = s.segment WHERE w.no = n.no) x
    WHERE x.bits IS NOT NULL
    {"".join(f" UNION ALL {select}" for select in sets)}),
changed AS MATERIALIZED ({bitmaps("SELECT s.slot FROM dirty JOIN facet_slot s USING (practice_id)")}),
met AS MATERIALIZED (
    SELECT m.name, segment, m.bits & ~coalesce(x.bits, {NONE}) AS bits
    FROM (SELECT n.name, p.segment, bit_and(p.bits) AS bits
          FROM (VALUES {rows}) AS n (name, parts) JOIN part p ON p.no = ANY (n.parts)
          GROUP BY n.name, n.parts, p.segment HAVING count(*) = cardinality(n.parts)) m
    LEFT JOIN changed x USING (segment))"""


def _seen(caller: Caller, arg: Arguments) -> str:
    """What the caller sees of what is published, as `visibility.practice_visible` says it."""
    if caller.is_operator:
        return "SELECT DISTINCT kind, value FROM facet_bits WHERE kind = 'visibility'"
    seen = f"SELECT 'visibility' AS kind, unnest({arg(shared_with(caller))}::text[]) AS value"
    if caller.city_id:
        seen += f" UNION ALL SELECT 'city', {arg(caller.city_id)}::text"
    if caller.network_id:
        network = arg(caller.network_id)
        seen += f" UNION ALL SELECT 'brought', {network}::text UNION ALL SELECT 'reviewer', {network}::text"
    return seen


def _values(query: PracticeFilters, arg: Arguments) -> Iterator[str]:
    """For each filter a SELECT of the sets of which a record must be in one: `kind`, `value`."""
    for tag in query.tag:
        yield f"SELECT 'tag' AS kind, {arg(tag)}::text AS value"
    if query.any_tag:
        yield f"SELECT 'tag' AS kind, unnest({arg(query.any_tag)}::text[]) AS value"
    if query.region:
        yield f"SELECT 'city' AS kind, rc.id AS value FROM city rc WHERE {in_region('rc.id', query.region, arg)}"
    for name, wanted in SETS.items():
        if (value := getattr(query, name)) is not None:
            yield wanted.format(arg(value))


def _moments(query: PracticeFilters, arg: Arguments) -> list[str]:
    """A SELECT of the slots that meet the filters by points in time, if there are any."""
    conditions = in_days("s.published_at", query.published_from, query.published_to, arg)
    if query.updated_since is not None:
        conditions.append(f"s.updated_at >= {arg(query.updated_since)}")
    if query.stale is not None:
        fresh = f"s.fresh_at >= now() - {STALE_AFTER}"
        conditions.append(f"NOT ({fresh})" if query.stale else fresh)
    return [f"SELECT s.slot FROM facet_slot s WHERE {' AND '.join(conditions)}"] if conditions else []


def _slots_of(ids: str) -> str:
    return f"SELECT s.slot FROM ({ids}) AS i (practice_id) JOIN facet_slot s USING (practice_id)"
