"""Webhooks as records: registered, read, changed, rotated, deleted, by their organization alone."""

import uuid
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import Headers
from tests.webhooks import deliveries, make_webhook

URL = "http://127.0.0.1:9/hook"


@pytest.fixture
async def headers(token: Token) -> Headers:
    return await token("city:ca-montreal")


async def test_a_webhook_from_made_to_deleted(
    client: AsyncClient, headers: Headers, database: Database, sql_count: SqlCount
) -> None:
    body: dict[str, Any] = {"url": URL, "events": ["practice.published"], "filter": "?tag=theme:housing&country=CA"}
    await client.get("/v1/me", headers=headers)  # the token is known from here on
    with sql_count() as statements:
        made = await client.post("/v1/webhooks", json=body, headers=headers)
    assert made.status_code == 201
    assert len(statements) == 2, "the write, and the record as GET shows it"
    webhook = made.json()
    assert webhook["secret"].startswith("whsec_")
    assert (webhook["status"], webhook["filter"]) == ("active", "?tag=theme:housing&country=CA")
    path = made.headers["location"]
    with sql_count() as statements:
        read = await client.get(path, headers=headers)
    assert len(statements) == 1
    assert "secret" not in read.json()
    assert read.headers["etag"] == made.headers["etag"]
    known = await client.get(path, headers={**headers, "If-None-Match": read.headers["etag"]})
    assert known.status_code == 304

    stale = {**headers, "If-Match": '"99-x"'}
    assert (await client.patch(path, json={"url": URL}, headers=headers)).status_code == 428
    assert (await client.patch(path, json={"url": URL}, headers=stale)).status_code == 412
    change = {**headers, "If-Match": read.headers["etag"]}
    patch = {"events": ["message.created"], "filter": None, "description": "Inbox"}
    changed = (await client.patch(path, json=patch, headers=change)).json()
    assert (changed["events"], changed["filter"], changed["description"], changed["version"]) == (
        ["message.created"], None, "Inbox", 2,
    )  # fmt: skip
    with sql_count() as statements:
        listed = await client.get("/v1/webhooks?status=active", headers=headers)
    assert len(statements) == 1
    assert listed.json()["items"] == [changed]
    assert (await client.get("/v1/webhooks?status=disabled", headers=headers)).json()["items"] == []
    assert (await client.delete(path, headers=headers)).status_code == 428
    assert (await client.delete(path, headers={**headers, "If-Match": "*"})).status_code == 204
    assert (await client.get(path, headers=headers)).status_code == 404
    actions = await database.rows("SELECT action FROM audit WHERE record_type = 'webhook' ORDER BY id")
    assert [row["action"] for row in actions] == ["created", "updated", "deleted"]
    assert await database.value("SELECT count(*) FROM webhook WHERE secret LIKE 'whsec_%'") == 0


async def test_unsaid_it_is_told_of_everything(client: AsyncClient, headers: Headers) -> None:
    webhook = await make_webhook(client, headers, URL)
    assert {"practice.published", "message.created", "verification.due"} < set(webhook["events"])
    assert webhook["scopes"] == ["exchanges:read", "exchanges:write"]


async def test_the_secret_is_not_kept_for_a_replay(client: AsyncClient, headers: Headers) -> None:
    keyed = {**headers, "Idempotency-Key": "once"}
    first = await client.post("/v1/webhooks", json={"url": URL}, headers=keyed)
    again = await client.post("/v1/webhooks", json={"url": URL}, headers=keyed)
    assert (first.json()["id"], again.json()["secret"]) == (again.json()["id"], None)
    rotated = await client.post(f"{first.headers['location']}/rotate-secret", headers=keyed)
    assert rotated.json()["secret"] not in {None, first.json()["secret"]}


FILTERS = {
    "colour=blue": "unknown_parameter",
    "tag=theme:housing&cursor=abc": "cursor",
    "country=CA&country=FR": "repeated_parameter",
    "country=Canada": "string_too_long",
    "tag=housing": "string_pattern_mismatch",
    "sort=relevance": "relevance",
    "evidence_min=9": "less_than_equal",
    "q=%ff": "query_string",
    "q=%00": "control_character",
    "&".join(["tag=gcm:1"] * 101): "query_string",
    "&".join(["tag=gcm:1"] * 21): "too_long",
    "tag": "string_too_short",
}


