"""Reads of exchange requests: one function, one SQL statement."""

from collections.abc import Mapping
from uuid import UUID

from app.areas import in_network, in_region
from app.caller import Caller
from app.database import Arguments, Statement
from app.documents import city_ref, columns, moment, same, text_of, text_unless_known
from app.paging import Key, after, order_by
from app.periods import in_days
from app.resources.exchanges.lifecycle import Side, allowed_sql
from app.resources.exchanges.schemas import RequestPublic, RequestQuery, RequestStep
from app.search import REQUESTS, found_page, marks
from app.timeline import step_document, steps
from app.visibility import (
    request_addressed,
    request_answered,
    request_owned,
    request_told,
    request_visible,
    step_reason_told,
)

Sides = Mapping[Side, str]
NEWEST = (Key("r.created_at", "timestamptz", descending=True), Key("r.id", "uuid", descending=True))
TEXTS = ("title", "need", "already_tried", "expected_result")
PREFERRED = """CASE WHEN r.preferred_countries <> '{}' OR r.preferred_roles <> '{}'
         OR r.preferred_population_band IS NOT NULL
    THEN json_build_object('countries', r.preferred_countries, 'population_band', r.preferred_population_band,
                           'roles', r.preferred_roles) END"""
PLAIN = (
    "kind", "formats", "title", "need", "already_tried", "expected_result", "support_sought", "language", "languages",
    "tags", "practice_id", "addressed_to", "costs_covered", "needed_by", "visibility",
)  # fmt: skip
FIELDS = f"""(SELECT row_to_json(d)::text FROM (SELECT {", ".join(f"r.{name}" for name in PLAIN)},
    {PREFERRED} AS preferred, {moment("r.expires_at")} AS expires_at) d)"""


RETURNED_AT = """(SELECT max(t.at) FROM transition t
    WHERE t.record_type = 'exchange_request' AND t.record_id = r.id AND t.to_status = 'returned')"""


def sides(caller: Caller, arg: Arguments) -> Sides:
    """For each side of a request `r`, the condition that the caller is on it."""
    owner = request_owned(caller, arg)
    return {
        "owner": owner,
        "improver": f"({owner} AND r.status = 'returned' AND r.updated_at > {RETURNED_AT})",
        "addressed": request_addressed(caller, arg),
        "responder": request_answered(caller, arg, accepted=True),
    }


def document_for(of_caller: Sides) -> str:
    """The SELECT list of a request's document, for one of whom these conditions say what it is to the request."""
    outcome = f"(r.outcome ->> 'public' = 'true' OR {of_caller['owner']} OR {of_caller['responder']})"
    return columns(
        RequestPublic,
        {
            **same("r", *PLAIN, "id", "status", "closed_reason", "response_count", "version"),
            "outcome": f"CASE WHEN {outcome} THEN r.outcome END",
            "city": city_ref("c"),
            "preferred": PREFERRED,
            "expires_at": moment("r.expires_at"),
            "created_at": moment("r.created_at"),
            "updated_at": moment("r.updated_at"),
            "allowed_transitions": allowed_sql("r.status", of_caller),
        },
    )


def exchange_request(caller: Caller, id_: UUID, if_none_match: list[str]) -> Statement:
    """One request: `etag`, and `body`, null when the client has it."""
    arg = Arguments(id_, if_none_match)
    of_caller = sides(caller, arg)
    # Who changed a returned request has one more move.
    ranked = sorted(of_caller, key=lambda side: side != "improver")
    whens = " ".join(f"WHEN {of_caller[side]} THEN '{side[0]}'" for side in ranked)
    return Statement(
        f"""
SELECT e.etag, {text_unless_known(document_for(of_caller), "$2")} AS body
FROM exchange_request r JOIN city c ON c.id = r.city_id
CROSS JOIN LATERAL (SELECT '"' || r.version || '-' || c.version || '.' || r.response_count
    || CASE {whens} ELSE 'p' END || '"' AS etag) e
WHERE r.id = $1 AND {request_visible(caller, arg)}""",
        arg.values,
    )


