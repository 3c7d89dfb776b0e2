"""Forgets what is over: answers kept for replays, revoked tokens, counters of past minutes."""

from app.database import Connection

STATEMENTS = (
    "DELETE FROM idempotency_key WHERE created_at < now() - interval '24 hours'",
    "DELETE FROM revoked_token WHERE expires_at < now()",
    "DELETE FROM login_failure WHERE last_at < now() - interval '1 day'",
    """DELETE FROM rate_limit WHERE "window" < extract(epoch FROM now())::bigint / 60 - 5""",
)


async def forget_expired(connection: Connection) -> int:
    """Delete what no request can need any more; gives how many rows."""
    return sum([int((await connection.execute(statement)).split()[-1]) for statement in STATEMENTS])
