"""A world with words in everything that is not public, for the crawl of `test_outsiders.py`.

Every word is one of its own, so that the one that comes back says where it came from. What is hidden whole is planted
by `plant_records`: it must leave no trace at all. What is hidden in a public record is planted by `plant_parts`.
"""

from collections import defaultdict
from typing import Any

from httpx import AsyncClient

from tests.conftest import Token
from tests.factories import (
    Headers,
    make_adoption,
    make_exchange,
    make_match,
    make_practice,
    make_request,
    make_response,
    practice_body,
)

PRACTICES, REQUESTS = "/v1/practices", "/v1/exchange-requests"
ASKING, HELPING, REVIEWING, BRINGING = "city:sl-freetown", "city:ca-montreal", "network:uclg", "network:eurocities"


def word(place: str) -> str:
    """The word that is hidden in a place."""
    return f"quxzy{place.replace('_', '')}"


class World:
    """Makes records over HTTP, and remembers their ids by the path parameter that takes them."""

    def __init__(self, client: AsyncClient, headers: dict[str, Headers]) -> None:
        self._client, self.headers = client, headers
        self.words: set[str] = set()
        self.for_members: set[str] = set()
        self.ids: dict[str, list[str]] = defaultdict(list)
        self.practice, self.request = "", ""

    def hide(self, place: str, *, from_members: bool = True) -> str:
        """A word to be hidden in this place; one that members may read where `from_members` is false."""
        (self.words if from_members else self.for_members).add(word(place))
        return word(place)

    async def send(self, verb: str, path: str, who: str, **body: Any) -> Any:
        """A request that must succeed; gives its document."""
        headers = {**self.headers[who], **({"If-Match": "*"} if verb == "PATCH" else {})}
        answer = await self._client.request(verb, path, json=body, headers=headers)
        assert answer.status_code in {200, 201}, (path, answer.text)
        return answer.json()

    async def new_practice(self, place: str, *, publish: bool = False, from_members: bool = True, **more: Any) -> str:
        """A practice with the place's word in whatever takes words."""
        hidden = self.hide(place, from_members=from_members)
        body = {
            "title": f"{hidden} title", "summary": f"{hidden} summary", "lessons": hidden, "keywords": [hidden],
            "implementers": [{"name": hidden}], "resources": [{"title": hidden, "url": f"https://{hidden}.example/"}],
            "indicators": [{"name": hidden, "value": 1}], "external_ids": [{"scheme": "atlas", "value": hidden}],
            "contact": {"unit": hidden, "email": f"{hidden}@example.org"}, **more,
        }  # fmt: skip
        id_ = str((await make_practice(self._client, self.headers[HELPING], publish=publish, **body))["id"])
        await self.send("PUT", f"{PRACTICES}/{id_}/translations/fr", HELPING, title=f"{hidden} traduit")
        self.ids["practice"].append(id_)
        return id_

    async def new_request(self, place: str, *, from_members: bool = True, **more: Any) -> str:
        """A request with the place's word in whatever takes words."""
        hidden = self.hide(place, from_members=from_members)
        body = {"title": hidden, "need": hidden, "already_tried": hidden, "expected_result": hidden, **more}
        id_ = str((await make_request(self._client, self.headers[ASKING], **body))["id"])
        self.ids["request"].append(id_)
        return id_


async def make_world(client: AsyncClient, token: Token) -> World:
    """What everybody sees: a practice, an exchange that is done, an adoption."""
    world = World(client, {name: await token(name) for name in (ASKING, HELPING, REVIEWING, BRINGING)})
    asking, helping = world.headers[ASKING], world.headers[HELPING]
    world.practice = str((await make_practice(client, helping, offers=["format:webinar"]))["id"])
    world.request, response = await make_exchange(
        client, asking, helping, outcome={"summary": world.hide("private_outcome"), "useful": 2, "public": False}
    )
    adoption = await make_adoption(client, asking, world.practice)
    world.ids |= {
        "practice": [world.practice], "request": [world.request], "response": [response], "adoption": [adoption["id"]],
    }  # fmt: skip
    # A city's first credentials make it a member.
    made = await world.send("POST", "/v1/clients", HELPING, name=world.hide("client_name"), organization=HELPING)
    world.ids["client"].append(made["client_id"])
    hidden = world.hide("webhook")
    hook = {"url": f"https://8.8.8.8/{hidden}", "description": hidden, "filter": f"q={hidden}"}
    world.ids["webhook"].append((await world.send("POST", "/v1/webhooks", HELPING, **hook))["id"])
    return world


