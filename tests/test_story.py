"""The whole story: Freetown asks, is matched with reasons, works with Montréal, and adopts what it learnt."""

from typing import Any

from httpx import AsyncClient

from tests.conftest import Token
from tests.factories import Headers, practice_body, request_body

FREETOWN, MONTREAL, BRISTOL = "city:sl-freetown", "city:ca-montreal", "city:gb-bristol"
REQUESTS = "/v1/exchange-requests"


class Teller:
    """Asks as one city, and expects every step to succeed."""

    def __init__(self, client: AsyncClient, headers: Headers) -> None:
        self._client, self._headers = client, headers

    async def post(self, path: str, **body: Any) -> Any:
        answer = await self._client.post(path, json=body, headers=self._headers)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self._client.get(path, params=params, headers=self._headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def status(self, path: str) -> int:
        return (await self._client.get(path, headers=self._headers)).status_code


async def test_from_a_request_to_a_practice_adopted_elsewhere(client: AsyncClient, token: Token) -> None:
    freetown, montreal, bristol = [Teller(client, await token(name)) for name in (FREETOWN, MONTREAL, BRISTOL)]
    origin = await montreal.post("/v1/practices", **practice_body(offers=["format:webinar"]))
    await montreal.post(f"/v1/practices/{origin['id']}/transitions", to="published")

    # Freetown asks, and finds the peer with reasons that it can check.
    asked = await freetown.post(REQUESTS, **request_body(tags=["theme:municipal-id"], formats=["format:webinar"]))
    path = f"{REQUESTS}/{asked['id']}"
    best = (await freetown.get(f"{path}/matches"))["items"][0]
    reasons = {reason["kind"]: reason["values"] for reason in best["reasons"]}
    assert best["city"]["id"] == "ca-montreal"
    assert (reasons["tags"], reasons["formats"]) == (["theme:municipal-id"], ["format:webinar"])

    # The peer answers tentatively, is accepted, and the two write to each other.
    answer = await montreal.post(
        f"{path}/responses", message="Probably in May.", status="tentative", practice_id=origin["id"]
    )
    await freetown.post(f"{path}/responses/{answer['id']}/transitions", to="accepted")
    await freetown.post(f"{path}/messages", body="hushword: our mayor is not convinced yet")
    await montreal.post(f"{path}/messages", body="hushword: then let us invite her")
    assert len((await montreal.get(f"{path}/messages"))["items"]) == 2
    assert await bristol.status(f"{path}/messages") == 404
    assert await bristol.status(f"{path}/responses/{answer['id']}") == 404

    # They work together; Freetown adopts the practice and publishes its variant.
    await montreal.post(f"{path}/transitions", to="in_progress")
    variant = await freetown.post("/v1/practices", **practice_body(title="Identity card by mobile teams"))
    await freetown.post(f"/v1/practices/{variant['id']}/transitions", to="published")
    adoption = await freetown.post(
        f"/v1/practices/{origin['id']}/adoptions", stage="running", what_was_kept="No question about papers",
        what_was_changed="Mobile teams", resulting_practice_id=variant["id"], exchange_request_id=asked["id"],
    )  # fmt: skip
    await montreal.post(f"/v1/practices/{origin['id']}/adoptions/{adoption['id']}/confirmation")
    outcome = {"summary": "We start in three wards.", "useful": 5, "led_to": "adoption", "public": True}
    await freetown.post(f"{path}/transitions", to="completed", outcome={**outcome, "adoption_id": adoption["id"]})

    # Everybody can see what came of it, and nobody what the two wrote.
    lineage = await bristol.get(f"/v1/practices/{variant['id']}/adoptions/lineage")
    assert [(edge["from"], edge["to"]) for edge in lineage["edges"]] == [(origin["id"], variant["id"])]
    assert (await bristol.get(path))["outcome"]["led_to"] == "adoption"
    assert (await bristol.get(f"/v1/practices/{origin['id']}"))["adoption_count"] == 1
    feed = await bristol.get("/v1/changes", limit=1000)
    told = {item["type"]: item["data"] for item in feed["items"]}
    assert told["exchange_request"]["status"] == "completed"
    assert told["adoption"]["confirmed_by_origin"]
    assert "hushword" not in str(feed)
    report = await bristol.get("/v1/report")
    legal_identity = next(line for line in report["gcm"] if line["id"] == "gcm:4")
    assert (legal_identity["practices"]["count"], legal_identity["adoptions"]["count"]) == (2, 1)
    [flow] = (await bristol.get("/v1/stats"))["flows"]
    assert (flow["source"]["id"], flow["target"]["id"]) == ("ca-montreal", "sl-freetown")
