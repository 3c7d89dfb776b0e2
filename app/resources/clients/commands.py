"""Writes of clients, inside the caller's transaction; the command line uses them too, as the operator."""

import hashlib
import secrets
from collections.abc import Collection

import asyncpg

from app.audit import audited
from app.caller import Actor, Caller, scopes_for
from app.database import Arguments, Connection, Row
from app.errors import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed, error
from app.feed import mark
from app.merging import Versions
from app.resources.clients.queries import managed_client
from app.resources.clients.schemas import ClientUpdate

SECRET_BYTES = 32
LIFETIME_DAYS = 365
# Letters and digits that are not taken for one another when an id is read out.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
SUFFIX_LENGTH = 8


async def create_client(
    connection: Connection,
    actor: Actor,
    organization: str,
    name: str,
    scopes: Collection[str] | None = None,
    lifetime_days: int = LIFETIME_DAYS,
) -> tuple[str, str]:
    """Make a client; gives its id and its secret, of which only a hash is kept.

    A city's first client makes the city a member of the exchange.

    Args:
        connection: with its transaction.
        actor: who makes it.
        organization: for whom it acts.
        name: what it is.
        scopes: what it may do; None: all that suit the organization and that the actor may give.
        lifetime_days: days until the secret expires.

    Raises:
        Forbidden: the organization is another one, or a scope is not the actor's to give.
        InvalidInput: a scope does not suit the organization, or there is no such organization.
    """
    if not actor.caller.is_operator and actor.caller.organization != organization:
        raise Forbidden("An organization manages its own clients only.")
    granted = _granted(actor.caller, organization, scopes)
    client_id, secret = _new_id(organization), _new_secret()
    arg = Arguments(client_id, organization)
    city_id = arg(organization.removeprefix("city:") if organization.startswith("city:") else None)
    try:
        await connection.execute(
            f"""
WITH made AS (
    INSERT INTO client (id, organization, name, scopes, secret_hash, secret_expires_at, created_by)
    VALUES ($1, $2, {arg(name)}, {arg(granted)}, {arg(_hash(secret))},
            now() + make_interval(days => {arg(lifetime_days)}), {arg(actor.caller.client_id or actor.organization)})
    RETURNING id, version),
joined AS (
    UPDATE city SET member = TRUE, version = version + 1, updated_at = now()
    WHERE id = {city_id} AND NOT member RETURNING id, version),
marked AS ({mark("city", "FROM joined", origin=arg(actor.organization))}),
recorded AS ({audited(arg, actor, "updated", "city", "FROM joined", changed=["member"])})
{audited(arg, actor, "created", "client", "FROM made")}""",
            *arg.values,
        )
    except asyncpg.ForeignKeyViolationError as reason:
        detail = "There is no such organization."
        raise InvalidInput(detail, errors=[error("/organization", "unknown_reference", detail)]) from reason
    return client_id, secret


async def update_client(
    connection: Connection, actor: Actor, client_id: str, versions: Versions, patch: ClientUpdate
) -> None:
    """Apply a merge patch (RFC 7396); `versions` are those that the change may be for, None: any.

    Raises:
        NotFound, PreconditionFailed: as the names say.
        Conflict: the client was revoked.
        Forbidden: a new scope is not the actor's to give.
        InvalidInput: a scope does not suit the organization.
    """
    current = await _locked(connection, actor.caller, client_id, versions)
    _refuse_revoked(current)
    given = {name for name in patch.model_fields_set if getattr(patch, name) != current[name]}
    if not given:
        return
    arg = Arguments(client_id)
    assignments = ["version = version + 1"]
    if "name" in given:
        assignments.append(f"name = {arg(patch.name)}")
    if "scopes" in given:
        granted = _granted(actor.caller, current["organization"], patch.scopes, held=current["scopes"])
        assignments.append(f"scopes = {arg(granted)}")
    await connection.execute(
        f"""
WITH made AS (UPDATE client SET {", ".join(assignments)} WHERE id = $1 RETURNING id, version)
{audited(arg, actor, "updated", "client", "FROM made", changed=sorted(given))}""",
        *arg.values,
    )


