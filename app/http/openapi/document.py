"""Builds the OpenAPI document, and serves it at GET /openapi.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from string import Template
from typing import Any, Final

import msgspec
from falcon.asgi import Response

from app.core.job.webhooks import WebhookBody
from app.http.errors import Problem
from app.http.openapi import administration, files, jobs, links, service, workspaces
from app.http.openapi.headers import HEADERS, create_header_references
from app.http.openapi.operation import JSON, Access, Operation, Paths, Reply
from app.http.openapi.parameters import create_parameters
from app.http.openapi.problems import create_error_responses, create_problem_table
from app.http.openapi.representation import Representation
from app.http.openapi.schemas import create_reference, create_schemas
from app.http.openapi.webhooks import WEBHOOKS
from app.http.request import Request
from app.http.settings import HttpSettings
from pyxec.version import VERSION

__all__ = ["PATHS", "DocumentResource", "make_document"]

Security = dict[Access, list[dict[str, list[str]]]]

PATHS: Final[Paths] = {
    **jobs.PATHS, **files.PATHS, **workspaces.PATHS, **links.PATHS, **service.PATHS, **administration.PATHS,
}  # fmt: skip
TAGS: Final = {
    jobs.JOBS: "Submit, read, cancel and delete jobs.",
    jobs.OUTPUT: "Read the output and the artifacts of jobs. See *Live* above for WebSockets.",
    files.FILES: "Upload files once, and refer to them in any number of jobs.",
    workspaces.WORKSPACES: "Keep the files of a job for later jobs.",
    links.LINKS: "Store programs of the web editor, so that their addresses are short.",
    service.LANGUAGES: "The installed languages.",
    service.SERVICE: "Tickets, health, metrics and this document.",
    administration.ADMINISTRATION: "Manage the service. All operations require an admin key.",
}
_STREAM_PATH: Final = "/v1/jobs/{job_id}/stream"
_WITH_KEY: Final[dict[str, list[str]]] = {"key": []}


class DocumentResource:
    """GET /openapi.json. The document is built once."""

    def __init__(self, settings: HttpSettings) -> None:
        self._document = Representation(msgspec.json.encode(make_document(settings)), JSON)

    async def on_get(self, request: Request, response: Response) -> None:
        """Send the document, or 304 if the client has the current version."""
        self._document.send(request, response)

    on_head = on_get


def make_document(settings: HttpSettings) -> dict[str, Any]:
    """Build the OpenAPI 3.1 document of the native API.

    Args:
        settings: The settings of the gateway. The document contains its limits.
    """
    parameters, security = create_parameters(settings), _create_security(settings)
    paths = {template: _create_path_item(methods, parameters, security) for template, methods in PATHS.items()}
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Pyxec",
            "version": VERSION,
            "summary": "Run untrusted code in containers.",
            "description": _create_introduction(),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": {**paths, _STREAM_PATH: _create_stream_path_item(parameters)},
        "webhooks": WEBHOOKS,
        "components": {
            "schemas": create_schemas([Problem, WebhookBody, *_find_types()]),
            "headers": {name: {**header, "required": name == "X-Request-Id"} for name, header in HEADERS.items()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
        },
    }
    json_document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))  # converts enums and tuples
    return json_document


def _create_security(settings: HttpSettings) -> Security:
    """Return the security requirements for each kind of access. An empty object means that no key is required."""
    anyone = [_WITH_KEY] if settings.anonymous_tier is None else [{}, _WITH_KEY]
    return {Access.PUBLIC: [], Access.ANYONE: anyone, Access.KEY: [_WITH_KEY], Access.ADMIN: [_WITH_KEY]}


def _create_introduction() -> str:
    text = resources.files(__package__).joinpath("introduction.md").read_text("utf-8")
    return Template(text).substitute(problems=create_problem_table())


def _create_path_item(
    methods: Mapping[str, Operation], parameters: dict[str, Any], security: Security
) -> dict[str, Any]:
    return {method: _create_operation(operation, parameters, security) for method, operation in methods.items()}


def _create_operation(operation: Operation, parameters: dict[str, Any], security: Security) -> dict[str, Any]:
    item: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": security[operation.access],
    }
    if operation.text:
        item["description"] = operation.text
    if operation.parameters:
        item["parameters"] = [parameters[name] for name in operation.parameters]
    if operation.request_body is not None:
        item["requestBody"] = _create_request_body(operation.request_body, operation.examples)
    elif operation.request_media:
        content = {media_type: {"schema": schema} for media_type, schema in operation.request_media.items()}
        # An empty file is a file.
        item["requestBody"] = {"required": False, "content": content}
    replies = {str(reply.status): _create_response(reply) for reply in operation.replies}
    return {**item, "responses": replies | create_error_responses(operation)}


def _create_request_body(body: type, examples: Mapping[str, Any]) -> dict[str, Any]:
    named_examples = {name: {"value": value} for name, value in examples.items()}
    return {"required": True, "content": {JSON: {"schema": create_reference(body), "examples": named_examples}}}


def _create_response(reply: Reply) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": reply.text,
        "headers": create_header_references(reply.headers, reply.required),
    }
    content = {media_type: {"schema": schema} for media_type, schema in reply.media.items()}
    if reply.body is not None:
        content[JSON] = {"schema": create_reference(reply.body)}
    if content:
        response["content"] = content
    if reply.links:
        response["links"] = {
            name: {"operationId": name, "parameters": dict(values)} for name, values in reply.links.items()
        }
    return response


def _create_stream_path_item(parameters: dict[str, Any]) -> dict[str, Any]:
    """Describe the WebSocket. OpenAPI cannot describe WebSockets, so the path has no operations but an extension."""
    return {
        "summary": "Watch a job live over a WebSocket",
        "description": "See *Live* in the description of this document.",
        "parameters": [parameters["job_id"]],
        "x-websocket": {
            "parameters": [parameters["event_after"]],
            "receives": {"$ref": "#/components/schemas/Event"},
            "sends": {"$ref": "#/components/schemas/ClientMessage"},
        },
    }


def _find_types() -> Iterator[type]:
    """Yield the types of all request and response bodies."""
    for methods in PATHS.values():
        for operation in methods.values():
            if operation.request_body is not None:
                yield operation.request_body
            for reply in operation.replies:
                yield from reply.body if isinstance(reply.body, tuple) else filter(None, [reply.body])
