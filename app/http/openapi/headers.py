"""The header fields of answers, in one table."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["HEADERS", "header_references"]

ALWAYS: Final = "X-Request-Id"

HEADERS: Final[dict[str, dict[str, Any]]] = {
    ALWAYS: {
        "description": "That of the request, if it is 1 to 64 letters, digits, `.`, `_` and `-`, or a new one.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "Location": {"description": "Where what was made is.", "schema": {"type": "string", "format": "uri-reference"}},
    "RateLimit-Policy": {
        "description": "How many tokens (`q`) the bucket holds that has the least left.",
        "schema": {"type": "string", "pattern": '^"submissions";q=[0-9]+$'},
    },
    "RateLimit": {
        "description": "How many tokens are left (`r`), and in how many seconds the bucket is full again (`t`).",
        "schema": {"type": "string", "pattern": '^"submissions";r=[0-9]+;t=[0-9]+$'},
    },
    "Retry-After": {
        "description": "Seconds until it is worth trying again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {"description": "How to say who one is.", "schema": {"type": "string", "const": "Bearer"}},
    "Content-Disposition": {
        "description": "Always a download.",
        "schema": {"type": "string", "pattern": "^attachment;"},
    },
    "ETag": {"description": "Names this version of the document.", "schema": {"type": "string"}},
}


def header_references(names: tuple[str, ...], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """These, and the one that every answer has. A required one is written out: a reference cannot say so."""
    found: dict[str, Any] = {ALWAYS: {"$ref": f"#/components/headers/{ALWAYS}"}}
    for name in names:
        found[name] = {"$ref": f"#/components/headers/{name}"}
    for name in required:
        found[name] = {**HEADERS[name], "required": True}
    return found
