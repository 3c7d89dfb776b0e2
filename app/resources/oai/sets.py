"""The sets: what a setSpec means, as an SQL condition on the practice `p`.

Sets form three trees: `country:XX`, `network:ID` and `tag:SCHEME:CODE`, each with the sets above it. A network's set
holds what the filter `network` of a search finds, a tag's set its narrower tags too. `px_practice_sets` in the database
says the same of one record, and a record's header lists all of it.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from app.areas import CURRENT_MEMBER, MEMBERS
from app.database import Arguments

# The characters of the protocol: those that a URI need not escape (RFC 2396), in parts between colons.
SPEC = re.compile(r"[A-Za-z0-9_.!~*'()-]+(:[A-Za-z0-9_.!~*'()-]+)*")
NAMES: Mapping[str, str] = {
    "country": "Countries of the cities",
    "network": "Networks: practices of their members, and those they brought in",
    "tag": "Tags",
    "tag:theme": "Themes",
    "tag:gcm": "Objectives of the Global Compact for Migration",
    "tag:gcm-principle": "Guiding principles of the Global Compact for Migration",
    "tag:gcr": "Objectives of the Global Compact on Refugees",
    "tag:sdg": "Sustainable Development Goals and targets",
    "tag:group": "Groups of people",
    "tag:format": "Formats of exchange",
}
COUNTRIES: Mapping[str, str] = {
    f"country:{country}": names[0]
    for country, names in json.loads(
        (Path(__file__).parents[2] / "data" / "countries.json").read_text(encoding="utf-8")
    ).items()
}
# Arrays, not subqueries: PostgreSQL then finds each part of an OR by its index.
CONDITIONS = {
    "country": "p.city_id = ANY (ARRAY(SELECT s.id FROM city s WHERE s.country = {0}))",
    "network": f"(p.networks @> ARRAY[{{0}}::text] OR p.city_id = ANY (ARRAY({MEMBERS})))",
    "tag": "p.tag_closure @> ARRAY[{0}::text]",
    "scheme": "p.tag_closure && ARRAY(SELECT t.id FROM tag t WHERE t.scheme = {0})",
}
ROOTS = {
    "country": "TRUE",
    "network": "(p.networks <> '{}' OR p.city_id = ANY (ARRAY("
    f"SELECT m.city_id FROM membership m WHERE {CURRENT_MEMBER})))",
    "tag": "p.tag_closure <> '{}'",
}
LEFT = "p.id = ANY (ARRAY(SELECT l.practice_id FROM practice_left_set l WHERE l.set_spec = {}))"


def name_of(spec: str, name: str) -> str:
    """What a set is called: `name`, as the database has it, unless we know better."""
    return NAMES.get(spec) or COUNTRIES.get(spec) or name


def concerned(spec: str, arg: Arguments) -> str:
    """The condition that `p` is in the set, or has left it; FALSE for a set that there cannot be."""
    kind, _, value = spec.partition(":")
    if not value:
        inside = ROOTS.get(kind, "FALSE")
    elif kind == "tag":
        inside = CONDITIONS["tag" if ":" in value else "scheme"].format(arg(value))
    else:
        inside = CONDITIONS[kind].format(arg(value)) if kind in CONDITIONS and kind != "scheme" else "FALSE"
    return f"({inside} OR {LEFT.format(arg(spec))})"