async def test_a_filter_is_what_the_list_takes(client: AsyncClient, headers: Headers) -> None:
    webhook = await make_webhook(client, headers, URL, filter="tag=theme:housing&sort=newest&limit=5")
    path, change = f"/v1/webhooks/{webhook['id']}", {**headers, "If-Match": "*"}
    for filter_, code in FILTERS.items():
        refused = await client.post("/v1/webhooks", json={"url": URL, "filter": filter_}, headers=headers)
        assert refused.status_code == 422, filter_
        [fault] = refused.json()["errors"]
        assert (fault["pointer"], fault["code"]) == ("/filter", code), filter_
        patched = await client.patch(path, json={"filter": filter_}, headers=change)
        assert patched.status_code == 422, filter_


async def test_what_is_wrong_is_pointed_at(client: AsyncClient, headers: Headers) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "/url"),
        ({"url": "ftp://example.org/"}, "/url"),
        ({"url": "http://127.1/"}, "/url"),
        ({"url": "http://user:secret@example.org/"}, "/url"),
        ({"url": "http://example.org/#x"}, "/url"),
        ({"url": URL, "events": []}, "/events"),
        ({"url": URL, "events": ["practice.read"]}, "/events/0"),
        ({"url": URL, "events": ["message.created", "message.created"]}, "/events"),
        ({"url": URL, "secret": "whsec_x"}, "/secret"),
    ]
    for body, pointer in wrong:
        refused = await client.post("/v1/webhooks", json=body, headers=headers)
        assert refused.status_code == 422, body
        assert refused.json()["errors"][0]["pointer"] == pointer


async def test_deliveries_are_paged_and_filtered_newest_first(
    client: AsyncClient, headers: Headers, sql_count: SqlCount
) -> None:
    webhook = await make_webhook(client, headers, URL)
    path = f"/v1/webhooks/{webhook['id']}"
    with sql_count() as statements:
        made = [(await client.post(f"{path}/test", headers=headers)).json()["id"] for _ in range(5)]
    assert len(statements) == 15, "the webhook kept, the delivery made and read"
    assert uuid.UUID(made[0]).version == 7
    with sql_count() as statements:
        first = (await client.get(f"{path}/deliveries?limit=2&status=pending", headers=headers)).json()
    assert len(statements) == 1
    following = await client.get(
        f"{path}/deliveries?limit=3&status=pending&cursor={first['next_cursor']}", headers=headers
    )
    found = [item["id"] for item in first["items"] + following.json()["items"]]
    assert found == made[::-1]
    assert following.json()["next_cursor"] is None
    assert len(await deliveries(client, headers, webhook, "&event=webhook.test")) == 5
    assert await deliveries(client, headers, webhook, "&event=practice.updated") == []
    assert await deliveries(client, headers, webhook, "&status=failed") == []
    with sql_count() as statements:
        again = await client.post(f"{path}/deliveries/{made[0]}/redeliver", headers=headers)
    assert (again.status_code, len(statements)) == (202, 4)
    unknown = await client.post(f"{path}/deliveries/{uuid.uuid4()}/redeliver", headers=headers)
    assert unknown.status_code == 404


async def test_another_organizations_is_not_there(client: AsyncClient, headers: Headers, token: Token) -> None:
    webhook = await make_webhook(client, headers, URL)
    path = f"/v1/webhooks/{webhook['id']}"
    delivery = (await client.post(f"{path}/test", headers=headers)).json()["id"]
    for organization in ("city:sl-freetown", "network:mmc", "operator"):
        other = {**await token(organization), "If-Match": "*"}
        own = await make_webhook(client, other, URL)
        assert [entry["id"] for entry in (await client.get("/v1/webhooks", headers=other)).json()["items"]] == [
            own["id"]
        ]
        asked = [
            client.get(path, headers=other), client.patch(path, json={"description": "mine"}, headers=other),
            client.delete(path, headers=other), client.post(f"{path}/test", headers=other),
            client.post(f"{path}/rotate-secret", headers=other), client.get(f"{path}/deliveries", headers=other),
            client.post(f"{path}/deliveries/{delivery}/redeliver", headers=other),
            client.post(f"/v1/webhooks/{own['id']}/deliveries/{delivery}/redeliver", headers=other),
        ]  # fmt: skip
        assert [(await one).status_code for one in asked] == [404] * len(asked)


async def test_so_many_and_no_more(client: AsyncClient, headers: Headers, database: Database) -> None:
    webhook = await make_webhook(client, headers, URL)
    await database.execute(
        "INSERT INTO webhook (id, organization, base_url, url, secret)"
        " SELECT gen_random_uuid(), organization, base_url, url, secret FROM webhook, generate_series(2, 100)"
    )
    refused = await client.post("/v1/webhooks", json={"url": URL}, headers=headers)
    assert refused.status_code == 409
    assert (await client.get(f"/v1/webhooks/{webhook['id']}", headers=headers)).status_code == 200
