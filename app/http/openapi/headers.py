"""The response headers."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["HEADERS", "create_header_references"]

ALWAYS: Final = "X-Request-Id"

HEADERS: Final[dict[str, dict[str, Any]]] = {
    ALWAYS: {
        "description": "The `X-Request-Id` of the request if it is 1 to 64 letters, digits, `.`, `_` and `-`; "
        "otherwise a new id.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "Location": {
        "description": "The path of the new resource.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "RateLimit-Policy": {
        "description": "The capacity (`q`) of the token bucket with the fewest remaining tokens.",
        "schema": {"type": "string", "pattern": '^"submissions";q=[0-9]+$'},
    },
    "RateLimit": {
        "description": "The remaining tokens (`r`), and the seconds until the token bucket is full (`t`).",
        "schema": {"type": "string", "pattern": '^"submissions";r=[0-9]+;t=[0-9]+$'},
    },
    "Retry-After": {
        "description": "Seconds to wait before a retry.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "The authentication scheme.",
        "schema": {"type": "string", "const": "Bearer"},
    },
    "Content-Disposition": {
        "description": "Always `attachment`, with the file name.",
        "schema": {"type": "string", "pattern": "^attachment;"},
    },
    "ETag": {"description": "The version of the document.", "schema": {"type": "string"}},
}


def create_header_references(names: tuple[str, ...], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """Create the ``headers`` object of a response, with references to ``#/components/headers``.

    Args:
        names: Optional headers. X-Request-Id is always added.
        required: Required headers. They are written out, because a reference cannot set ``required``.
    """
    references: dict[str, Any] = {name: {"$ref": f"#/components/headers/{name}"} for name in (ALWAYS, *names)}
    return references | {name: {**HEADERS[name], "required": True} for name in required}
