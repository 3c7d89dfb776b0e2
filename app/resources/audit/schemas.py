"""Wire shapes of the audit trail."""

from typing import Annotated

from pydantic import Field

from app.fields import CursorText, Identifier, Input, Keyword, Moment, MomentIn, OrganizationId, Output


class AuditEntry(Output):
    """One change: who, when, with which client, of which record."""

    id: int
    at: Moment
    organization: str
    client_id: str | None = Field(description="Null for the system and the command line.")
    request_id: str | None = Field(description="The `X-Request-Id` of the request that made the change.")
    action: str = Field(description="Such as `created`, `updated`, `transitioned`, `deleted`.")
    record_type: str
    record_id: str
    version: int | None = Field(description="The record's version after the change.")
    changed: list[str] | None = Field(description="The members that the change touched, where that is known.")


class AuditPage(Output):
    """A page of the audit trail."""

    items: list[AuditEntry]
    next_cursor: str | None


class AuditQuery(Input):
    """Filters of the audit trail."""

    organization: OrganizationId | None = Field(default=None, description="Who made the change.")
    record_type: Keyword | None = None
    record_id: Identifier | None = None
    action: Keyword | None = None
    since: MomentIn | None = Field(default=None, description="At this moment or later.")
    until: MomentIn | None = Field(default=None, description="Before this moment.")
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None
