"""HTTP for harvesters: OAI-PMH 2.0, whose errors are XML with status 200."""

from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.caller import ANONYMOUS
from app.errors import ServiceUnavailable, TooManyRequests, UnsupportedMediaType
from app.feed import FeedType
from app.resources.oai import protocol
from app.resources.oai.formats import SCHEMA_PATH
from app.resources.oai.protocol import ProtocolError
from app.resources.oai.verbs import Harvest, practice
from app.resources.oai.xml import answer, element
from app.web.addresses import base_url
from app.web.etags import candidates, of_body
from app.web.routing import ApiRequest

MOST_ARGUMENTS = 20
FORM = "application/x-www-form-urlencoded"
UNREPEATED = frozenset({"badVerb", "badArgument"})
LONG = "public, max-age=86400"


async def answer_harvester(plain: Request) -> Response:
    """Answer one request of a harvester."""
    request = ApiRequest(plain.scope, plain.receive)
    await _take_permit(request)
    base = base_url(request.scope)
    services = request.services
    harvest = Harvest(services.database, services.cursors, base, services.settings.contact, _now())
    given: dict[str, str] = {}
    try:
        given = protocol.arguments(await _pairs(request))
        content = await harvest.content(given)
    except ProtocolError as reason:
        if reason.code in UNREPEATED:
            given = {}
        content = element("error", str(reason), code=reason.code)
    body = answer(harvest.date, f"{base}/oai", given, content)
    return Response(body, media_type="text/xml", headers={"Cache-Control": "no-store"})


async def practice_schema(request: Request) -> Response:
    """The schema of our own format."""
    body, tag = _schema()
    headers = {"ETag": tag, "Cache-Control": LONG}
    if {tag, "*"} & set(candidates(request.headers.get("if-none-match"))):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/xml", headers=headers)


ROUTES = [
    Route("/oai", answer_harvester, methods=["GET", "POST"], include_in_schema=False),
    Route(SCHEMA_PATH, practice_schema, include_in_schema=False),
]


def show(feed_type: FeedType) -> None:
    """Say how the feed shows a practice: `px` is made from the same document."""
    practice.append(feed_type)


async def _take_permit(request: ApiRequest) -> None:
    address = request.client.host if request.client else "unknown"
    try:
        request.scope["allowance"] = await request.services.limiter.take(ANONYMOUS, address)
    except TooManyRequests as reason:
        # Harvesters wait when they are told 503 (§3.1.2.2 of the protocol); 429 came ten years later.
        wait = {"Retry-After": reason.headers["Retry-After"]}
        raise ServiceUnavailable(str(reason.detail), headers=wait) from reason


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def _schema() -> tuple[bytes, str]:
    body = (files("app.resources.oai") / "practice.xsd").read_bytes()
    return body, of_body(body)


async def _pairs(request: ApiRequest) -> list[tuple[str, str]]:
    raw = request.scope["query_string"]
    if request.method == "POST":
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise UnsupportedMediaType(f"Send {FORM}.", headers={"Accept-Post": FORM})
        if raw:
            raise ProtocolError("badArgument", "The arguments of a POST belong into its body.")
        raw = await request.body()
    try:
        return parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_ARGUMENTS)
    except ValueError as reason:
        raise ProtocolError("badArgument", "The arguments are not UTF-8 in percent-encoding, or too many.") from reason
