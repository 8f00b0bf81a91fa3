"""The JSON Schemas of the types of the API. msgspec generates them; this module makes them complete and readable."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from app.core.job.spec import JobRequest
from app.core.judging.checker import CheckerRequest
from app.core.workspaces import WorkspaceMode
from app.http.errors import Problem
from app.http.v1.batches.lines import BatchMessage
from app.http.v1.batches.resource import RejectedJob
from app.http.v1.output.messages import ClientMessage, ServerMessage

__all__ = ["create_reference", "create_schemas"]

_SOURCE_OR_FILES: Final[dict[str, Any]] = {
    "oneOf": [
        {"required": ["source"], "properties": {"source": {"type": ["string", "object"]}}},
        {"required": ["files"], "properties": {"files": {"type": "array"}}},
    ]
}
# Rules between several fields of a type, which annotations of single fields cannot express.
_RULES: Final[dict[type, dict[str, Any]]] = {
    CheckerRequest: _SOURCE_OR_FILES,
    JobRequest: {
        **_SOURCE_OR_FILES,
        "if": {"required": ["tests"], "properties": {"tests": {"minItems": 1}}},
        "then": {"properties": {"interactive": {"const": False}, "tty": {"const": None}, "artifacts": {"maxItems": 0}}},
        "dependentSchemas": {
            "workspace_mode": {
                "anyOf": [
                    {"properties": {"workspace_mode": {"const": WorkspaceMode.REJECT.value}}},
                    {"required": ["workspace"], "properties": {"workspace": {"type": "string"}}},
                ]
            }
        },
        "else": {
            "properties": {
                "compare": {"const": None},
                "checker": {"const": None},
                "interactor": {"const": None},
                "groups": {"maxItems": 0},
                "stop_on_first_failure": {"const": False},
                "tests_parallel": {"const": 1},
            }
        },
    },
}

_REFERENCE: Final = "#/components/schemas/{name}"
_OMITS_DEFAULTS: Final = Problem.__name__
_UNIONS: Final[dict[str, Any]] = {"Event": ServerMessage, "ClientMessage": ClientMessage, "BatchMessage": BatchMessage}


def create_schemas(types: Iterable[type]) -> dict[str, Any]:
    """Create the schemas of some types, of all types that they use and of the messages of WebSockets, by name."""
    all_types = list(dict.fromkeys([*types, RejectedJob]))
    schemas, definitions = msgspec.json.schema_components([*all_types, *_UNIONS.values()], ref_template=_REFERENCE)
    unions = dict(zip(_UNIONS, schemas[len(all_types) :], strict=True))
    for type_, rule in _RULES.items():
        definitions[type_.__name__].update(rule)
    return {
        name: _convert_description(_require_defaults(schema))
        for name, schema in sorted({**definitions, **unions}.items())
    }


def create_reference(body: type | tuple[type, ...]) -> dict[str, Any]:
    """Create a reference to the schema of a type, or to those of several alternative types."""
    if isinstance(body, tuple):
        return {"anyOf": [create_reference(alternative) for alternative in body]}
    return {"$ref": _REFERENCE.format(name=body.__name__)}


def _require_defaults(schema: dict[str, Any]) -> dict[str, Any]:
    """Mark fields with defaults as required in responses, which always contain them.

    Requests are recognised by ``additionalProperties``. In requests, fields with defaults are optional.
    """
    if "required" not in schema or "additionalProperties" in schema or schema["title"] == _OMITS_DEFAULTS:
        return schema
    properties = schema["properties"]
    required = [name for name in properties if name in schema["required"] or "default" in properties[name]]
    return {**schema, "required": required}


def _convert_description(schema: dict[str, Any]) -> dict[str, Any]:
    if "description" not in schema:
        return schema
    return {**schema, "description": _convert_to_markdown(schema["description"])}


def _convert_to_markdown(docstring: str) -> str:
    """Convert a docstring: join the lines of each paragraph, ``x`` to `x`, None to null."""
    text = inspect.cleandoc(docstring).replace("``", "`")
    return re.sub(r"\bNone\b", "null", re.sub(r"(?<!\n)\n(?!\n)", " ", text))
