"""Checks that a response conforms to the OpenAPI document."""

from __future__ import annotations

from typing import Any

import httpx
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from app.http.openapi import make_document
from app.http.settings import HttpSettings

DOCUMENT = make_document(HttpSettings())
_DOCUMENT_URI = "urn:document"
_REGISTRY: Any = Registry().with_resource(_DOCUMENT_URI, Resource.from_contents(DOCUMENT, DRAFT202012))


def assert_conforms(response: httpx.Response, method: str, template: str) -> None:
    """Check the status, the media type, the headers and the body of a response of an operation."""
    responses = DOCUMENT["paths"][template][method]["responses"]
    assert str(response.status_code) in responses, f"{method} {template} has no response {response.status_code}"
    documented = responses[str(response.status_code)]
    for name, header in documented["headers"].items():
        _check_header(response, name, header)
    content = documented.get("content", {})
    if not content:
        assert response.content == b""
        return
    media_type = response.headers["Content-Type"].partition(";")[0]
    assert media_type in content
    if "json" in media_type and "ndjson" not in media_type:
        validate_schema(response.json(), content[media_type]["schema"])


def validate_schema(instance: Any, schema: dict[str, Any]) -> None:
    """Validate an instance. Raises jsonschema.ValidationError."""
    Draft202012Validator(_resolve_references(schema), registry=_REGISTRY).validate(instance)


def _check_header(response: httpx.Response, name: str, header: dict[str, Any]) -> None:
    header = DOCUMENT["components"]["headers"][header["$ref"].rpartition("/")[2]] if "$ref" in header else header
    value = response.headers.get(name)
    assert value is not None or not header["required"], f"{name} is missing"
    if value is not None:
        validate_schema(int(value) if header["schema"].get("type") == "integer" else value, header["schema"])


def _resolve_references(schema: Any) -> Any:
    """Make the references of a schema relative to the document."""
    if isinstance(schema, dict):
        return {
            key: f"{_DOCUMENT_URI}{value}" if key == "$ref" else _resolve_references(value)
            for key, value in schema.items()
        }
    return [_resolve_references(item) for item in schema] if isinstance(schema, list) else schema
