"""The whole document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from string import Template
from typing import Any, Final

import msgspec

from app.core.webhook_body import WebhookBody
from app.http.errors import Problem
from app.http.openapi import administration, jobs, service
from app.http.openapi.headers import HEADERS, header_references
from app.http.openapi.operation import JSON, Access, Operation, Paths, Reply
from app.http.openapi.parameters import parameters
from app.http.openapi.problems import error_responses, table_of_problems
from app.http.openapi.schemas import components, reference
from app.http.openapi.webhooks import WEBHOOKS
from app.http.settings import HttpSettings

__all__ = ["PATHS", "make_document"]

Security = dict[Access, list[dict[str, list[str]]]]

VERSION: Final = "0.1.0"
PATHS: Final[Paths] = {**jobs.PATHS, **service.PATHS, **administration.PATHS}
TAGS: Final = {
    jobs.JOBS: "Programs: submitted, looked at, ended.",
    jobs.OUTPUT: "What a program writes and leaves. For a WebSocket, see *Live* above.",
    service.LANGUAGES: "What can be run.",
    service.SERVICE: "The service itself.",
    administration.ADMINISTRATION: "For whoever runs the service: all of it needs an admin key.",
}
_STREAM: Final = "/v1/jobs/{job_id}/stream"
_WITH_KEY: Final[dict[str, list[str]]] = {"key": []}


def make_document(settings: HttpSettings) -> dict[str, Any]:
    """OpenAPI 3.1 of the native API, with the bounds of this gateway."""
    rows, security = parameters(settings), _security(settings)
    paths = {template: _path_item(methods, rows, security) for template, methods in PATHS.items()}
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Pyxec",
            "version": VERSION,
            "summary": "Run untrusted code in containers: over HTTP, live, and without losing a job.",
            "description": _introduction(),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": {**paths, _STREAM: _stream(rows)},
        "webhooks": WEBHOOKS,
        "components": {
            "schemas": components([Problem, WebhookBody, *_types()]),
            "headers": {name: {**header, "required": name == "X-Request-Id"} for name, header in HEADERS.items()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
        },
    }
    described: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))  # enums and tuples as JSON has them
    return described


def _security(settings: HttpSettings) -> Security:
    """Who may come, where nobody may without a key, and where somebody may."""
    anyone = [_WITH_KEY] if settings.anonymous_tier is None else [{}, _WITH_KEY]
    return {Access.OPEN: [], Access.ANYONE: anyone, Access.KEY: [_WITH_KEY], Access.ADMIN: [_WITH_KEY]}


def _introduction() -> str:
    text = files(__package__).joinpath("introduction.md").read_text("utf-8")
    return Template(text).substitute(problems=table_of_problems())


def _path_item(methods: Mapping[str, Operation], rows: dict[str, Any], security: Security) -> dict[str, Any]:
    return {method: _operation(operation, rows, security) for method, operation in methods.items()}


def _operation(operation: Operation, rows: dict[str, Any], security: Security) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": security[operation.access],
    }
    if operation.text:
        described["description"] = operation.text
    if operation.parameters:
        described["parameters"] = [rows[name] for name in operation.parameters]
    if operation.takes is not None:
        described["requestBody"] = _request_body(operation.takes, operation)
    replies = {str(reply.status): _reply(reply) for reply in operation.replies}
    return {**described, "responses": replies | error_responses(operation)}


def _request_body(takes: type, operation: Operation) -> dict[str, Any]:
    examples = {name: {"value": value} for name, value in operation.examples.items()}
    return {"required": True, "content": {JSON: {"schema": reference(takes), "examples": examples}}}


def _reply(reply: Reply) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": reply.text,
        "headers": header_references(reply.headers, reply.required),
    }
    content = {media_type: {"schema": schema} for media_type, schema in reply.media.items()}
    if reply.body is not None:
        content[JSON] = {"schema": reference(reply.body)}
    if content:
        described["content"] = content
    if reply.next:
        described["links"] = {
            name: {"operationId": name, "parameters": dict(values)} for name, values in reply.next.items()
        }
    return described


def _stream(rows: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI has no word for a WebSocket: an address without operations, and an extension for who reads it."""
    return {
        "summary": "A job, live: WebSocket",
        "description": "See *Live* in the description of this document.",
        "parameters": [rows["job_id"]],
        "x-websocket": {
            "parameters": [rows["event_after"]],
            "receives": {"$ref": "#/components/schemas/Event"},
            "sends": {"$ref": "#/components/schemas/ClientMessage"},
        },
    }


def _types() -> Iterator[type]:
    for methods in PATHS.values():
        for operation in methods.values():
            if operation.takes is not None:
                yield operation.takes
            for reply in operation.replies:
                yield from reply.body if isinstance(reply.body, tuple) else filter(None, [reply.body])
