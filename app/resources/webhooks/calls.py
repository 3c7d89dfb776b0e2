"""The `webhooks` section of the contract: what we send, to whom, and what we make of the answer."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header
from starlette.responses import Response

from app.resources.webhooks.schemas import EventPayload

TOLD = {
    "practice.published": "A practice is published, or shown to the receiver for the first time.",
    "practice.updated": "A published practice has a new version.",
    "practice.archived": "A practice is not shown any more, and may come back.",
    "practice.withdrawn": "A practice is withdrawn for good, or merged into another.",
    "exchange_request.created": "A city asks for help, or offers it.",
    "exchange_request.transitioned": "An exchange request has moved to another state.",
    "exchange_request.expiring": "An exchange request of the receiver's expires in 14 or 3 days.",
    "response.created": "A city answers a request: told to the two.",
    "response.transitioned": "An answer has moved to another state: told to the two.",
    "message.created": "One side of a match has written to the other: told to the two.",
    "adoption.created": "A city adapts a practice that the receiver sees.",
    "adoption.updated": "An adoption has changed, or its origin has confirmed it.",
    "verification.due": "Nobody has checked a practice of the receiver's city for two years: once for each due date.",
    "webhook.test": "Asked for by `POST /v1/webhooks/{id}/test`.",
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    "2XX": {"description": "It has arrived."},
    "3XX": {"description": "A failure: redirections are not followed."},
    "410": {"description": "The receiver is gone: the webhook is disabled at once."},
    "default": {
        "description": "A failure, tried again with growing pauses for a day; `Retry-After` is honoured up to 6 hours."
    },
}

CALLS = APIRouter()


def _call(told: str) -> Callable[..., Awaitable[Response]]:
    async def call(
        body: EventPayload,
        webhook_id: Annotated[str, Header(alias="webhook-id", description="The same for every try.")],
        webhook_timestamp: Annotated[
            int, Header(alias="webhook-timestamp", description="Of this try, in Unix seconds.")
        ],
        webhook_signature: Annotated[
            str, Header(alias="webhook-signature", description="`v1,` and base64; after a rotation two, with a blank.")
        ],
    ) -> Response:
        raise NotImplementedError((body, webhook_id, webhook_timestamp, webhook_signature))

    call.__doc__ = told
    return call


for name, told in TOLD.items():
    CALLS.add_api_route(
        name,
        _call(told),
        methods=["POST"],
        summary=name,
        description=told,
        operation_id=f"on_{name.replace('.', '_')}",
        tags=["webhooks"],
        response_class=Response,
        responses=dict(ANSWERS),
    )
