"""Wire shapes of the audit trail."""

from typing import Annotated, Any

from pydantic import Field

from app.fields import CursorText, Identifier, Input, Keyword, Moment, MomentIn, OrganizationId, Output

EXAMPLE: dict[str, Any] = {
    "id": 4711,
    "at": "2026-03-01T09:30:00.000Z",
    "organization": "city:ca-montreal",
    "client_id": "px_ca-montreal_k7m2p9qd",
    "request_id": "0f8fad5bd9cb469fa16570867728950e",
    "action": "updated",
    "record_type": "practice",
    "record_id": "01a0c45f-1200-7c3d-ba41-18d8c17a6cf9",
    "version": 4,
    "changed": ["summary"],
}


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

    model_config = {"json_schema_extra": {"examples": [{"items": [EXAMPLE], "next_cursor": None}]}}

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
