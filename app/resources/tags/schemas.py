"""Wire shapes of tags."""

from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from app.fields import CursorText, Input, Language, Moment, Name, Output, Scheme, SearchWords, TagId, Text, Unique
from app.resources.tags.examples import NEW_TAG, TAG

Code = Annotated[str, Text(100, pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$")]
Label = Annotated[str, Text(300)]
Synonyms = Annotated[list[Name], Field(max_length=100), Unique]


class TagCreate(Input):
    """A new entry of an open vocabulary: `theme` or `group`."""

    model_config = {"json_schema_extra": {"examples": [NEW_TAG]}}

    scheme: Scheme
    code: Code
    label: Label = Field(description="The label in English, unless `labels` has another one.")
    labels: Annotated[dict[Language, Label], Field(max_length=200)] = {}
    synonyms: Annotated[dict[Language, Synonyms], Field(max_length=200)] | Synonyms = Field(
        default={}, description="Lists by language; one list alone is taken as English."
    )
    broader: TagId | None = Field(default=None, description="A tag of the first level in the same scheme.")
    related: Annotated[list[TagId], Field(max_length=50), Unique] = Field(
        default=[], description="Tags that mean nearly the same, of any scheme; the relation holds both ways."
    )

    @field_validator("synonyms", mode="before")
    @classmethod
    def _by_language(cls, value: Any) -> Any:
        if isinstance(value, list):
            return {"en": value} if value else {}
        return value

    @field_validator("related")
    @classmethod
    def _others(cls, value: list[str], given: Any) -> list[str]:
        if f"{given.data.get('scheme')}:{given.data.get('code')}" in value:
            raise PydanticCustomError("itself", "A tag is not related to itself.")
        return value

    @property
    def id(self) -> str:
        """The id that it will have."""
        return f"{self.scheme}:{self.code}"


class TagPublic(Output):
    """One entry of a vocabulary."""

    model_config = {"json_schema_extra": {"examples": [TAG]}}

    id: str
    scheme: Scheme
    code: str
    label: str
    labels: dict[str, str]
    synonyms: list[str] = Field(description="In all languages.")
    broader: str | None
    narrower: list[str]
    related: list[str] = Field(description="The crosswalk to other vocabularies.")
    practice_count: int = Field(description="Published public practices with this tag or a narrower one.")
    created_by: str | None = Field(description="The organization that added it; null for what came with the exchange.")
    created_at: Moment
    updated_at: Moment
    version: int


class TagPage(Output):
    """A page of tags."""

    model_config = {"json_schema_extra": {"examples": [{"items": [TAG], "next_cursor": None}]}}

    items: list[TagPublic]
    next_cursor: str | None


class TagQuery(Input):
    """Filters of the list of tags."""

    q: SearchWords | None = Field(
        default=None, description="Labels and synonyms in all languages, forgiving of accents and misspelling."
    )
    scheme: Scheme | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None
