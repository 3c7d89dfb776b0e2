"""Wire shapes of messages."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.fields import CityRef, CursorText, Input, Markdown, Moment, Output

EXAMPLE: dict[str, Any] = {"body": "Shall we meet on Thursday at 14:00 UTC? Our registrar will join."}
WHOLE_EXAMPLE: dict[str, Any] = {
    "id": "01a0c456-7d10-7a2b-8c3d-4e5f60718293",
    "response_id": "01a0c455-10a0-7d3e-9f21-6b7c8d9e0f12",
    "city": {"id": "ca-montreal", "name": "Montréal", "country": "CA"},
    **EXAMPLE,
    "created_at": "2026-03-06T09:00:00.000Z",
}


class MessageCreate(Input):
    """A message to the other side."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    body: Annotated[Markdown, Field(min_length=1)]


class MessagePublic(Output):
    """A message. It belongs to one answer: whoever is matched later does not read what was said before."""

    model_config = {"json_schema_extra": {"examples": [WHOLE_EXAMPLE]}}

    id: UUID
    response_id: UUID
    city: CityRef = Field(description="Who wrote it.")
    body: str
    created_at: Moment


class MessagePage(Output):
    """A page of messages, oldest first."""

    model_config = {"json_schema_extra": {"examples": [{"items": [WHOLE_EXAMPLE], "next_cursor": None}]}}

    items: list[MessagePublic]
    next_cursor: str | None


class MessageQuery(Input):
    """A page of messages."""

    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: CursorText | None = None
