"""HTTP for harvesters: OAI-PMH 2.0, whose errors are XML with status 200."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.caller import ANONYMOUS
from app.errors import BadRequest, InvalidCursor, UnsupportedMediaType
from app.feed import stamp
from app.resources.oai import protocol, queries, xml
from app.resources.oai.protocol import ProtocolError
from app.web.addresses import base_url
from app.web.routing import ApiRequest

PAGE = 100
MOST_ARGUMENTS = 20
FORM = "application/x-www-form-urlencoded"
UNREPEATED = frozenset({"badVerb", "badArgument"})


async def answer_harvester(plain: Request) -> Response:
    """Answer one request of a harvester."""
    request = ApiRequest(plain.scope, plain.receive)
    address = request.client.host if request.client else "unknown"
    request.scope["allowance"] = await request.services.limiter.take(ANONYMOUS, address)
    base = base_url(request.scope)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    given: dict[str, str] = {}
    try:
        given = protocol.arguments(await _pairs(request))
        content = await _content(request, given, base)
    except ProtocolError as reason:
        if reason.code in UNREPEATED:
            given = {}
        content = xml.element("error", str(reason), f' code="{reason.code}"')
    body = xml.answer(now, f"{base}/oai", given, content)
    return Response(body, media_type="text/xml", headers={"Cache-Control": "no-store"})


ROUTES = [Route("/oai", answer_harvester, methods=["GET", "POST"], include_in_schema=False)]


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
        raise BadRequest("The arguments are not UTF-8 in percent-encoding, or too many.") from reason


async def _content(request: ApiRequest, given: dict[str, str], base: str) -> str:
    prefix = f"oai:{urlsplit(base).hostname}:"
    verb = given["verb"]
    if verb == "Identify":
        return await _identify(request, base)
    if verb == "ListSets":
        if "resumptionToken" in given:
            raise protocol.bad_token()
        rows = await request.services.database.rows(*queries.sets().flat)
        listed = (
            f"<set>{xml.element('setSpec', row['spec'])}{xml.element('setName', row['name'])}</set>" for row in rows
        )
        return f"<ListSets>{''.join(listed)}</ListSets>"
    if verb in {"ListRecords", "ListIdentifiers"}:
        return await _list(request, given, base, prefix)
    row = None
    if "identifier" in given:
        await stamp(request.services.database)
        id_ = protocol.record_id(given["identifier"], prefix)
        row = await request.services.database.row(*queries.record(id_).flat)
        if row is None:
            raise protocol.unknown_identifier()
    if verb == "GetRecord" and row is not None:
        return f"<GetRecord>{xml.record(row, prefix, base)}</GetRecord>"
    return f"<ListMetadataFormats>{xml.FORMAT}</ListMetadataFormats>"


async def _identify(request: ApiRequest, base: str) -> str:
    row = await request.services.database.row(*queries.earliest().flat)
    host = urlsplit(base).hostname
    earliest = row["stamp"] if row and row["stamp"] else "2026-01-01T00:00:00Z"
    facts = (
        ("repositoryName", "Practice Exchange"),
        ("baseURL", f"{base}/oai"),
        ("protocolVersion", "2.0"),
        ("adminEmail", f"postmaster@{host}"),
        ("earliestDatestamp", earliest),
        ("deletedRecord", "transient"),
        ("granularity", "YYYY-MM-DDThh:mm:ssZ"),
    )
    return f"<Identify>{''.join(xml.element(name, text) for name, text in facts)}</Identify>"


async def _list(request: ApiRequest, given: dict[str, str], base: str, prefix: str) -> str:
    verb, after, resumed = given["verb"], 0, "resumptionToken" in given
    asked = {name: value for name, value in given.items() if name in {"from", "until", "set"}}
    cursors = request.services.cursors
    if resumed:
        try:
            after, asked = cursors.decode(f"oai{verb}", given["resumptionToken"])
        except (InvalidCursor, UnicodeEncodeError) as reason:
            raise protocol.bad_token() from reason
    else:
        await stamp(request.services.database)
    window, chosen = protocol.window(asked), protocol.set_of(asked)
    rows = await request.services.database.rows(*queries.records(window, chosen, after, PAGE).flat)
    if not rows and not resumed:
        raise ProtocolError("noRecordsMatch", "No record matches.")
    shown = rows[:PAGE]
    if verb == "ListRecords":
        content = "".join(xml.record(row, prefix, base) for row in shown)
    else:
        content = "".join(xml.header(row, prefix) for row in shown)
    if len(rows) > PAGE:
        token = cursors.encode(f"oai{verb}", [shown[-1]["seq"], asked])
        content += xml.element("resumptionToken", token)
    elif resumed:
        content += "<resumptionToken/>"
    return f"<{verb}>{content}</{verb}>"