async def rotate_secret(
    connection: Connection, actor: Actor, client_id: str, lifetime_days: int = LIFETIME_DAYS
) -> str:
    """Give a client a new secret; the one that it replaces works 24 hours more, an older one no longer.

    Raises:
        NotFound: the actor manages no such client.
        Conflict: the client was revoked.
        Forbidden: the client may do more than the actor, who would gain that with the secret.
    """
    current = await _locked(connection, actor.caller, client_id, None)
    _refuse_revoked(current)
    _require_all(actor.caller, current["scopes"])
    secret = _new_secret()
    arg = Arguments(client_id)
    await connection.execute(
        f"""
WITH made AS (
    UPDATE client SET previous_secret_hash = secret_hash,
        previous_secret_until = least(now() + interval '24 hours', secret_expires_at),
        secret_hash = {arg(_hash(secret))}, secret_expires_at = now() + make_interval(days => {arg(lifetime_days)}),
        version = version + 1
    WHERE id = $1 RETURNING id, version)
{audited(arg, actor, "secret_rotated", "client", "FROM made", changed=["secret_expires_at"])}""",
        *arg.values,
    )
    return secret


async def revoke_client(connection: Connection, actor: Actor, client_id: str, versions: Versions = None) -> None:
    """Revoke a client: it gets no more tokens, and those it has stop working within seconds. Twice is as good as once.

    Raises:
        NotFound, PreconditionFailed: as the names say.
    """
    current = await _locked(connection, actor.caller, client_id, versions)
    if current["is_revoked"]:
        return
    arg = Arguments(client_id)
    await connection.execute(
        f"""
WITH made AS (UPDATE client SET revoked_at = now(), version = version + 1 WHERE id = $1 RETURNING id, version)
{audited(arg, actor, "revoked", "client", "FROM made", changed=["revoked_at"])}""",
        *arg.values,
    )


async def _locked(connection: Connection, caller: Caller, client_id: str, versions: Versions) -> Row:
    row = await connection.fetchrow(*managed_client(caller, client_id).flat)
    if row is None:
        raise NotFound("There is no such client.")
    if versions is not None and row["version"] not in versions:
        raise PreconditionFailed(f"The client is at version {row['version']} now.")
    return row


def _refuse_revoked(current: Row) -> None:
    if current["is_revoked"]:
        raise Conflict("The client was revoked, for good; make a new one.")


def _granted(
    caller: Caller, organization: str, scopes: Collection[str] | None, held: Collection[str] = ()
) -> list[str]:
    """The scopes that a client gets: none that its organization cannot have, none that the caller lacks.

    What the client holds already (`held`) it may keep.
    """
    suitable = scopes_for(organization)
    if scopes is None:
        return sorted(suitable if caller.is_operator else suitable & caller.scopes)
    errors = [
        error(f"/scopes/{position}", "unsuitable_scope", f"The scope {scope} does not suit {organization}.")
        for position, scope in enumerate(scopes)
        if scope not in suitable
    ]
    if errors:
        raise InvalidInput(errors[0]["detail"], errors=errors)
    _require_all(caller, set(scopes) - set(held))
    return sorted(scopes)


def _require_all(caller: Caller, scopes: Collection[str]) -> None:
    if lacking := sorted(scope for scope in scopes if not caller.may(scope)):
        raise Forbidden(
            f"The caller's token lacks {', '.join(lacking)}, so it cannot hand that on.", scope=" ".join(lacking)
        )


def _new_id(organization: str) -> str:
    suffix = "".join(secrets.choice(ALPHABET) for _ in range(SUFFIX_LENGTH))
    return f"px_{organization.rpartition(':')[2]}_{suffix}"


def _new_secret() -> str:
    return f"pxs_{secrets.token_urlsafe(SECRET_BYTES)}"


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
