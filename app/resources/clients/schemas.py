"""Wire shapes of clients, and of the answer to "who am I"."""

from typing import Annotated, Any, Literal

from pydantic import Field

from app.caller import OrganizationKind
from app.fields import CursorText, Input, Moment, Name, OrganizationId, Output, Text, Unique

CLIENT_ID_LENGTH = 120
LONGEST_LIFETIME = 730
ClientId = Annotated[str, Text(CLIENT_ID_LENGTH, pattern=r"^px_[a-z0-9_-]+$")]
Scope = Literal[
    "practices:write",
    "exchanges:read",
    "exchanges:write",
    "cities:write",
    "reviews:write",
    "sync:write",
    "webhooks:manage",
    "clients:manage",
    "audit:read",
    "operator",
]
Scopes = Annotated[list[Scope], Unique, Field(min_length=1, max_length=20)]

EXAMPLE: dict[str, Any] = {"name": "Case management system", "scopes": ["practices:write", "exchanges:read"]}
WHOLE_EXAMPLE: dict[str, Any] = {
    "client_id": "px_ca-montreal_k7m2p9qd",
    **EXAMPLE,
    "organization": "city:ca-montreal",
    "created_at": "2026-03-01T09:30:00.000Z",
    "created_by": "operator",
    "last_used_at": None,
    "secret_expires_at": "2027-03-01T09:30:00.000Z",
    "previous_secret_until": None,
    "revoked_at": None,
    "version": 1,
}
SECRET_EXAMPLE = {**WHOLE_EXAMPLE, "client_secret": "pxs_4yYgG5b3Z0n1uQx7mWc2hT8vKpR6sLdE9aFjN3iOo0U"}
ME_EXAMPLE: dict[str, Any] = {
    "organization": "city:ca-montreal",
    "kind": "city",
    "name": "Montréal",
    "client_id": "px_ca-montreal_k7m2p9qd",
    "scopes": ["practices:write", "exchanges:read"],
    "networks": ["mmc"],
    "limits": {"policy": "client", "quota": 1200, "window_seconds": 60},
    "token_expires_at": "2026-03-01T09:45:00.000Z",
}


class ClientCreate(Input):
    """A new client."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    name: Name = Field(description="What the program is, for those who manage clients.")
    organization: OrganizationId | None = Field(default=None, description="Unsaid: the caller's own.")
    scopes: Scopes | None = Field(
        default=None, description="Unsaid: all that suit the organization and that the caller's token carries."
    )
    lifetime_days: Annotated[int, Field(strict=True, ge=1, le=LONGEST_LIFETIME)] = Field(
        default=365, description="Days until the secret expires."
    )


class ClientUpdate(Input):
    """A merge patch of a client."""

    model_config = {"json_schema_extra": {"examples": [{"scopes": ["practices:write"]}]}}

    name: Name = Field(default_factory=str)
    scopes: Scopes = Field(default_factory=list)


class ClientPublic(Output):
    """A client, without its secret: nobody can read that again."""

    model_config = {"json_schema_extra": {"examples": [WHOLE_EXAMPLE]}}

    client_id: str
    name: str
    organization: str
    scopes: list[Scope]
    created_at: Moment
    created_by: str | None = Field(description="The client that made it, or the organization on the command line.")
    last_used_at: Moment | None = Field(description="When it last got a token, to the minute.")
    secret_expires_at: Moment
    previous_secret_until: Moment | None = Field(description="After a rotation: how long the old secret still works.")
    revoked_at: Moment | None
    version: int


class ClientWithSecret(ClientPublic):
    """A client with its new secret, shown this once."""

    model_config = {"json_schema_extra": {"examples": [SECRET_EXAMPLE]}}

    client_secret: str | None = Field(
        description="Null where the answer is a replay (`Idempotency-Replayed`): the secret is not kept for that."
    )


class ClientPage(Output):
    """A page of clients."""

    model_config = {"json_schema_extra": {"examples": [{"items": [WHOLE_EXAMPLE], "next_cursor": None}]}}

    items: list[ClientPublic]
    next_cursor: str | None


class ClientQuery(Input):
    """Filters of the list of clients."""

    organization: OrganizationId | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None


class Limits(Output):
    """How many requests the client has in each window of time."""

    policy: str
    quota: int
    window_seconds: int


class Me(Output):
    """Who asks."""

    model_config = {"json_schema_extra": {"examples": [ME_EXAMPLE]}}

    organization: str
    kind: OrganizationKind
    name: str = Field(description="The organization's name.")
    client_id: str
    scopes: list[Scope]
    networks: list[str] = Field(description="The networks that the city belongs to, or the network itself.")
    limits: Limits | None = Field(description="Null where the exchange sets none.")
    token_expires_at: Moment
