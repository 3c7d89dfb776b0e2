"""Constrained types of the wire, and the lengths that the tables share with them."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, core_schema

TITLE_LENGTH = 150
SUMMARY_LENGTH = 800
MARKDOWN_LENGTH = 20_000
NAME_LENGTH = 200
NOTE_LENGTH = 2_000
URL_LENGTH = 2_000
EMAIL_LENGTH = 254
IDENTIFIER_LENGTH = 200
SLUG_LENGTH = 80
TAG_LENGTH = 120
KEYWORD_LENGTH = 60
UNIT_LENGTH = 80

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
CITY_ID_PATTERN = r"^[a-z]{2}-[a-z0-9]+(-[a-z0-9]+)*$"
TAG_ID_PATTERN = r"^[a-z]+(-[a-z]+)*:[a-z0-9]+([.-][a-z0-9]+)*$"
ORGANIZATION_PATTERN = r"^(operator|city:[a-z]{2}-[a-z0-9]+(-[a-z0-9]+)*|network:[a-z0-9]+(-[a-z0-9]+)*)$"
SURROGATE = re.compile("[\ud800-\udfff]")
MOST_COMBINING = 30
COMBINING_RUN = b"\x01" * (MOST_COMBINING + 1)
MOST_DECOMPOSED = 4


def clean_text(value: str) -> str:
    """Text as it is stored: NFC, no control characters but tab and newline, no lone surrogates, not blank.

    Raises PydanticCustomError with a stable code for what is refused.
    """
    if SURROGATE.search(value):
        raise PydanticCustomError("surrogate", "The text holds half of a surrogate pair.")
    if found := CONTROL.search(value):
        raise PydanticCustomError(
            "control_character",
            "The text holds the control character {character}; only tab and newline are allowed.",
            {"character": f"U+{ord(found.group()):04X}"},
        )
    if value and not value.strip():
        raise PydanticCustomError("blank", "The text is blank.")
    return value if value.isascii() else _composed(value)


def _composed(value: str) -> str:
    # Normalizing takes time by the square of the length of a run of combining marks, so the run is bounded first,
    # as UAX #15 has it for text that is processed as a stream.
    if COMBINING_RUN in bytes(map(bool, map(unicodedata.combining, value))):
        raise PydanticCustomError(
            "combining", "The text holds more than {most} combining marks in a row.", {"most": MOST_COMBINING}
        )
    return unicodedata.normalize("NFC", value)


@dataclass(frozen=True, slots=True)
class Text:
    """The one type of text: `Annotated[str, Text(150)]` is 1 to 150 characters as `clean_text` leaves them."""

    max_length: int
    pattern: str | None = None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        """The validator, from which pydantic makes the JSON Schema too."""
        plain = core_schema.str_schema(min_length=1, max_length=self.max_length, pattern=self.pattern, strict=True)
        return core_schema.no_info_before_validator_function(self._clean, plain)

    def _clean(self, value: Any) -> Any:
        # Lengths hold for the text as it is stored. No text becomes shorter than a quarter of itself by composition,
        # so what is too long anyway is not worth the work.
        if isinstance(value, str) and len(value) <= self.max_length * MOST_DECOMPOSED:
            return clean_text(value)
        return value


def _http_url(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if scheme.lower() not in {"http", "https"} or not separator:
        raise PydanticCustomError("url_scheme", "The link must begin with http:// or https://.")
    if not host or "@" in host or any(character.isspace() or character in '<>"\\^`{|}' for character in value):
        raise PydanticCustomError("url", "The link is not an http address.")
    return value


def _language(value: str) -> str:
    """BCP 47 letter case: `en`, `pt-BR`, `zh-Hant`."""
    first, *rest = value.split("-")
    return "-".join([first.lower(), *(_SUBTAG_CASE.get(len(part), str.lower)(part) for part in rest)])


# By length: a region of two letters, a script of four.
_SUBTAG_CASE = {2: str.upper, 4: str.title}


def _finite(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("float_type", "Input should be a valid number")
    return value


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def _unique(value: list[Any]) -> list[Any]:
    seen = [str(entry) for entry in value]
    if len(set(seen)) != len(seen):
        raise PydanticCustomError("duplicate", "An entry stands in the list twice.")
    return value


def _moment(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(
        r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", value
    ):
        raise PydanticCustomError("datetime", "A time is written as in RFC 3339, with its zone: 2026-03-01T09:30:00Z.")
    if not "1900" <= value[:4] <= "2199":
        raise PydanticCustomError("datetime_range", "The year lies outside 1900 to 2199.")
    return value


def _day(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise PydanticCustomError("date", "A day is written as in RFC 3339: 2026-03-01.")
    if not "1900" <= value[:4] <= "2199":
        raise PydanticCustomError("date_range", "The year lies outside 1900 to 2199.")
    return value


Unique = AfterValidator(_unique)
Title = Annotated[str, Text(TITLE_LENGTH)]
Summary = Annotated[str, Text(SUMMARY_LENGTH)]
Markdown = Annotated[str, Text(MARKDOWN_LENGTH)]
Name = Annotated[str, Text(NAME_LENGTH)]
Note = Annotated[str, Text(NOTE_LENGTH)]
Keyword = Annotated[str, Text(KEYWORD_LENGTH)]
Unit = Annotated[str, Text(UNIT_LENGTH)]
Identifier = Annotated[str, Text(IDENTIFIER_LENGTH)]
CursorText = Annotated[str, Text(2_000)]
SearchWords = Annotated[str, Text(400)]
Slug = Annotated[str, Text(SLUG_LENGTH, pattern=SLUG_PATTERN)]
CityId = Annotated[str, Text(SLUG_LENGTH, pattern=CITY_ID_PATTERN)]
TagId = Annotated[str, Text(TAG_LENGTH, pattern=TAG_ID_PATTERN)]
OrganizationId = Annotated[str, Text(SLUG_LENGTH + 10, pattern=ORGANIZATION_PATTERN)]
Country = Annotated[str, Text(2, pattern=r"^[A-Z]{2}$")]
Language = Annotated[
    str,
    Text(35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$"),
    AfterValidator(_language),
]
HttpUrl = Annotated[str, Text(URL_LENGTH), AfterValidator(_http_url), Field(json_schema_extra={"format": "uri"})]
Email = Annotated[
    str, Text(EMAIL_LENGTH, pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")
]
LicenceId = Annotated[str, Text(40, pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]*$")]
Flag = Annotated[bool, Field(strict=True)]
Year = Annotated[int, Field(strict=True, ge=1900, le=2100)]
Count = Annotated[int, Field(strict=True, ge=0, le=2_000_000_000)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e15, le=1e15)]
Latitude = Annotated[float, BeforeValidator(_finite), Field(allow_inf_nan=False, ge=-90, le=90)]
Longitude = Annotated[float, BeforeValidator(_finite), Field(allow_inf_nan=False, ge=-180, le=180)]
Moment = Annotated[datetime, Field(json_schema_extra={"examples": ["2026-03-01T09:30:00.000Z"]})]
MomentIn = Annotated[
    datetime,
    BeforeValidator(_moment),
    AfterValidator(_utc),
]
Day = Annotated[date, BeforeValidator(_day)]

PopulationBand = Literal["xs", "s", "m", "l", "xl"]
Role = Literal["origin", "transit", "destination", "return"]
Mandate = Literal[
    "housing", "education", "health", "employment", "policing", "registration", "social_protection", "planning"
]
CityKind = Literal["city", "metropolitan_area", "municipality", "district", "region"]
Stage = Literal["planned", "pilot", "ongoing", "mainstreamed", "completed", "discontinued"]
BudgetBand = Literal["under_10k", "10k_50k", "50k_250k", "250k_1m", "1m_5m", "over_5m"]


class Input(BaseModel):
    """What a client sends: unknown members are refused."""

    model_config = ConfigDict(extra="forbid")


class Output(BaseModel):
    """What the service answers: every member is present, None where it is not known."""

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class CityRef(Output):
    """A city as other records name it."""

    id: str
    name: str
    country: str


RecordId = UUID
PracticeStatus = Literal["draft", "submitted", "changes_requested", "published", "archived", "withdrawn", "merged"]
RequestStatus = Literal[
    "open", "returned", "matched", "in_progress", "completed", "cancelled", "expired", "unfulfilled"
]
Direction = Literal["pull", "push"]
AdoptionStage = Literal["exploring", "adapting", "piloting", "running", "scaled", "stopped"]
ResponseStatus = Literal["proposed", "tentative", "accepted", "declined", "withdrawn"]
RequestKind = Literal["seek", "offer"]
RequestVisibility = Literal["public", "members", "addressed"]
Support = Literal["know_how", "resources", "tools", "partnerships"]
CostsCovered = Literal["none", "travel", "full"]
ClosedReason = Literal["fulfilled", "no_capacity", "no_match", "not_relevant", "no_longer_needed", "duplicate"]
ReviewPolicy = Literal["self_publish", "review"]
MembershipRole = Literal["member", "associate", "board", "observer"]
TranslationStatus = Literal["original", "human", "machine"]
Scheme = Literal["theme", "gcm", "gcm-principle", "gcr", "sdg", "group", "format"]
OPEN_SCHEMES: frozenset[str] = frozenset({"theme", "group"})
EventName = Literal[
    "practice.published",
    "practice.updated",
    "practice.archived",
    "practice.withdrawn",
    "exchange_request.created",
    "exchange_request.transitioned",
    "exchange_request.expiring",
    "response.created",
    "response.transitioned",
    "message.created",
    "adoption.created",
    "adoption.updated",
    "verification.due",
]
WebhookStatus = Literal["active", "disabled"]
DisabledReason = Literal["paused", "failing", "gone", "filter"]
DeliveryStatus = Literal["pending", "delivered", "failed"]
