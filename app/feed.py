"""Marks a record changed: one row per record, without a position until a reader asks (stamp on read)."""

MARK = """
INSERT INTO feed (type, id, version, op, origin, dirty, seq, stamped_at)
SELECT {type}, {id}::text, {version}, {op}, {origin}, nextval('feed_dirty_seq'), NULL, NULL {source}
ON CONFLICT ON CONSTRAINT pk_feed DO UPDATE
SET version = greatest(feed.version, excluded.version), op = excluded.op, origin = excluded.origin,
    dirty = excluded.dirty, seq = NULL, stamped_at = NULL"""


def mark(
    type_: str, source: str, *, id_: str = "id", version: str = "version", op: str = "'upsert'", origin: str = "NULL"
) -> str:
    """The statement that marks every row of `source` (`FROM …`) changed.

    Args:
        type_: the record type, such as `practice`.
        source: a FROM clause; its rows carry the record's id and version.
        id_: SQL expression of the id.
        version: SQL expression of the version.
        op: SQL expression: 'upsert' or 'delete'.
        origin: SQL expression of the organization that made the change.
    """
    return MARK.format(type=f"'{type_}'", id=id_, version=version, op=op, origin=origin, source=source)
