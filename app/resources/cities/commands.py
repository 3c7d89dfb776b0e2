"""Writes of cities, inside the caller's transaction."""

import json
import re
import unicodedata

import asyncpg

from app.audit import audited
from app.caller import Actor, Caller
from app.database import Arguments, Connection
from app.errors import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed, error
from app.feed import mark
from app.fields import SLUG_LENGTH
from app.merging import Versions, merge_patch
from app.resources.cities.queries import writable
from app.resources.cities.schemas import HALF_POSITION, CityCreate, CityUpdate

# Letters that have no decomposition into an ASCII letter and a mark.
LETTERS = str.maketrans(
    {
        "\u0131": "i",
        "ß": "ss",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ħ": "h",
        "ŋ": "ng",
    }
)
EMPTY: dict[str, object] = {"kind": "city", "names": {}, "roles": [], "languages": [], "mandates": [], "member": False}


async def create_city(connection: Connection, actor: Actor, body: CityCreate) -> str:
    """Register a city; one that a network registers becomes its member. Gives the id.

    Raises:
        Forbidden: a city asks.
        InvalidInput: the name gives no id.
        Conflict: the id is taken.
    """
    caller = actor.caller
    if not (caller.is_operator or caller.network_id):
        raise Forbidden("The operator or a network registers cities.")
    id_ = body.id or _id_of(body)
    arg = Arguments(id_)
    values = body.model_dump(mode="json", exclude={"id"})
    names = arg(json.dumps(values.pop("names"), ensure_ascii=False))
    assignments = {"id": "$1", "names": f"{names}::jsonb", **{name: arg(value) for name, value in values.items()}}
    origin = arg(actor.organization)
    joined = ""
    if caller.network_id:
        network = arg(caller.network_id)
        joined = (
            f"joined AS (INSERT INTO membership (city_id, network_id) SELECT id, {network} FROM made),"
            f" counted AS ({mark('network', f'FROM network WHERE id = {network}', origin=origin)}),"
        )
    sql = f"""
WITH made AS (INSERT INTO city ({", ".join(assignments)}) VALUES ({", ".join(assignments.values())})
              RETURNING id, version),
{joined}
marked AS ({mark("city", "FROM made", origin=origin)})
{audited(arg, actor, "created", "city", "FROM made")}"""
    try:
        await connection.execute(sql, *arg.values)
    except asyncpg.UniqueViolationError as reason:
        raise Conflict(f"There is a city {id_} already.", id=id_) from reason
    return id_


async def update_city(connection: Connection, actor: Actor, id_: str, versions: Versions, patch: CityUpdate) -> None:
    """Apply a merge patch (RFC 7396).

    Args:
        connection: with its transaction.
        actor: who changes it.
        id_: the city.
        versions: the versions that the change may be for; None: any.
        patch: the patch; only what was sent counts.

    Raises:
        NotFound, Forbidden, PreconditionFailed: as the names say.
        InvalidInput: the record would break a rule after the change.
    """
    row = await connection.fetchrow(*writable(id_).flat)
    if row is None:
        raise NotFound("There is no such city.")
    _check_may_change(actor.caller, id_, patch)
    if versions is not None and row["version"] not in versions:
        raise PreconditionFailed(f"The city is at version {row['version']} now.")
    before = json.loads(row["fields"])
    given = patch.model_dump(mode="json", exclude_unset=True)
    wanted = merge_patch(before, given)
    changed = {name: value for name, value in given.items() if wanted.get(name, EMPTY.get(name)) != before[name]}
    if not changed:
        return
    arg = Arguments(id_)
    changes = ", ".join(_assignment(name, value, arg) for name, value in changed.items())
    origin = arg(actor.organization)
    shown = _shown_elsewhere(origin) if "name" in changed else ""
    sql = f"""
WITH made AS (UPDATE city SET {changes}, version = version + 1, updated_at = now() WHERE id = $1
              RETURNING id, version),
{shown}
marked AS ({mark("city", "FROM made", origin=origin)})
{audited(arg, actor, "updated", "city", "FROM made", changed=sorted(changed))}"""
    try:
        await connection.execute(sql, *arg.values)
    except asyncpg.CheckViolationError as reason:
        if reason.constraint_name != "ck_city_position":
            raise
        pointer = "/latitude" if "latitude" in given else "/longitude"
        raise InvalidInput(HALF_POSITION, errors=[error(pointer, "position", HALF_POSITION)]) from reason


def _check_may_change(caller: Caller, id_: str, patch: CityUpdate) -> None:
    if caller.is_operator:
        return
    if caller.city_id != id_:
        raise Forbidden("A city's profile is changed by the city itself.")
    if "member" in patch.model_fields_set:
        raise Forbidden("Whether a city has joined the exchange is set by the operator.")


def _assignment(name: str, value: object, arg: Arguments) -> str:
    if name == "names":
        if value is None:
            return "names = '{}'"
        return f"names = jsonb_strip_nulls(names || {arg(json.dumps(value, ensure_ascii=False))}::jsonb)"
    return f"{name} = {arg(EMPTY.get(name) if value is None else value)}"


def _shown_elsewhere(origin: str) -> str:
    """The marks of every public record whose document names the city: its name has changed there too."""
    practices = """FROM practice p WHERE p.status = 'published' AND p.visibility = 'public'
        AND (p.city_id = $1 OR p.partner_cities @> ARRAY[$1]) ORDER BY p.id"""
    requests = """FROM exchange_request r JOIN feed f ON f.type = 'exchange_request' AND f.id = r.id::text
        WHERE r.city_id = $1 ORDER BY r.id"""
    adoptions = """FROM adoption a JOIN feed f ON f.type = 'adoption' AND f.id = a.id::text
        WHERE a.city_id = $1 ORDER BY a.id"""
    return (
        f"adopted AS ({mark('adoption', adoptions, id_='a.id', version='f.version', op='f.op', origin=origin)}),"
        f" shown AS ({mark('practice', practices, id_='p.id', version='p.version', origin=origin)}),"
        f" asked AS ({mark('exchange_request', requests, id_='r.id', version='f.version', op='f.op', origin=origin)}),"
    )


def _id_of(body: CityCreate) -> str:
    """Country and slug; of a name in another script the slug is made from the English one."""
    for name in (body.name, body.names.get("en", "")):
        folded = unicodedata.normalize("NFKD", name.lower().translate(LETTERS))
        letters = "".join(character for character in folded if not unicodedata.combining(character))
        if slug := re.sub(r"[^a-z0-9]+", "-", letters)[: SLUG_LENGTH - 3].strip("-"):
            return f"{body.country.lower()}-{slug}"
    detail = "The name gives no id in Latin letters: send an id, or an English name in names."
    raise InvalidInput(detail, errors=[error("/id", "missing", detail)])
