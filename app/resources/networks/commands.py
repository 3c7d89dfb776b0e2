"""Writes of networks and memberships, inside the caller's transaction."""

import json
from dataclasses import dataclass

import asyncpg

from app.audit import audited
from app.caller import Actor, Caller
from app.database import Arguments, Connection, Row
from app.errors import Conflict, Forbidden, NotFound, PreconditionFailed, PreconditionRequired
from app.feed import mark
from app.merging import Versions
from app.resources.networks.queries import standing, writable
from app.resources.networks.schemas import MembershipPut, NetworkCreate, NetworkUpdate

# So long after its last day a membership that nobody was told the end of is still looked for.
KEPT_FOR_DAYS = 30
ENDED = f"""
WITH over AS MATERIALIZED (
    SELECT m.network_id, m.city_id, (m.until + 1)::timestamptz AS since FROM membership m
    WHERE m.until < current_date AND m.until >= current_date - $1::int),
untold AS MATERIALIZED (
    SELECT o.network_id, o.city_id, p.id, p.version
    FROM over o JOIN practice p ON p.city_id = o.city_id AND p.status = 'published' AND p.visibility = 'public'
    JOIN feed f ON f.type = 'practice' AND f.id = p.id::text AND f.stamped_at < o.since),
told AS (
    -- Its own trigger remembers which sets the practices have left.
    UPDATE membership m SET until = m.until FROM (SELECT DISTINCT network_id, city_id FROM untold) u
    WHERE (m.network_id, m.city_id) = (u.network_id, u.city_id)),
city_made AS (UPDATE city SET version = version + 1, updated_at = now()
              WHERE id IN (SELECT city_id FROM untold) RETURNING id, version),
city_marked AS ({mark("city", "FROM city_made")}),
network_marked AS ({mark("network", "FROM network WHERE id IN (SELECT network_id FROM untold)")}),
marked AS ({mark("practice", "FROM (SELECT DISTINCT id, version FROM untold) u")})
SELECT count(DISTINCT id) FROM untold"""
EMPTY = {"kind": "city-network", "review_policy": "self_publish"}


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a client says about the record that it puts.

    Attributes:
        versions: of If-Match; None: any.
        is_there: whether it sent If-Match, and so expects a record.
        is_new: whether it sent `If-None-Match: *`.
    """

    versions: Versions = None
    is_there: bool = False
    is_new: bool = False

    def check(self, version: int | None) -> None:
        """Compare with the record as it is; None: there is none.

        Raises:
            PreconditionFailed: it is not as expected.
            PreconditionRequired: it is there, and nothing was said about it.
        """
        if version is None:
            if self.is_there:
                raise PreconditionFailed("There is no such record, and If-Match expects one.")
        elif self.is_new:
            raise PreconditionFailed(f"The record is there, at version {version}, and If-None-Match expects none.")
        elif not self.is_there:
            raise PreconditionRequired("The record is there: send If-Match with its ETag to replace it.")
        elif self.versions is not None and version not in self.versions:
            raise PreconditionFailed(f"The record is at version {version} now.")


async def create_network(connection: Connection, actor: Actor, body: NetworkCreate) -> None:
    """Make a network.

    Raises:
        Forbidden: somebody else than the operator asks.
        Conflict: the id is taken.
    """
    if not actor.caller.is_operator:
        raise Forbidden("The operator registers networks.")
    arg = Arguments()
    values = {name: arg(value) for name, value in body.model_dump(mode="json").items()}
    sql = f"""
WITH made AS (INSERT INTO network ({", ".join(values)}) VALUES ({", ".join(values.values())}) RETURNING id, version),
marked AS ({mark("network", "FROM made", origin=arg(actor.organization))})
{audited(arg, actor, "created", "network", "FROM made")}"""
    try:
        await connection.execute(sql, *arg.values)
    except asyncpg.UniqueViolationError as reason:
        raise Conflict(f"There is a network {body.id} already.", id=body.id) from reason


async def update_network(
    connection: Connection, actor: Actor, id_: str, versions: Versions, patch: NetworkUpdate
) -> None:
    """Apply a merge patch (RFC 7396); `versions` are those that the change may be for, None: any.

    Raises:
        NotFound, Forbidden, PreconditionFailed: as the names say.
    """
    row = await connection.fetchrow(*writable(id_).flat)
    if row is None:
        raise NotFound("There is no such network.")
    _check_may_change(actor.caller, id_)
    if versions is not None and row["version"] not in versions:
        raise PreconditionFailed(f"The network is at version {row['version']} now.")
    before = json.loads(row["fields"])
    given = patch.model_dump(mode="json", exclude_unset=True)
    wanted = {name: EMPTY.get(name) if value is None else value for name, value in given.items()}
    changed = sorted(name for name, value in wanted.items() if value != before[name])
    if not changed:
        return
    arg = Arguments(id_)
    changes = ", ".join(f"{name} = {arg(wanted[name])}" for name in changed)
    await connection.execute(
        f"""
