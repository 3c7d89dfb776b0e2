"""Wire shapes of webhooks, of deliveries, and of what is sent."""

from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import Field

from app.fields import (
    URL_LENGTH,
    CursorText,
    DeliveryStatus,
    DisabledReason,
    EventName,
    HttpUrl,
    Input,
    Moment,
    Name,
    Output,
    Text,
    Unique,
    WebhookStatus,
)
from app.resources.webhooks.examples import (
    DELIVERY_EXAMPLE,
    EXAMPLE,
    PAYLOAD_EXAMPLE,
    SECRET_EXAMPLE,
    WHOLE_EXAMPLE,
)

ALL_EVENTS: list[EventName] = list(get_args(EventName))
SentEvent = EventName | Literal["webhook.test"]
Events = Annotated[list[EventName], Unique, Field(min_length=1, max_length=len(ALL_EVENTS))]
Filter = Annotated[str, Text(URL_LENGTH)]


class WebhookCreate(Input):
    """A new webhook."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    url: HttpUrl = Field(description="Where events are sent: https or http, at a host of the public internet.")
    description: Name | None = Field(default=None, description="What it is for, for those who manage webhooks.")
    events: Events = Field(default=ALL_EVENTS, description="Unsaid: all there are now.")
    filter: Filter | None = Field(
        default=None,
        description="The query string of a search for practices: narrows the events of practices, their adoptions and"
        " their verification to those that the search finds. `sort` and `limit` are taken and choose nothing.",
    )


class WebhookUpdate(Input):
    """A merge patch of a webhook."""

    model_config = {"json_schema_extra": {"examples": [{"events": ["practice.published"], "status": "active"}]}}

    url: HttpUrl = Field(default_factory=str)
    description: Name | None = None
    events: Events = Field(default_factory=list)
    filter: Filter | None = None
    status: WebhookStatus = Field(
        default="active", description="`active` enables it again, `disabled` pauses it: what waits is kept."
    )


class WebhookPublic(Output):
    """A webhook, without its secret: nobody can read that again."""

    model_config = {"json_schema_extra": {"examples": [WHOLE_EXAMPLE]}}

    id: UUID
    organization: str
    url: str
    description: str | None
    events: list[EventName]
    filter: str | None
    scopes: list[str] = Field(
        description="What decides about its sight: those scopes of the token that made or last changed it. Without"
        " `exchanges:read` it is told of public exchange requests only, and of no messages."
    )
    status: WebhookStatus
    disabled_reason: DisabledReason | None = Field(
        description="`failing`: nothing arrived for a day; `gone`: the receiver answered 410; `paused`: on request;"
        " `filter`: the search it asked for is not known any more."
    )
    disabled_at: Moment | None
    failing_since: Moment | None = Field(description="While tries fail: the first of them.")
    previous_secret_until: Moment | None = Field(description="After a rotation: how long the old secret signs too.")
    created_at: Moment
    updated_at: Moment
    version: int


class WebhookWithSecret(WebhookPublic):
    """A webhook with its new secret, shown this once."""

    model_config = {"json_schema_extra": {"examples": [SECRET_EXAMPLE]}}

    secret: str | None = Field(
        description="The key of the signatures, as Standard Webhooks writes it. Null where the answer is a replay"
        " (`Idempotency-Replayed`): the secret is not kept for that."
    )


class WebhookPage(Output):
    """A page of webhooks."""

    model_config = {"json_schema_extra": {"examples": [{"items": [WHOLE_EXAMPLE], "next_cursor": None}]}}

    items: list[WebhookPublic]
    next_cursor: str | None


class WebhookQuery(Input):
    """A page of webhooks."""

    status: WebhookStatus | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None


class EventData(Output):
    """Which record it happened to. What stands in it is read at `url`, by whoever may."""

    id: UUID
    type: Literal["practice", "exchange_request", "response", "message", "adoption", "webhook"]
    url: str = Field(description="Where the record is read; a message among those of its exchange.")
    version: int = Field(description="The record's version after the event.")
    status: str | None = Field(description="Of an exchange request or a response: the state after the event.")
    reason: str | None = Field(description="`not_public`: it is archived for the receiver only, who sees it no more.")


class EventPayload(Output):
    """What a webhook is sent."""

    model_config = {"json_schema_extra": {"examples": [PAYLOAD_EXAMPLE]}}

    type: SentEvent
    timestamp: Moment = Field(description="When it happened.")
    data: EventData


class Attempt(Output):
    """One try to deliver."""

    at: Moment
    status_code: int | None = Field(description="Null where no answer came.")
    duration_ms: int | None
    error: str | None = Field(description="Why it failed, in our words; what the receiver said is not kept.")


class DeliveryPublic(Output):
    """An event on its way to a webhook. `id` is the `webhook-id` of every try."""

    model_config = {"json_schema_extra": {"examples": [DELIVERY_EXAMPLE]}}

    id: UUID
    webhook_id: UUID
    event: SentEvent
    status: DeliveryStatus
    payload: EventPayload
    attempts: list[Attempt] = Field(description="The oldest first.")
    next_attempt_at: Moment | None
    created_at: Moment
    delivered_at: Moment | None


class DeliveryPage(Output):
    """A page of deliveries."""

    model_config = {"json_schema_extra": {"examples": [{"items": [DELIVERY_EXAMPLE], "next_cursor": None}]}}

    items: list[DeliveryPublic]
    next_cursor: str | None


class DeliveryQuery(Input):
    """Filters of the list of deliveries."""

    status: DeliveryStatus | None = None
    event: SentEvent | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None
