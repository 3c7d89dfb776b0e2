"""HTTP for webhooks."""

import json
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from app.errors import NotFound
from app.resources.webhooks import commands, queries
from app.resources.webhooks.destination import check_destination
from app.resources.webhooks.examples import DELIVERY_ID, WEBHOOK_ID
from app.resources.webhooks.schemas import (
    DeliveryPage,
    DeliveryPublic,
    DeliveryQuery,
    WebhookCreate,
    WebhookPage,
    WebhookPublic,
    WebhookQuery,
    WebhookUpdate,
    WebhookWithSecret,
)
from app.web.addresses import base_url
from app.web.etags import required_versions
from app.web.responses import JSON, binding_of, document, not_modified, page, part_page
from app.web.routing import ApiRequest, ApiRouter, requires
from app.web.sessions import WriteSession, write

WebhookId = Annotated[UUID, Field(examples=[WEBHOOK_ID])]
DeliveryId = Annotated[UUID, Field(examples=[DELIVERY_ID])]
MANAGE = "webhooks:manage"

router = ApiRouter("webhooks")


@router.get("/webhooks", response_model=WebhookPage)
@requires(MANAGE)
async def list_webhooks(request: ApiRequest, query: Annotated[WebhookQuery, Query()]) -> Response:
    """List the organization's webhooks, newest first."""
    binding = binding_of("webhooks", query, request.caller.organization)
    position = request.position(binding, query.cursor)
    rows = await request.rows(queries.webhook_page(request.caller, query, position))
    return page(request, rows, query.limit, binding)


@router.post("/webhooks", status_code=201, response_model=WebhookWithSecret)
@requires(MANAGE)
async def create_webhook(request: ApiRequest, body: WebhookCreate) -> Response:
    """Register a URL to be told at. Its secret stands in this answer and nowhere else.

    What is sent is signed as Standard Webhooks has it (`webhook-id`, `webhook-timestamp`, `webhook-signature`) and
    names the record, not what stands in it. A webhook is told of what its organization sees. Each event is delivered
    at least once, those of one record in their order; what fails is tried again with growing pauses for a day, and
    then the webhook is disabled.
    """
    await check_destination(body.url, private=request.services.settings.webhook_private == "allow")
    async with write(request) as session:
        id_, secret = await commands.create_webhook(session.connection, session.actor, body, base_url(request.scope))
        return await _with_secret(session, id_, secret, status=201)


@router.get("/webhooks/{id}", response_model=WebhookPublic)
@requires(MANAGE)
async def get_webhook(request: ApiRequest, id: WebhookId) -> Response:
    """Read one webhook; its secret cannot be read."""
    row = await request.row(queries.webhook(request.caller, id, not_modified(request)))
    if row is None:
        raise NotFound(commands.MISSING)
    return document(request, row)


@router.patch("/webhooks/{id}", response_model=WebhookPublic)
@requires(MANAGE)
async def update_webhook(request: ApiRequest, id: WebhookId, body: WebhookUpdate) -> Response:
    """Change a webhook by merge patch (RFC 7396); `"status": "active"` enables one again that was disabled.

    What happened while it was disabled is not sent: `GET /v1/changes` has it.
    """
    versions = required_versions(request.headers.get("if-match"))
    if "url" in body.model_fields_set:
        await check_destination(body.url, private=request.services.settings.webhook_private == "allow")
    async with write(request) as session:
        await commands.update_webhook(session.connection, session.actor, id, versions, body)
        return await session.respond(queries.webhook(request.caller, id, []))


@router.delete("/webhooks/{id}", status_code=204)
@requires(MANAGE)
async def delete_webhook(request: ApiRequest, id: WebhookId) -> Response:
    """Delete a webhook, and what is on its way to it."""
    versions = required_versions(request.headers.get("if-match"))
    async with write(request) as session:
        await commands.delete_webhook(session.connection, session.actor, id, versions)
        return session.respond_with(Response(status_code=204))


@router.post("/webhooks/{id}/rotate-secret", response_model=WebhookWithSecret)
@requires(MANAGE)
async def rotate_webhook_secret(request: ApiRequest, id: WebhookId) -> Response:
    """Give a webhook a new secret. For 24 hours each delivery carries two signatures: by the new one and by the old.

    The secret stands in this answer and nowhere else; a replay by `Idempotency-Key` has null in its place.
    """
    async with write(request) as session:
        secret = await commands.rotate_secret(session.connection, session.actor, id)
        return await _with_secret(session, id, secret, status=200)


@router.post("/webhooks/{id}/test", status_code=202, response_model=DeliveryPublic)
@requires(MANAGE)
async def test_webhook(request: ApiRequest, id: WebhookId) -> Response:
    """Send a webhook an event of the type `webhook.test`; what came of it stands among its deliveries."""
    async with write(request) as session:
        made = await commands.send_test(session.connection, session.actor, id)
        return await session.respond(queries.delivery(id, made), status=202)


@router.get("/webhooks/{id}/deliveries", response_model=DeliveryPage)
@requires(MANAGE)
async def list_deliveries(request: ApiRequest, id: WebhookId, query: Annotated[DeliveryQuery, Query()]) -> Response:
    """List what was sent to a webhook or is on its way, newest first, with every try; kept for 30 days."""
    binding = binding_of(f"deliveries {id}", query, request.caller.organization)
    position = request.position(binding, query.cursor)
    rows = await request.rows(queries.delivery_page(request.caller, id, query, position))
    return part_page(request, rows, query.limit, binding, missing=commands.MISSING)


@router.post("/webhooks/{id}/deliveries/{delivery_id}/redeliver", status_code=202, response_model=DeliveryPublic)
@requires(MANAGE)
async def redeliver(request: ApiRequest, id: WebhookId, delivery_id: DeliveryId) -> Response:
    """Send a delivery once more, with the same `webhook-id`, whatever became of it before."""
    async with write(request) as session:
        await commands.redeliver(session.connection, session.actor, id, delivery_id)
        return await session.respond(queries.delivery(id, delivery_id), status=202)


async def _with_secret(session: WriteSession, id_: UUID, secret: str, *, status: int) -> Response:
    """The webhook with its secret; what is kept for a replay is the webhook without it."""
    row = await session.one(queries.webhook(session.request.caller, id_, []), commands.MISSING)
    headers = {"Cache-Control": "no-store", "ETag": row["etag"]}
    if status == 201:  # noqa: PLR2004 - a new record has an address
        headers["Location"] = f"/v1/webhooks/{id_}"

    def answer(shown: str | None) -> Response:
        body = row["body"].removesuffix("}") + ',"secret":' + json.dumps(shown) + "}"
        return Response(body.encode(), status, headers, JSON)

    session.respond_with(answer(None))
    return answer(secret)
