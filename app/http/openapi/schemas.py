"""The types of the API as JSON Schemas: msgspec makes them, this makes them fit to read."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from app.core.spec import JobRequest
from app.http.errors import Problem
from app.http.v1.batches import RejectedJob
from app.http.v1.messages import ClientMessage, ServerMessage

__all__ = ["components", "reference"]

# What holds between the fields of a type; the types themselves know one field at a time.
_RULES: Final[dict[type, dict[str, Any]]] = {
    JobRequest: {
        "oneOf": [
            {"required": ["source"], "properties": {"source": {"type": "string"}}},
            {"required": ["files"], "properties": {"files": {"type": "array"}}},
        ],
        "if": {"required": ["tests"], "properties": {"tests": {"minItems": 1}}},
        "then": {"properties": {"interactive": {"const": False}, "tty": {"const": None}, "artifacts": {"maxItems": 0}}},
    },
}

_REFERENCE: Final = "#/components/schemas/{name}"
# Leaves out what has its default.
_BRIEF: Final = Problem.__name__
# Unions, under the names by which they are spoken of.
_UNIONS: Final[dict[str, Any]] = {"Event": ServerMessage, "ClientMessage": ClientMessage}


def components(types: Iterable[type]) -> dict[str, Any]:
    """The schemas of these and of all that they are made of, by name."""
    named = list(dict.fromkeys([*types, RejectedJob]))
    schemas, found = msgspec.json.schema_components([*named, *_UNIONS.values()], ref_template=_REFERENCE)
    unions = dict(zip(_UNIONS, schemas[len(named) :], strict=True))
    for kind, rule in _RULES.items():
        found[kind.__name__].update(rule)
    return {name: _readable(_always_there(schema)) for name, schema in sorted({**found, **unions}.items())}


def reference(body: type | tuple[type, ...]) -> dict[str, Any]:
    """A reference to one, or to one of several."""
    if isinstance(body, tuple):
        return {"anyOf": [reference(one) for one in body]}
    return {"$ref": _REFERENCE.format(name=body.__name__)}


def _always_there(schema: dict[str, Any]) -> dict[str, Any]:
    """Of what is answered, every field that has a default is written all the same; requests refuse unknown fields, and
    may leave out what has one."""
    if "required" not in schema or "additionalProperties" in schema or schema["title"] == _BRIEF:
        return schema
    properties = schema["properties"]
    present = [name for name in properties if name in schema["required"] or "default" in properties[name]]
    return {**schema, "required": present}


def _readable(schema: dict[str, Any]) -> dict[str, Any]:
    """Docstrings become Markdown: one paragraph a paragraph, ``x`` as `x`, Python's None as JSON's null."""
    described = dict(schema)
    if "description" in described:
        described["description"] = _markdown(described["description"])
    return described


def _markdown(docstring: str) -> str:
    text = inspect.cleandoc(docstring).replace("``", "`")
    return re.sub(r"\bNone\b", "null", re.sub(r"(?<!\n)\n(?!\n)", " ", text))
