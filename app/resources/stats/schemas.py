"""Wire shapes of the statistics and of the report."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.areas import Region
from app.fields import CityId, CityRef, Day, Input, Moment, Output, RequestKind, RequestStatus, Slug
from app.resources.stats.examples import REPORT_EXAMPLE, STATS_EXAMPLE

Rate = Annotated[float, Field(ge=0, le=1)]


class StatsQuery(Input):
    """Which part of the exchange is counted."""

    network: Slug | None = Field(default=None, description="Its member cities, and practices that it brought in.")
    region: Region | None = Field(default=None, description="A region of the United Nations' statistics (M49).")
    city: CityId | None = Field(default=None, description="This city alone.")
    from_: Day | None = Field(
        default=None, alias="from", description="The first day: practices by publication, all else by its beginning."
    )
    to: Day | None = Field(default=None, description="The last day, included.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ and self.to and self.to < self.from_:
            raise PydanticCustomError("period", "The period ends before it begins.")
        return self


class CityTotals(Output):
    """How many cities there are."""

    total: int
    members: int = Field(description="Have joined the exchange.")
    countries: int
    with_practices: int


class PracticeTotals(Output):
    """Published practices."""

    published: int
    adopted: int = Field(description="Adopted by at least one other city.")


class ExchangeTotals(Output):
    """Exchange requests."""

    total: int
    by_kind: dict[RequestKind, int]
    by_status: dict[RequestStatus, int]
    answered: int = Field(description="Have an answer; a refusal by one who is addressed is one.")
    median_hours_to_first_answer: float | None = Field(description="From the request to its first answer.")
    completion_rate: Rate | None = Field(
        description="Completed ones among all that have ended: completed, cancelled, expired or unfulfilled."
    )
    adoption_rate: Rate | None = Field(
        description="Of the completed ones, those that an adoption names, whenever it was recorded."
    )


class AdoptionTotals(Output):
    """Adoptions."""

    total: int
    by_stage: dict[str, int]
    confirmed: int = Field(description="Confirmed by the city that the practice comes from.")


class AnswersGiven(Output):
    """What the cities did for others."""

    requests: int = Field(description="Requests that they have offered to help with; a refusal is no offer.")
    median_hours: float | None = Field(description="From the request to the offer.")


class Flow(Output):
    """What went from one city to another."""

    source: CityRef = Field(description="The city that helped, or whose practice was adopted.")
    target: CityRef
    exchanges: int = Field(
        description="Completed exchanges; `source` and `target` are filters of `/v1/exchange-requests`."
    )
    adoptions: int = Field(description="`origin` and `city` are filters of `/v1/adoptions`.")


class StatsPublic(Output):
    """Totals, and flows between cities."""

    model_config = {"json_schema_extra": {"examples": [STATS_EXAMPLE]}}

    generated_at: Moment
    cities: CityTotals
    networks: int
    practices: PracticeTotals
    exchange_requests: ExchangeTotals
    adoptions: AdoptionTotals
    answers_given: AnswersGiven
    flows: list[Flow] = Field(description="The largest first, 500 at most.")


class Figure(Output):
    """A number, and the search that yields as many records."""

    count: int
    href: str


class Line(Output):
    """The figures of one objective, goal or region."""

    id: str = Field(description="A tag, or a region.")
    label: str
    practices: Figure
    exchange_requests: Figure
    adoptions: Figure
    gap: bool = Field(description="Nobody has published a practice.")


class ReportPublic(Output):
    """The report to the review forums of the two compacts."""

    model_config = {"json_schema_extra": {"examples": [REPORT_EXAMPLE]}}

    generated_at: Moment
    network: str | None
    region: Region | None
    city: str | None
    from_: str | None = Field(alias="from")
    to: str | None
    total: Line
    gcm: list[Line] = Field(description="The 23 objectives of the Global Compact for Migration.")
    gcr: list[Line] = Field(description="The four objectives of the Global Compact on Refugees.")
    sdg: list[Line] = Field(description="The Sustainable Development Goals, and the targets close to migration.")
    regions: list[Line]
    gaps: list[str] = Field(description="The ids of the lines that are gaps.")
