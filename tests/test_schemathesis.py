"""What the document allows, tried at random against a running server: no 5xx, no answer that it does not announce."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.main import create_app
from tests.cli.processes import Serving, run

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("application/x-ndjson")
def lines(_: object, value: object) -> bytes:
    """What is made up is sent as it is: the document says no more of the lines than that they are text."""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else json.dumps(value).encode()


document = create_app().openapi()
schema = schemathesis.openapi.from_dict(document)
# Most of it is refused before anything else is looked at: the values at the edges are the operator's to try.
public = schemathesis.openapi.from_dict(document)
public.config.phases.coverage.enabled = False


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    # Nobody reads the log: at this level it stays too small to fill the pipe.
    started = Serving(tmp_path_factory.mktemp("exchange"), PX_LOG_LEVEL="error")
    yield started
    started.end()


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Connections that are kept, as clients do it."""
    with requests.Session() as kept:
        kept.trust_env = False
        yield kept


@pytest.fixture(scope="module")
def authorization(serving: Serving, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The header of an operator's token; the folder is the server's, so that its PostgreSQL is joined."""
    folder = next(tmp_path_factory.getbasetemp().glob("exchange*"))
    made = run(folder, "client", "create", "--organization", "operator", "--json")
    client = json.loads(made.stdout)
    answer = httpx.post(
        f"{serving.url}/oauth/token",
        auth=(client["client_id"], client["client_secret"]),
        data={"grant_type": "client_credentials"},
    )
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


bounded = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@schemathesis.hook
def map_query(_: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Nothing is gained by waiting for changes."""
    return {name: value for name, value in query.items() if name != "wait"} if query else query


@schema.parametrize()
@bounded
def test_as_operator(case: Any, serving: Serving, session: requests.Session, authorization: dict[str, str]) -> None:
    case.call_and_validate(base_url=serving.url, session=session, headers=authorization, checks=CHECKS)


@public.parametrize()
@bounded
def test_without_a_token(case: Any, serving: Serving, session: requests.Session) -> None:
    case.call_and_validate(base_url=serving.url, session=session, checks=CHECKS)