WITH made AS (UPDATE network SET {changes}, version = version + 1, updated_at = now() WHERE id = $1
              RETURNING id, version),
marked AS ({mark("network", "FROM made", origin=arg(actor.organization))})
{audited(arg, actor, "updated", "network", "FROM made", changed=changed)}""",
        *arg.values,
    )


async def put_membership(
    connection: Connection, actor: Actor, network_id: str, city_id: str, expected: Expectation, body: MembershipPut
) -> bool:
    """Let a city belong to a network, or replace how it does; gives whether the membership is new.

    The same once more changes nothing.

    Raises:
        NotFound, Forbidden, PreconditionFailed, PreconditionRequired: as the names say.
        Conflict: another request has made it in the meantime.
    """
    current = await _current(connection, actor.caller, network_id, city_id)
    version: int | None = current["version"]
    expected.check(version)
    if version is not None and all(getattr(body, name) == current[name] for name in ("role", "since", "until")):
        return False
    arg = Arguments(network_id, city_id)
    role, since, until = arg(body.role), arg(body.since), arg(body.until)
    if version is None:
        change = f"""INSERT INTO membership (network_id, city_id, role, since, until)
            VALUES ($1, $2, {role}, {since}, {until})"""
    else:
        change = f"""UPDATE membership SET role = {role}, since = {since}, until = {until}, version = version + 1,
            updated_at = now() WHERE network_id = $1 AND city_id = $2 AND version = {arg(version)}"""
    try:
        await _change(connection, actor, arg, change, "created" if version is None else "updated")
    except asyncpg.UniqueViolationError as reason:
        raise Conflict("Another request has made this membership just now.") from reason
    return version is None


async def delete_membership(
    connection: Connection, actor: Actor, network_id: str, city_id: str, versions: Versions
) -> None:
    """Strike a membership; one that is over is kept by `until` instead.

    Raises:
        NotFound, Forbidden, PreconditionFailed: as the names say.
    """
    version = (await _current(connection, actor.caller, network_id, city_id))["version"]
    if version is None:
        raise NotFound("The city does not belong to the network.")
    Expectation(versions, is_there=True).check(version)
    arg = Arguments(network_id, city_id)
    change = f"DELETE FROM membership WHERE network_id = $1 AND city_id = $2 AND version = {arg(version)}"
    await _change(connection, actor, arg, change, "deleted")


async def end_memberships(connection: Connection) -> int:
    """Mark what shows a membership, or is found by it, once its last day is over; gives how many practices those are.

    Nothing is written on that day, so whoever follows the network's practices would not hear of it. A mark's time says
    whether it was made since.
    """
    return int(await connection.fetchval(ENDED, KEPT_FOR_DAYS))


async def _current(connection: Connection, caller: Caller, network_id: str, city_id: str) -> Row:
    row = await connection.fetchrow(*standing(network_id, city_id).flat)
    if row is None:
        raise NotFound("There is no such network.")
    if not row["has_city"]:
        raise NotFound("There is no such city.")
    _check_may_change(caller, network_id)
    return row


def _check_may_change(caller: Caller, network_id: str) -> None:
    if not (caller.is_operator or caller.network_id == network_id):
        raise Forbidden("A network is changed by itself.")


async def _change(connection: Connection, actor: Actor, arg: Arguments, change: str, action: str) -> None:
    """Change a membership, and mark all that shows it or is found by it: the city, the network, the city's practices.

    Raises:
        PreconditionFailed: another request was first.
    """
    origin = arg(actor.organization)
    practices = (
        "FROM made JOIN practice p ON p.city_id = made.city_id WHERE p.status = 'published' AND p.visibility = 'public'"
    )
    done = await connection.execute(
        f"""
WITH made AS ({change} RETURNING network_id, city_id, version),
city_made AS (UPDATE city SET version = city.version + 1, updated_at = now() FROM made WHERE city.id = made.city_id
              RETURNING city.id, city.version),
city_marked AS ({mark("city", "FROM city_made", origin=origin)}),
network_marked AS ({
            mark(
                "network",
                "FROM made JOIN network n ON n.id = made.network_id",
                id_="n.id",
                version="n.version",
                origin=origin,
            )
        }),
practices_marked AS ({mark("practice", practices, id_="p.id", version="p.version", origin=origin)})
{audited(arg, actor, action, "membership", "FROM made", id_="network_id || '/' || city_id")}""",
        *arg.values,
    )
    if done.endswith(" 0"):
        raise PreconditionFailed("Another request has changed the membership just now.")
