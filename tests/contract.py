"""Checks an answer against the OpenAPI document: the guard for reads whose bytes come straight from PostgreSQL."""

import json
import re
from functools import cache
from typing import Any

from httpx import Response
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]  # brings no types


class Contract:
    """The OpenAPI document of one application, ready to check answers."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._paths = [
            (re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path))), path)
            for path in sorted(document["paths"], key=lambda path: path.count("{"))
        ]
        self._validator = cache(self._make_validator)

    def operation(self, method: str, path: str) -> tuple[str, dict[str, Any]] | None:
        """The path template and the operation that answers a request; None for what the document leaves out."""
        for pattern, template in self._paths:
            if pattern.fullmatch(path) and method.lower() in self.document["paths"][template]:
                return template, self.document["paths"][template][method.lower()]
        return None

    def check(self, response: Response) -> None:
        """Raise AssertionError when the document does not say that such an answer may come."""
        method = "GET" if response.request.method == "HEAD" else response.request.method
        found = self.operation(method, response.request.url.path)
        if found is None:
            return
        template, operation = found
        where = f"{method} {template} -> {response.status_code}"
        documented = operation["responses"].get(str(response.status_code))
        assert documented is not None, f"{where} is not documented: {response.text[:300]}"
        documented = self._resolve(documented)
        content = documented.get("content", {})
        if not response.content:
            if response.headers.get("content-type") == "application/x-ndjson":
                return  # no lines
            assert response.status_code in {204, 301, 304} or response.request.method == "HEAD" or not content, where
            return
        media_type = response.headers["content-type"].split(";")[0]
        assert media_type in content, f"{where}: {media_type} is not documented"
        if media_type.endswith("json") and not media_type.endswith("ndjson"):
            errors = list(self._validator(template, method.lower(), str(response.status_code), media_type).iter_errors(
                json.loads(response.content)
            ))  # fmt: skip
            assert not errors, f"{where}: {errors[0].json_path}: {errors[0].message}"

    def _resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in node:
            return node
        target: Any = self.document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return dict(target)

    def _make_validator(self, template: str, method: str, status: str, media_type: str) -> Draft202012Validator:
        response = self._resolve(self.document["paths"][template][method]["responses"][status])
        schema = response["content"][media_type].get("schema", {})
        return Draft202012Validator(
            {**schema, "components": self.document["components"]}, format_checker=FormatChecker(["uuid", "date-time"])
        )