def request_page(caller: Caller, query: RequestQuery, position: list[str] | None) -> Statement:
    """A page of requests, newest first, and one more where there are more: `body`, then the values of the keys.

    Where words are searched, by relevance, and then what the marks are made from.
    """
    arg = Arguments()
    of_caller = sides(caller, arg)
    document = document_for(of_caller)
    seen, filters = request_visible(caller, arg), _filters(query, arg)
    if query.mine:
        mine = [of_caller["owner"], of_caller["addressed"], request_answered(caller, arg)]
        filters.append(f"({' OR '.join(mine)})")
    if query.q is not None:
        select = f"""{text_of(document)} AS body, h.score::text AS k0,
            h.id::text AS k1{marks(TEXTS, "r")}"""
        page = found_page(REQUESTS, select, seen, filters, query.q, position, query.limit + 1, arg)
        return Statement(page, arg.values)
    conditions = [seen, *filters] if position is None else [seen, *filters, after(NEWEST, position, arg)]
    return Statement(
        f"""
SELECT {text_of(document)} AS body, r.created_at::text, r.id::text
FROM (SELECT r.* FROM exchange_request r WHERE {" AND ".join(conditions)}
      ORDER BY {order_by(NEWEST)} LIMIT {query.limit + 1}) r
JOIN city c ON c.id = r.city_id ORDER BY {order_by(NEWEST)}""",
        arg.values,
    )


def _filters(query: RequestQuery, arg: Arguments) -> list[str]:
    conditions = []
    if query.tag:
        conditions.append(f"r.tag_closure @> {arg(query.tag)}::text[]")
    equal = {"kind": query.kind, "city_id": query.city, "status": query.status}
    conditions += [f"r.{name} = {arg(value)}" for name, value in equal.items() if value is not None]
    if query.format:
        conditions.append(f"r.formats @> ARRAY[{arg(query.format)}::text]")
    if query.addressed_to:
        conditions.append(f"r.addressed_to @> ARRAY[{arg(query.addressed_to)}::text]")
    if query.source:
        conditions.append(_helped("offer", query.source, arg))
    if query.target:
        conditions.append(_helped("seek", query.target, arg))
    if query.language:
        language = arg(query.language)
        conditions.append(f"(r.language = {language} OR r.languages @> ARRAY[{language}::text])")
    if query.network:
        conditions.append(in_network("r.city_id", query.network, arg))
    if query.region:
        conditions.append(in_region("r.city_id", query.region, arg))
    return [*conditions, *in_days("r.created_at", query.created_from, query.created_to, arg)]


def _helped(own: str, city_id: str, arg: Arguments) -> str:
    """The condition that the city helped, or was helped, in a completed exchange.

    It was the owner of a request of the kind `own`, or the match of one of the other kind. Who worked with whom on what
    is completed shows in the flows of the statistics too.
    """
    city = arg(city_id)
    matched = "SELECT m.request_id FROM response m WHERE m.status = 'accepted'"
    owned = f"r.kind = '{own}' AND r.city_id = {city} AND r.id IN ({matched})"
    answered = f"r.kind <> '{own}' AND r.id IN ({matched} AND m.city_id = {city})"
    return f"r.status = 'completed' AND (({owned}) OR ({answered}))"


def timeline(caller: Caller, id_: UUID, limit: int, position: list[str] | None) -> Statement:
    """A page of the timeline of a request, as `app.timeline.steps` gives it.

    What was said with a step is for those to whom it was said; the reasons of the clock and of an end are everyone's.
    """
    arg = Arguments(id_)
    seen = f"SELECT FROM exchange_request r WHERE r.id = $1 AND {request_visible(caller, arg)}"
    told = f"EXISTS (SELECT FROM exchange_request r WHERE r.id = $1 AND {request_told(caller, arg, 't')})"
    document = step_document(RequestStep, note=told, reason=step_reason_told(told, "t"))
    return Statement(steps(document, "exchange_request", "$1", seen, limit, position, arg), arg.values)


def writable(caller: Caller, id_: UUID) -> Statement:
    """What a change starts from, the row locked: state, version, what the caller is to it, the fields."""
    arg = Arguments(id_)
    of_caller = ", ".join(f"{condition} AS is_{side}" for side, condition in sides(caller, arg).items())
    return Statement(
        f"""
SELECT r.status, r.version, {of_caller}, r.city_id, r.addressed_to, r.outcome::text AS outcome, {FIELDS} AS fields
FROM exchange_request r WHERE r.id = $1 AND {request_visible(caller, arg)} FOR UPDATE OF r""",
        arg.values,
    )
