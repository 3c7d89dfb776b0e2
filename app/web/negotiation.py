"""Chooses a media type (RFC 9110 §12.5.1), and languages (§12.5.4)."""

import re
from collections.abc import Sequence

from app.errors import NotAcceptable

LANGUAGE_RANGE = re.compile(r"[a-z]{1,8}(-[a-z0-9]{1,8}){0,4}")
MOST_LANGUAGES = 20


def wanted_languages(accept_language: str | None) -> list[str]:
    """The languages of an Accept-Language header in lower case, the most wanted first, each with its wider ranges.

    `fr-CA` also wants `fr` (lookup, RFC 4647 §3.4); what comes after `*` is as good as the original.
    """
    if not accept_language:
        return []
    weights = _weights(accept_language[:1000])
    wanted: list[str] = []
    for language in sorted(weights, key=lambda name: -weights[name])[:MOST_LANGUAGES]:
        if language == "*" or weights[language] == 0:
            break
        if LANGUAGE_RANGE.fullmatch(language):
            parts = language.split("-")
            wanted += ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return list(dict.fromkeys(wanted))


def negotiated(accept: str | None, offered: Sequence[str]) -> str:
    """The offered media type that an Accept header prefers; the first one where it has no preference.

    Raises:
        NotAcceptable: it takes none of them.
    """
    # An empty list has no preference either.
    if not accept or accept in {"*/*", offered[0]}:
        return offered[0]
    weights = _weights(accept)
    best = max(offered, key=lambda media_type: _weight(weights, media_type))
    if _weight(weights, best)[0] == 0:
        raise NotAcceptable(f"This path answers as {' and as '.join(offered)}.", headers={"Vary": "Accept"})
    return best


def _weights(accept: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for entry in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in entry.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = min(1.0, max(0.0, float(value)))
                except ValueError:
                    quality = 0.0
        weights[media_range] = max(quality, weights.get(media_range, 0.0))
    return weights


def _weight(weights: dict[str, float], media_type: str) -> tuple[float, int]:
    """How much a media type is wanted, and how exactly it was named: the most exact range counts (RFC 9110 §12.5.1)."""
    for exactness, media_range in ((2, media_type), (1, f"{media_type.partition('/')[0]}/*"), (0, "*/*")):
        if media_range in weights:
            return weights[media_range], exactness
    return 0.0, 0
