"""The errors of an operation as responses: one for each status, which names the problems that it can be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from app.core.errors import (
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    PyxecError,
    StoreUnavailable,
)
from app.http.errors import HTTP_PROBLEM_TYPES, PROBLEM_JSON, PROBLEM_TYPES
from app.http.openapi.headers import header_references
from app.http.openapi.operation import Access, Operation
from app.http.openapi.parameters import PARAMETERS

__all__ = ["error_responses", "table_of_problems"]

_BODY_ERRORS: Final = (400, 408, 413, 415, InvalidRequest)
_HEADERS: Final = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    503: ("Retry-After",),
}

Kind = tuple[int, str, str]


def error_responses(operation: Operation) -> dict[str, Any]:
    """By status."""
    by_status: dict[int, dict[str, str]] = defaultdict(dict)
    for status, slug, title in _kinds(operation):
        by_status[status][slug] = title
    return {str(status): _response(status, by_status[status]) for status in sorted(by_status)}


def table_of_problems() -> str:
    """All problems, as a Markdown table."""
    kinds = sorted({*PROBLEM_TYPES.values(), *HTTP_PROBLEM_TYPES.values()})
    rows = [f"| {status} | `/problems/{slug}` | {title} |" for status, slug, title in kinds]
    return "\n".join(["| status | type | |", "|---|---|---|", *rows])


def _kinds(operation: Operation) -> Iterator[Kind]:
    for error in (*_implied(operation), *operation.errors):
        yield HTTP_PROBLEM_TYPES[error] if isinstance(error, int) else PROBLEM_TYPES[error]
    yield PROBLEM_TYPES[Exception]


def _implied(operation: Operation) -> Iterator[type[PyxecError] | int]:
    places = {PARAMETERS[name]["in"] for name in operation.parameters}
    if operation.access is not Access.OPEN:
        yield from (NotAuthenticated, StoreUnavailable)
    if operation.access is Access.ADMIN:
        yield NotAllowed
    if operation.takes is not None:
        yield from _BODY_ERRORS
    if "query" in places:
        yield from (400, InvalidRequest)
    if "path" in places:
        yield 404


def _response(status: int, titles: dict[str, str]) -> dict[str, Any]:
    types = [f"/problems/{slug}" for slug in titles]
    narrowed = {"type": {"enum": types}, "status": {"const": status}}
    examples = {
        slug: {"value": {"type": f"/problems/{slug}", "title": title, "status": status, "detail": title}}
        for slug, title in titles.items()
    }
    schema = {"$ref": "#/components/schemas/Problem", "properties": narrowed}
    return {
        "description": "; or: ".join(titles.values()),
        "headers": header_references(_HEADERS.get(status, ())),
        "content": {PROBLEM_JSON: {"schema": schema, "examples": examples}},
    }
