"""Where a record belongs: the cities of a network and of a region of the world, as SQL conditions."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from app.database import Arguments
from app.fields import Country

Region = Literal["africa", "americas", "asia", "europe", "oceania"]
# The regions of the United Nations' statistics (M49), https://unstats.un.org/unsd/methodology/m49
COUNTRIES: Mapping[str, list[str]] = json.loads(
    (Path(__file__).parent / "data" / "regions.json").read_text(encoding="utf-8")
)
KNOWN_COUNTRIES = frozenset(country for countries in COUNTRIES.values() for country in countries)
CURRENT_MEMBER = "(m.until IS NULL OR m.until >= current_date)"
# The cities that are members of the network `{0}` today, and the condition that a practice `p` is one of theirs, or was
# brought in by it.
MEMBERS = f"SELECT m.city_id FROM membership m WHERE m.network_id = {{0}} AND {CURRENT_MEMBER}"
PRACTICE_OF_NETWORK = f"(p.networks @> ARRAY[{{0}}::text] OR p.city_id IN ({MEMBERS}))"


def _known(country: str) -> str:
    if country not in KNOWN_COUNTRIES:
        raise PydanticCustomError("unknown_country", "ISO 3166-1 has no such country.")
    return country


# Where a city may lie: elsewhere no region would count it.
KnownCountry = Annotated[Country, AfterValidator(_known)]


def in_network(city_id: str, network: str, arg: Arguments) -> str:
    """The condition that the city is a member of the network today; `city_id` is an SQL expression."""
    return f"{city_id} IN ({MEMBERS.format(arg(network))})"


def in_region(city_id: str, region: Region, arg: Arguments) -> str:
    """The condition that the city lies in the region; `city_id` is an SQL expression."""
    return f"{city_id} IN (SELECT a.id FROM city a WHERE a.country = ANY ({arg(COUNTRIES[region])}::text[]))"
