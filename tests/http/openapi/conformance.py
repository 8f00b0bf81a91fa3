"""Whether an answer is one that the document tells of."""

from __future__ import annotations

from typing import Any

import httpx
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from app.http import HttpSettings
from app.http.openapi import make_document

DOCUMENT = make_document(HttpSettings())
_WHOLE = "urn:document"
_REGISTRY: Any = Registry().with_resource(_WHOLE, Resource.from_contents(DOCUMENT, DRAFT202012))


def assert_told(answer: httpx.Response, method: str, template: str) -> None:
    """Its status, media type, header fields and body are those of this operation."""
    responses = DOCUMENT["paths"][template][method]["responses"]
    assert str(answer.status_code) in responses, f"{method} {template} does not tell of {answer.status_code}"
    told = responses[str(answer.status_code)]
    for name, header in told["headers"].items():
        _check_header(answer, name, header)
    content = told.get("content", {})
    if not content:
        assert answer.content == b""
        return
    media_type = answer.headers["Content-Type"].partition(";")[0]
    assert media_type in content
    if "json" in media_type and "ndjson" not in media_type:
        check(answer.json(), content[media_type]["schema"])


def check(instance: Any, schema: dict[str, Any]) -> None:
    """Raises jsonschema's ValidationError."""
    Draft202012Validator(_absolute(schema), registry=_REGISTRY).validate(instance)


def _check_header(answer: httpx.Response, name: str, header: dict[str, Any]) -> None:
    header = DOCUMENT["components"]["headers"][header["$ref"].rpartition("/")[2]] if "$ref" in header else header
    value = answer.headers.get(name)
    assert value is not None or not header["required"], f"{name} is missing"
    if value is not None:
        check(int(value) if header["schema"].get("type") == "integer" else value, header["schema"])


def _absolute(schema: Any) -> Any:
    """References into the document, wherever the schema stands."""
    if isinstance(schema, dict):
        return {key: f"{_WHOLE}{value}" if key == "$ref" else _absolute(value) for key, value in schema.items()}
    return [_absolute(item) for item in schema] if isinstance(schema, list) else schema
