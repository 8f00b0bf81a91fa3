"""The error responses of operations: one for each status, with the problem types that it can have."""

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
from app.http.errors import HTTP_PROBLEM_TYPES, PROBLEM_JSON, PROBLEM_TYPES, ProblemType
from app.http.openapi.headers import create_header_references
from app.http.openapi.operation import Access, Operation
from app.http.openapi.parameters import PARAMETERS

__all__ = ["create_error_responses", "create_problem_table"]

_BODY_ERRORS: Final = (400, 408, 413, 415, InvalidRequest)
_HEADERS: Final = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    503: ("Retry-After",),
}


def create_error_responses(operation: Operation) -> dict[str, Any]:
    """Create the error responses of an operation, by status."""
    by_status: dict[int, dict[str, str]] = defaultdict(dict)
    for problem_type in _find_problem_types(operation):
        by_status[problem_type.status][problem_type.slug] = problem_type.title
    return {str(status): _create_response(status, by_status[status]) for status in sorted(by_status)}


def create_problem_table() -> str:
    """Create a Markdown table of all problem types."""
    problem_types = sorted({*PROBLEM_TYPES.values(), *HTTP_PROBLEM_TYPES.values()})
    rows = [f"| {status} | `/problems/{slug}` | {title} |" for status, slug, title in problem_types]
    return "\n".join(["| status | type | title |", "|---|---|---|", *rows])


def _find_problem_types(operation: Operation) -> Iterator[ProblemType]:
    for error in (*_find_implied_errors(operation), *operation.errors):
        yield HTTP_PROBLEM_TYPES[error] if isinstance(error, int) else PROBLEM_TYPES[error]
    yield PROBLEM_TYPES[Exception]


def _find_implied_errors(operation: Operation) -> Iterator[type[PyxecError] | int]:
    locations = {PARAMETERS[name]["in"] for name in operation.parameters}
    if operation.access is not Access.PUBLIC:
        yield from (NotAuthenticated, StoreUnavailable)
    if operation.access is Access.ADMIN:
        yield NotAllowed
    if operation.request_body is not None:
        yield from _BODY_ERRORS
    if "query" in locations:
        yield from (400, InvalidRequest)
    if "path" in locations:
        yield 404


def _create_response(status: int, titles: dict[str, str]) -> dict[str, Any]:
    types = [f"/problems/{slug}" for slug in titles]
    properties = {"type": {"enum": types}, "status": {"const": status}}
    examples = {
        slug: {"value": {"type": f"/problems/{slug}", "title": title, "status": status, "detail": title}}
        for slug, title in titles.items()
    }
    schema = {"$ref": "#/components/schemas/Problem", "properties": properties}
    return {
        "description": "; or: ".join(titles.values()),
        "headers": create_header_references(_HEADERS.get(status, ())),
        "content": {PROBLEM_JSON: {"schema": schema, "examples": examples}},
    }
