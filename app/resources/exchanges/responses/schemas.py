"""Wire shapes of answers to exchange requests."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.fields import CityId, CityRef, CursorText, Input, Markdown, Moment, Note, Output, ResponseStatus
from app.resources.exchanges.responses.examples import EXAMPLE, WHOLE_EXAMPLE
from app.resources.exchanges.schemas import ByCity


class ResponseCreate(ByCity):
    """An answer. One that is addressed may decline at once."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    message: Markdown | None = None
    practice_id: UUID | None = Field(default=None, description="A published practice that would help.")
    status: Literal["proposed", "tentative", "declined"] = Field(
        default="proposed", description="`tentative`: probably; `declined`: no, by a city that is addressed."
    )
    decline_reason: Note | None = None
    city_id: CityId | None = Field(
        default=None, description="The city; also taken as `city`, an id or `{id}`. A city answers for itself."
    )

    @model_validator(mode="after")
    def _reason_of_a_refusal(self) -> Self:
        if (self.status == "declined") != (self.decline_reason is not None):
            raise PydanticCustomError("decline_reason", "A refusal, and nothing else, has a decline_reason.")
        return self


class ResponseTransition(Input):
    """A move to another state."""

    model_config = {"json_schema_extra": {"examples": [{"to": "accepted"}]}}

    to: ResponseStatus
    reason: Note | None = Field(default=None, description="To `declined`: why.")
    note: Note | None = None


class ResponsePublic(Output):
    """An answer, as the two cities see it."""

    model_config = {"json_schema_extra": {"examples": [WHOLE_EXAMPLE]}}

    id: UUID
    request_id: UUID
    city: CityRef
    practice_id: UUID | None
    message: str | None
    status: ResponseStatus
    decline_reason: str | None
    created_at: Moment
    updated_at: Moment
    version: int
    allowed_transitions: list[ResponseStatus] = Field(description="What the caller may move it to.")


class ResponsePage(Output):
    """A page of answers, oldest first."""

    model_config = {"json_schema_extra": {"examples": [{"items": [WHOLE_EXAMPLE], "next_cursor": None}]}}

    items: list[ResponsePublic]
    next_cursor: str | None


class ResponseQuery(Input):
    """Filters of the list of answers."""

    status: ResponseStatus | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None
