"""Entity tags (RFC 9110 §8.8, §13): strong, `"<version>-<variant>"` for records, a hash for lists."""

import hashlib
import re

from app.errors import BadRequest, PreconditionFailed, PreconditionRequired
from app.merging import Versions

MEMBER = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
RECORD = re.compile(r'"(\d{1,9})-[a-z0-9.-]*"')
HEADER_LENGTH = 2_000


def candidates(if_none_match: str | None) -> list[str]:
    """The tags of an If-None-Match header, for weak comparison; `*` stands for itself."""
    if not if_none_match:
        return []
    if if_none_match.strip() == "*":
        return ["*"]
    return [f'"{match[2]}"' for match in MEMBER.finditer(if_none_match[:HEADER_LENGTH])]


def of_body(body: bytes) -> str:
    """The tag of an answer without a version of its own."""
    # Processors have instructions for this one: it takes half of BLAKE2's time.
    return f'"{hashlib.sha256(body).hexdigest()[:24]}"'


def required_versions(if_match: str | None) -> Versions:
    """The versions that an If-Match header names, any of which will do; None for `*`, any version.

    The part after the version tells variants of one record apart (who sees it); a change is bound to the version.

    Raises:
        PreconditionRequired: there is no such header.
        PreconditionFailed: it names no version of a record, or only weakly.
        BadRequest: it is not a list of entity tags.
    """
    if if_match is None:
        raise PreconditionRequired("Send If-Match with the ETag of the record.")
    value = if_match.strip()
    if value == "*":
        return None
    if not re.fullmatch(r'(W/)?"[\x21\x23-\x7e]*"(\s*,\s*(W/)?"[\x21\x23-\x7e]*")*', value[:HEADER_LENGTH]):
        raise BadRequest("If-Match is not a list of entity tags.")
    versions = {int(match[1]) for match in RECORD.finditer(value) if not value[: match.start()].endswith("W/")}
    if not versions:
        raise PreconditionFailed("If-Match names no version of this record.")
    return frozenset(versions)


def put_versions(if_match: str | None, if_none_match: str | None, *, is_new: bool) -> Versions:
    """The versions that a PUT replaces; None for any, and where there is nothing yet (`is_new`).

    Raises:
        PreconditionRequired, BadRequest: as `required_versions`, where there is something to replace.
        PreconditionFailed: as that; or it shall make something that is there, or replace what is not.
    """
    if is_new:
        if if_match is not None:
            raise PreconditionFailed("If-Match was sent, and there is no such record yet.")
        return None
    if "*" in candidates(if_none_match):
        raise PreconditionFailed("If-None-Match was sent, and there is such a record already.")
    return required_versions(if_match)
