"""How goxec's API says that something went wrong."""

from __future__ import annotations

from typing import Final

from app.http.errors import ErrorResponse, Problem

__all__ = ["goxec_error"]

BAD_REQUEST: Final = 400


def goxec_error(problem: Problem, error: Exception) -> ErrorResponse:
    """``{"error": ...}``, one sentence."""
    said = problem.detail if problem.field is None else f"{problem.field} {problem.detail}"
    return ErrorResponse(BAD_REQUEST if problem.status == 422 else problem.status, {"error": said})
