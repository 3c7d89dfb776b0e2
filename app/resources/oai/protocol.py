"""What OAI-PMH 2.0 says of a request: its verbs and arguments, dates, and errors. Knows neither HTTP nor SQL."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.resources.oai.sets import SPEC

PREFIXES = ("oai_dc", "px")
# The characters of the protocol: those that a URI need not escape (RFC 2396).
PREFIX = re.compile(r"[A-Za-z0-9_.!~*'()-]+")
# For each verb: the arguments it must have, and those it may have.
VERBS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "Identify": (frozenset(), frozenset()),
    "ListMetadataFormats": (frozenset(), frozenset({"identifier"})),
    "ListSets": (frozenset(), frozenset()),
    "GetRecord": (frozenset({"identifier", "metadataPrefix"}), frozenset()),
    "ListIdentifiers": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"})),
    "ListRecords": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"})),
}
RESUMABLE = frozenset({"ListIdentifiers", "ListRecords", "ListSets"})
DAY = re.compile(r"\d{4}-\d\d-\d\d")
SECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class ProtocolError(Exception):
    """A request that the protocol answers with an error element; its `code` is one of the protocol's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Window:
    """Which stamps a harvester wants: from `start` on, and before `end`; None: without limit."""

    start: datetime | None
    end: datetime | None


def arguments(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The arguments of a request, checked against its verb.

    Raises:
        ProtocolError: badVerb or badArgument.
    """
    repeated = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    given = dict(pairs)
    verb = given.get("verb")
    if verb not in VERBS or "verb" in repeated:
        raise ProtocolError("badVerb", "The verb is missing, repeated or not one of the protocol's.")
    if repeated:
        raise ProtocolError("badArgument", "An argument is repeated.")
    names = given.keys() - {"verb"}
    if "resumptionToken" in names and verb in RESUMABLE:
        if len(names) > 1:
            raise ProtocolError("badArgument", "A resumptionToken stands alone.")
        return given
    required, optional = VERBS[verb]
    if names - required - optional:
        raise ProtocolError("badArgument", f"{verb} does not take all of these arguments.")
    if missing := required - names:
        raise ProtocolError("badArgument", f"{verb} needs {', '.join(sorted(missing))}.")
    for name, syntax in (("metadataPrefix", PREFIX), ("set", SPEC)):
        if name in given and not syntax.fullmatch(given[name]):
            raise ProtocolError("badArgument", f"This is not how a {name} is written.")
    return given


def format_of(given: dict[str, str]) -> str:
    """The format that is asked for.

    Raises:
        ProtocolError: cannotDisseminateFormat.
    """
    prefix = given["metadataPrefix"]
    if prefix not in PREFIXES:
        raise ProtocolError("cannotDisseminateFormat", f"The formats are {' and '.join(PREFIXES)}.")
    return prefix


def window(given: dict[str, str]) -> Window:
    """The stamps between `from` and `until`, both included, days or seconds.

    Raises:
        ProtocolError: badArgument.
    """
    start, until = given.get("from"), given.get("until")
    if start and until and len(start) != len(until):
        raise ProtocolError("badArgument", "from and until differ in granularity.")
    first = _moment(start) if start is not None else None
    last = _moment(until) if until is not None else None
    if first and last and last < first:
        raise ProtocolError("badArgument", "until is before from.")
    if last is None:
        return Window(first, None)
    step = timedelta(days=1) if DAY.fullmatch(until or "") else timedelta(seconds=1)
    try:
        return Window(first, last + step)
    except OverflowError:
        return Window(first, None)


def record_id(identifier: str, prefix: str) -> UUID:
    """The practice that an identifier names.

    Raises:
        ProtocolError: idDoesNotExist.
    """
    text = identifier.removeprefix(prefix)
    try:
        id_ = UUID(text)
    except ValueError:
        id_ = None
    if id_ is None or f"{prefix}{id_}" != identifier:
        raise unknown_identifier()
    return id_


def unknown_identifier() -> ProtocolError:
    """The error of an identifier that names nothing here."""
    return ProtocolError("idDoesNotExist", "There is no such item.")


def bad_token(_: Any = None) -> ProtocolError:
    """The error of a resumption token that is not ours, or is of another history of the database."""
    return ProtocolError("badResumptionToken", "The resumptionToken is none of ours for this verb; begin again.")


def _moment(text: str) -> datetime:
    form = "%Y-%m-%d" if DAY.fullmatch(text) else "%Y-%m-%dT%H:%M:%SZ" if SECOND.fullmatch(text) else None
    try:
        if form:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        form = None
    raise ProtocolError("badArgument", "Dates are YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ.")
