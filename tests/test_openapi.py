"""The contract as a document: valid, complete, and its examples are true."""

import json
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # brings no types
from openapi_spec_validator import validate

from app.main import create_app
from tests.contract import Contract

DOCUMENT = create_app().openapi()
VERBS = ("get", "post", "put", "patch", "delete")
OPERATIONS = [
    (path, verb, operation)
    for path, item in DOCUMENT["paths"].items()
    for verb, operation in item.items()
    if verb in VERBS
]
each_operation = pytest.mark.parametrize(
    ("path", "verb", "operation"), OPERATIONS, ids=[operation["operationId"] for *_, operation in OPERATIONS]
)


def test_the_document_is_valid() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1")


def test_the_committed_document_is_what_the_code_says() -> None:
    committed = Path(__file__).parents[1] / "openapi.json"
    assert json.loads(committed.read_text(encoding="utf-8")) == json.loads(json.dumps(DOCUMENT))


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for *_, operation in OPERATIONS]
    assert len(ids) == len(set(ids))


@each_operation
def test_an_operation_explains_itself(path: str, verb: str, operation: dict[str, Any]) -> None:
    assert operation["tags"], path
    assert operation["summary"][0].isupper()
    assert operation["description"]
    assert len(operation["summary"]) < 100
    for parameter in operation.get("parameters", []):
        assert parameter["schema"], (verb, parameter["name"])


@each_operation
def test_every_error_is_documented_as_a_problem(path: str, verb: str, operation: dict[str, Any]) -> None:
    contract = Contract(DOCUMENT)
    errors = {status: answer for status, answer in operation["responses"].items() if status[0] in "45"}
    assert {"401", "405", "413", "429", "500", "503"} <= set(errors), (verb, path)
    for status, answer in errors.items():
        content = contract._resolve(answer)["content"]  # noqa: SLF001
        wanted = "application/json" if path.startswith("/oauth/") else "application/problem+json"
        assert content.keys() & {wanted, "application/problem+json"}, (verb, path, status)


@each_operation
def test_bodies_and_answers_have_examples_that_their_schemas_take(
    path: str, verb: str, operation: dict[str, Any]
) -> None:
    contract = Contract(DOCUMENT)
    contents = [operation["requestBody"]["content"]] if "requestBody" in operation else []
    contents += [contract._resolve(answer).get("content", {}) for answer in operation["responses"].values()]  # noqa: SLF001
    for content in contents:
        for media_type, media in content.items():
            if not media_type.endswith("json") or media_type.endswith("ndjson"):
                continue
            schema = media.get("schema", {})
            found = examples_of(contract, media, schema)
            assert found, f"{verb} {path} {media_type} has no example"
            validator = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
            for example in found:
                errors = list(validator.iter_errors(example))
                assert not errors, f"{verb} {path}: {errors[0].json_path} {errors[0].message}"


def examples_of(contract: Contract, media: dict[str, Any], schema: dict[str, Any]) -> list[Any]:
    named = [entry["value"] for entry in media.get("examples", {}).values()]
    single = [media["example"]] if "example" in media else []
    choices = [schema, *schema.get("anyOf", [])]
    of_schemas = [example for choice in choices for example in contract._resolve(choice).get("examples", [])]  # noqa: SLF001
    return named + single + of_schemas


def test_names_lead_somewhere_and_nothing_is_left_over() -> None:
    text = json.dumps(DOCUMENT)
    for kind, entries in DOCUMENT["components"].items():
        for name in entries:
            assert kind == "securitySchemes" or f'"#/components/{kind}/{name}"' in text, name
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    assert {tag for *_, operation in OPERATIONS for tag in operation["tags"]} <= tags
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for member, value in schema.get("properties", {}).items():
            assert "properties" not in value.get("items", value), f"{name}.{member} has a schema without a name"


def test_headers_are_asked_for_where_they_count() -> None:
    headers = {
        operation["operationId"]: {entry["name"] for entry in operation["parameters"] if entry["in"] == "header"}
        for *_, operation in OPERATIONS
        if "parameters" in operation
    }
    assert headers["put_source_practice"] == headers["delete_source_practice"] == headers["bring_practices"] == set()
    assert headers["update_practice"] == {"If-Match"}
    assert headers["create_practice"] == {"Idempotency-Key"}


@pytest.mark.parametrize("path", ["/v1/cities/ca-montreal", "/v1/networks/mmc", "/v1/tags/theme:housing"])
async def test_examples_of_paths_lead_to_records(client: AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200
