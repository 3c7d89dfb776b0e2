"""Wire shapes of endorsements."""

from typing import Annotated, Any

from pydantic import Field

from app.fields import CursorText, Input, Note, Output
from app.resources.practices.schemas import Endorsement

EXAMPLE: dict[str, Any] = {"comment": "We visited in May, and took the form over as it stands."}
WHOLE_EXAMPLE: dict[str, Any] = {"organization": "city:sl-freetown", **EXAMPLE, "at": "2026-03-11T08:30:00.000Z"}


class EndorsementCreate(Input):
    """A member city or network vouches for a practice."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    comment: Note | None = None


class EndorsementPublic(Endorsement):
    """An endorsement."""

    model_config = {"json_schema_extra": {"examples": [WHOLE_EXAMPLE]}}


class EndorsementPage(Output):
    """A page of endorsements, oldest first."""

    model_config = {"json_schema_extra": {"examples": [{"items": [WHOLE_EXAMPLE], "next_cursor": None}]}}

    items: list[EndorsementPublic]
    next_cursor: str | None


class EndorsementQuery(Input):
    """A page of endorsements."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None
