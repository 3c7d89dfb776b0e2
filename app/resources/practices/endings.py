"""How HTTP tells of a practice that is withdrawn or merged."""

import json

from starlette.responses import Response

from app.database import Row
from app.errors import Gone
from app.resources.practices.schemas import Tombstone
from app.web.responses import JSON, cache_headers
from app.web.routing import ApiRequest

MOVED = {"model": Tombstone, "description": "It was merged into another, where `Location` leads."}


def ended(request: ApiRequest, row: Row, suffix: str = "") -> Response:
    """The redirection to the successor, or to the same path below it, of a row with `tombstone` and `successor`.

    Raises:
        Gone: there is no successor.
    """
    if row["successor"] is None:
        raise Gone("The practice was withdrawn.", tombstone=json.loads(row["tombstone"]))
    # Unsaid, caches would keep a permanent redirection for ever, and show members' business to everybody.
    headers = {**cache_headers(request), "Location": f"/v1/practices/{row['successor']}{suffix}"}
    return Response(row["tombstone"], 301, headers, JSON)
