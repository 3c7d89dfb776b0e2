"""What is asked of the lists of practices: filters, orders, pages."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from app.areas import Region
from app.fields import (
    BudgetBand,
    CityId,
    Country,
    CursorText,
    Day,
    Input,
    Language,
    Mandate,
    MomentIn,
    PopulationBand,
    PracticeStatus,
    Role,
    SearchWords,
    Slug,
    Stage,
    TagId,
)

Order = Literal["relevance", "newest", "updated", "title"]


class PracticeFilters(Input):
    """Filters of a search for practices; a repeated `tag` narrows, a repeated `any_tag` widens."""

    q: SearchWords | None = Field(
        default=None,
        description='Words in any language, forgiving of accents and misspelling; `"a phrase"`; `-without`.',
    )
    tag: Annotated[list[TagId], Field(max_length=20)] = Field(default=[], description="All must match; narrower do.")
    any_tag: Annotated[list[TagId], Field(max_length=50)] = Field(default=[], description="One must match.")
    city: CityId | None = None
    country: Country | None = None
    network: Slug | None = Field(default=None, description="Its member cities' records, and those it brought in.")
    region: Region | None = Field(default=None, description="Of the city: a region of the UN's statistics (M49).")
    language: Language | None = None
    stage: Stage | None = None
    budget_band: BudgetBand | None = None
    population_band: PopulationBand | None = None
    role: Role | None = None
    mandate: Mandate | None = None
    evidence_min: Annotated[int, Field(ge=0, le=5)] | None = None
    offers: TagId | None = None
    status: PracticeStatus | None = Field(default=None, description="Unsaid: published ones.")
    year_from: Annotated[int, Field(ge=1900, le=2100)] | None = Field(
        default=None, description="Under way in or after."
    )
    year_to: Annotated[int, Field(ge=1900, le=2100)] | None = Field(default=None, description="Begun in or before.")
    published_from: Day | None = Field(default=None, description="First published on this day or later, in UTC.")
    published_to: Day | None = None
    updated_since: MomentIn | None = None
    stale: bool | None = Field(default=None, description="Not verified, nor published, within the last two years.")


class PracticeSearch(PracticeFilters):
    """A search for practices, in an order."""

    sort: Order | None = Field(default=None, description="Unsaid: `relevance` where there is a `q`, else `newest`.")

    @field_validator("sort")
    @classmethod
    def _relevant_to_something(cls, value: Order | None, given: ValidationInfo) -> Order | None:
        if value == "relevance" and given.data.get("q") is None:
            raise PydanticCustomError("relevance", "`relevance` needs a `q` to be relevant to.")
        return value

    @property
    def order(self) -> Order:
        """The order that holds."""
        return self.sort or ("newest" if self.q is None else "relevance")


class PracticeFileQuery(PracticeSearch):
    """A whole search as a file."""

    limit: Annotated[int, Field(ge=1, le=10_000_000)] | None = Field(default=None, description="Unsaid: all.")
    bom: bool = Field(default=False, description="CSV begins with a byte order mark, for spreadsheets that need one.")


class PracticeQuery(PracticeSearch):
    """A page of a search."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None


class SimilarQuery(Input):
    """How many of the most similar practices."""

    limit: Annotated[int, Field(ge=1, le=50)] = 10


class TimelineQuery(Input):
    """A page of a timeline."""

    limit: Annotated[int, Field(ge=1, le=100)] = 100
    cursor: CursorText | None = None
