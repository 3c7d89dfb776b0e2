"""What OAI-PMH 2.0 says of a request: its verbs and arguments, dates, and errors. Knows neither HTTP nor SQL."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

METADATA_PREFIX = "oai_dc"
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
SET = re.compile(r"(country|network|tag):([A-Za-z0-9._:-]{1,100})")
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
    if given.get("metadataPrefix", METADATA_PREFIX) != METADATA_PREFIX:
        raise ProtocolError("cannotDisseminateFormat", f"The only format is {METADATA_PREFIX}.")
    return given


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


def set_of(given: dict[str, str]) -> tuple[str, str] | None:
    """The kind and the value of the set asked for; None: all records.

    Raises:
        ProtocolError: badArgument.
    """
    if "set" not in given:
        return None
    match = SET.fullmatch(given["set"])
    if match is None:
        raise ProtocolError("badArgument", "A set is country:XX, network:ID or tag:SCHEME:CODE.")
    return match[1], match[2]


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
    """The error of a resumption token that is not ours."""
    return ProtocolError("badResumptionToken", "The resumptionToken was altered or made for another request.")


def _moment(text: str) -> datetime:
    form = "%Y-%m-%d" if DAY.fullmatch(text) else "%Y-%m-%dT%H:%M:%SZ" if SECOND.fullmatch(text) else None
    try:
        if form:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        form = None
    raise ProtocolError("badArgument", "Dates are YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ.")