async def plant_records(world: World, client: AsyncClient) -> None:
    """Records that outsiders know nothing of: drafts, reviews, what is shared with members, what is between two."""
    asking, helping = world.headers[ASKING], world.headers[HELPING]
    await world.new_practice("draft")
    submitted = await world.new_practice("submitted")
    await world.send("POST", f"{PRACTICES}/{submitted}/transitions", HELPING, to="submitted", network="uclg")
    returned = await world.new_practice("returned_draft")
    moves = f"{PRACTICES}/{returned}/transitions"
    await world.send("POST", moves, HELPING, to="submitted", network="uclg", note=world.hide("submission_note"))
    await world.send("POST", moves, REVIEWING, to="changes_requested", note=world.hide("review_note"))
    await world.new_practice("of_a_network", publish=True, visibility="network:uclg")
    gone = await world.new_practice("withdrawn_network", publish=True, visibility="network:uclg")
    await world.send("POST", f"{PRACTICES}/{gone}/transitions", HELPING, to="withdrawn")
    brought = practice_body(title=world.hide("brought_draft"), city_id="ca-montreal", status="draft")
    await world.send("PUT", "/v1/sources/eurocities/practices/hidden-1", BRINGING, **brought)
    own = await make_practice(client, asking, publish=False, title=world.hide("variant"))

    request = await world.new_request("addressed", visibility="addressed", addressed_to=[HELPING])
    refused = {"status": "declined", "decline_reason": world.hide("refusal"), "message": world.hide("refused_message")}
    answer = await make_response(client, helping, request, **refused)
    world.ids["response"].append(answer["id"])
    adopted = await world.new_practice("adopted_by_network", publish=True, visibility="network:c40")
    adoption = await make_adoption(
        client, asking, adopted, what_was_kept=world.hide("kept"), resulting_practice_id=own["id"]
    )
    world.ids["adoption"].append(adoption["id"])


async def plant_members(world: World, client: AsyncClient) -> None:
    """Records that are for members: no trace of them for those without a token."""
    practice = await world.new_practice("of_members", publish=True, from_members=False, visibility="members")
    await make_adoption(client, world.headers[ASKING], practice, results=world.hide("results", from_members=False))
    await world.new_request("request_of_members", visibility="members", from_members=False)


async def plant_parts(world: World, client: AsyncClient) -> None:
    """Words in public records, in what is not for everybody: contacts, notes, reasons, answers, messages, versions."""
    asking, helping = world.headers[ASKING], world.headers[HELPING]
    path = f"{PRACTICES}/{world.practice}"
    contact = world.hide("contact", from_members=False)
    await world.send("PATCH", path, HELPING, contact={"unit": contact, "email": f"{contact}@example.org"})
    for to, hidden in (("archived", "archive_note"), ("published", "publication_note")):
        await world.send("POST", f"{path}/transitions", HELPING, to=to, note=world.hide(hidden))
    was_for_some = await world.new_practice("once_of_a_network", publish=True, visibility="network:uclg")
    shown = {name: value for name, value in practice_body().items() if name in {"title", "summary"}}
    nothing: dict[str, Any] = {name: [] for name in ("keywords", "implementers", "resources", "indicators")}
    await client.delete(
        f"{PRACTICES}/{was_for_some}/translations/fr", headers={**helping, "If-Match": "*"}
    )  # while it is not for everybody
    await world.send(
        "PATCH", f"{PRACTICES}/{was_for_some}", HELPING, **shown, **nothing, lessons=None, contact=None,
        external_ids=[], visibility="public",
    )  # fmt: skip
    reviewed = (await make_practice(client, helping, publish=False))["id"]
    moves = f"{PRACTICES}/{reviewed}/transitions"
    await world.send("POST", moves, HELPING, to="submitted", network="uclg", note=world.hide("first_note"))
    await world.send("POST", moves, REVIEWING, to="published", note=world.hide("praise"))
    archived = await world.new_practice("archived", publish=True)
    await world.send("POST", f"{PRACTICES}/{archived}/transitions", HELPING, to="archived")
    withdrawn = await world.new_practice("withdrawn", publish=True)
    await world.send("PATCH", f"{PRACTICES}/{withdrawn}", HELPING, title="Another title")
    await world.send("POST", f"{PRACTICES}/{withdrawn}/transitions", HELPING, to="withdrawn")
    world.ids["practice"] += [reviewed]

    request, response = await make_match(client, asking, helping)
    for who, place in ((ASKING, "first_message"), (HELPING, "second_message")):
        await world.send("POST", f"{REQUESTS}/{request}/messages", who, body=world.hide(place))
    moves = f"{REQUESTS}/{request}/transitions"
    await world.send("POST", moves, HELPING, to="open", reason=world.hide("step_back"), note=world.hide("step_note"))
    answer = await make_response(client, helping, request, message=world.hide("answer"))
    decline = f"{REQUESTS}/{request}/responses/{answer['id']}/transitions"
    reason, note = world.hide("decline_reason"), world.hide("decline_note")
    await world.send("POST", decline, ASKING, to="declined", reason=reason, note=note)
    await world.send("POST", moves, ASKING, to="cancelled", reason="no_match", note=world.hide("cancel_note"))
    asked = (await make_request(client, asking, addressed_to=[HELPING]))["id"]
    await world.send("POST", f"{REQUESTS}/{asked}/transitions", HELPING, to="returned", note=world.hide("return_note"))
    world.ids["request"] += [request, asked]
    world.ids["response"] += [response, answer["id"]]
