"""A network takes a record back, inside the caller's transaction."""

from app.audit import audited
from app.caller import Actor
from app.database import Arguments, Connection
from app.errors import NotFound
from app.resources.practices.feed import marked
from app.resources.practices.lifecycle import FINAL
from app.resources.practices.sources.queries import practice_of
from app.timeline import step

HEIR = """
heir AS (UPDATE practice_origin SET linked = false WHERE (network_id, external_id) = (
    SELECT network_id, external_id FROM practice_origin WHERE practice_id = $1 AND network_id <> $2
    ORDER BY last_synced_at, network_id LIMIT 1)),"""


async def take_back(connection: Connection, actor: Actor, network: str, external_id: str) -> None:
    """Take the network's origin off a record; one that nobody else brought or claimed is withdrawn.

    Raises:
        NotFound: the network has brought no such record.
    """
    found = await connection.fetchrow(*practice_of(network, external_id, lock=True).flat)
    if found is None:
        raise NotFound("The network has brought in no record under this id.")
    ends = found["origins"] == 1 and not found["claimed"] and not found["linked"] and found["status"] not in FINAL
    arg = Arguments(found["id"], network, external_id)
    to = arg("withdrawn" if ends else found["status"])
    # Its identities are free again: the network may bring the record in anew.
    freed = "freed AS (DELETE FROM practice_external_id WHERE practice_id = $1)," if ends else ""
    timed = ""
    if ends:
        timed = f"timed AS ({step(arg, actor, 'practice', 'status', start=arg(found['status']))}),"
    # Who brought a record first is the one to change it; the next in line follows.
    heir = "" if found["linked"] else HEIR
    await connection.execute(
        f"""
WITH gone AS (DELETE FROM practice_origin WHERE network_id = $2 AND external_id = $3),
{heir}
{freed}
made AS (
    UPDATE practice SET status = {to}, networks = array_remove(networks, $2::text), version = version + 1,
        updated_at = now() WHERE id = $1 RETURNING id, version, status, visibility),
{timed}
{marked(arg, actor)}
{audited(arg, actor, "taken_back", "practice", "FROM made")}""",
        *arg.values,
    )
