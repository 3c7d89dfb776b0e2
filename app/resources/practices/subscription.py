"""A search for practices as a subscription: checked as the list checks it, and asked of single practices."""

from typing import Any, get_origin
from urllib.parse import parse_qsl

from pydantic import ValidationError

from app.caller import Caller
from app.database import Arguments
from app.errors import InvalidInput, error
from app.events import Matching, RecordSearch
from app.resources.practices.filters import choice_conditions, standing
from app.resources.practices.parameters import PracticeQuery
from app.search import PRACTICES, Question, is_found, nearest, understood
from app.visibility import practice_concerns

MOST_PARAMETERS = 100
LISTS = frozenset(name for name, field in PracticeQuery.model_fields.items() if get_origin(field.annotation) is list)


def check(text: str) -> None:
    """Raise InvalidInput unless the list of practices takes this query string; a cursor chooses nothing."""
    query = _read(text)
    if query.cursor is not None:
        raise _refused("cursor", "A cursor is a place in a list; a subscription has none.")


def matching(text: str, caller: Caller, arg: Arguments, ended: str) -> Matching:
    """The conditions that a practice `p` is one that the search finds for the caller; raises InvalidInput as `check`.

    Whether the caller sees the record is asked by whoever tells of it, as of the moment that is told of.
    """
    query = _read(text)
    conditions = choice_conditions(query, arg)
    if query.status is not None:
        conditions.append(f"p.status = {arg(query.status)}")
        if query.status != "published":
            conditions.append(practice_concerns(caller, arg))
    if query.q is None:
        return Matching([], conditions)
    seen = f"(({' AND '.join(standing(caller, query, arg))}) OR p.id = ANY ({ended}))"
    parts = [understood(Question.of(query.q), arg), nearest(PRACTICES, seen)]
    return Matching(parts, [*conditions, is_found(PRACTICES)])


SEARCH = RecordSearch(check, matching)


def _read(text: str) -> PracticeQuery:
    try:
        pairs = parse_qsl(
            text.removeprefix("?"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except ValueError as reason:
        raise _refused("query_string", "The query string is not UTF-8 in percent-encoding, or too long.") from reason
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name not in PracticeQuery.model_fields:
            known = ", ".join(sorted(PracticeQuery.model_fields))
            raise _refused(
                "unknown_parameter", f"The list of practices knows no parameter {name[:80]!r}; it knows: {known}."
            )
        if name in LISTS:
            given.setdefault(name, []).append(value)
        elif name in given:
            raise _refused("repeated_parameter", f"The parameter {name!r} is given twice.")
        else:
            given[name] = value
    try:
        return PracticeQuery.model_validate(given)
    except ValidationError as reason:
        fault = reason.errors(include_url=False, include_context=False, include_input=False)[0]
        raise _refused(fault["type"], f"{fault['loc'][0]}: {fault['msg']}") from reason


def _refused(code: str, detail: str) -> InvalidInput:
    return InvalidInput(f"/filter: {detail}", errors=[error("/filter", code, detail)])
