"""Reads of logins: one function, one SQL statement."""

from app.database import Statement

LOGIN = """
SELECT c.organization, c.scopes, c.secret_hash, c.previous_secret_hash,
       coalesce(c.secret_expires_at > now(), FALSE) AS is_valid,
       coalesce(c.previous_secret_until > now(), FALSE) AS previous_is_valid,
       coalesce(c.last_used_at < now() - interval '1 minute', TRUE) AS is_long_unused,
       coalesce(p.failures, 0) AS failures, coalesce(p.since, 0) AS since,
       coalesce(a.failures, 0) AS address_failures, coalesce(a.since, 0) AS address_since
FROM (SELECT) one
LEFT JOIN client c ON c.id = $1 AND c.revoked_at IS NULL
LEFT JOIN LATERAL (SELECT f.failures, extract(epoch FROM clock_timestamp() - f.last_at)::float AS since
                   FROM login_failure f WHERE f.key = $2 AND f.last_at > now() - interval '15 minutes') p ON TRUE
LEFT JOIN LATERAL (SELECT f.failures, extract(epoch FROM clock_timestamp() - f.last_at)::float AS since
                   FROM login_failure f WHERE f.key = $3 AND f.last_at > now() - interval '15 minutes') a ON TRUE
"""


def login(client_id: str, pair: str, address: str) -> Statement:
    """What a login needs: the live client, if there is one, and the failures under both keys within 15 minutes."""
    return Statement(LOGIN, [client_id, pair, address])
