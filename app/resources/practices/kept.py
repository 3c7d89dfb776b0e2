"""Finished public documents of practices: kept beside the records, and shown by reads for as long as they fit.

A document is made by the clock, soon after its change has its position in the feed. Until then, and whenever it does
not fit what is stored now, reads build the document themselves, in the same statement: what is kept saves time and
decides nothing.
"""

from typing import Literal

from app.database import Connection
from app.documents import text_of
from app.resources.practices.documents import PARTNERS_VERSION, PUBLIC_DOCUMENT, SUMMARY
from app.visibility import PUBLIC_PRACTICE

# What tells all states of a public document apart, whatever it shows of other records: the stem of its entity tag.
STATE = f"p.version || '-' || c.version || {PARTNERS_VERSION} || '-' || p.adoption_count"
BATCH = 5_000
# One statement, and so one moment: the document, its state and the mark in the feed are of the same transaction's end.
# The follower goes by positions, which are given in the order in which they can be seen.
KEEP = f"""
WITH place AS MATERIALIZED (SELECT coalesce((SELECT seq FROM feed_follower WHERE name = 'documents'), 0) AS seq),
due AS MATERIALIZED (
    SELECT f.seq, f.id::uuid AS id, f.dirty, f.op FROM feed f
    WHERE f.seq > (SELECT seq FROM place) AND f.type = 'practice' ORDER BY f.seq LIMIT $1),
gone AS (DELETE FROM practice_document k USING due WHERE k.practice_id = due.id AND due.op = 'delete'),
kept AS (
    INSERT INTO practice_document (practice_id, dirty, state, summary, body)
    SELECT p.id, d.dirty, {STATE}, {text_of(SUMMARY)}, {text_of(PUBLIC_DOCUMENT)}
    FROM due d JOIN practice p ON p.id = d.id JOIN city c ON c.id = p.city_id
    WHERE d.op = 'upsert' AND {PUBLIC_PRACTICE}
    ON CONFLICT (practice_id) DO UPDATE
    SET dirty = excluded.dirty, state = excluded.state, summary = excluded.summary, body = excluded.body),
moved AS (
    INSERT INTO feed_follower (name, seq)
    SELECT 'documents', max(seq) FROM due HAVING max(seq) IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET seq = excluded.seq)
SELECT count(*) FROM due"""


def kept_or(select_list: str, member: Literal["summary", "body"], state: str = STATE) -> str:
    """The expression of a document as text: what is kept in `member` where it fits, else built from `select_list`.

    Args:
        select_list: the public document's, over `p` and `c`.
        member: which of the kept documents it is.
        state: the expression of the record's present state.
    """
    fits = f"SELECT k.{member} FROM practice_document k WHERE k.practice_id = p.id AND k.state = {state}"
    return f"coalesce(({fits}), {text_of(select_list)})"


async def keep_documents(connection: Connection) -> int:
    """Follow the feed by one batch, and keep the document of every practice that it names; gives how many it named."""
    return int(await connection.fetchval(KEEP, BATCH))
