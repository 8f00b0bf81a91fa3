"""The error format of Piston's API."""

from __future__ import annotations

from typing import Final

from app.core.errors import QueueFull
from app.http.errors import ErrorResponse, Problem

__all__ = ["error_message", "format_piston_error"]

_NOT_JSON: Final = "requests must be of type application/json"


def format_piston_error(problem: Problem, error: Exception) -> ErrorResponse:
    """Format an error as ``{"message": "..."}``, with a status that Piston's clients know."""
    if isinstance(error, QueueFull):  # Piston's queue has no limit; its clients retry only after a 429
        return ErrorResponse(429, {"message": error_message(problem)})
    status = 400 if problem.status == 422 else problem.status
    return ErrorResponse(status, {"message": _NOT_JSON if status == 415 else error_message(problem)})


def error_message(problem: Problem) -> str:
    """Return one sentence, which starts with the name of the invalid field if there is one."""
    return problem.detail if problem.field is None else f"{problem.field} {problem.detail}"
