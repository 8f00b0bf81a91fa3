"""The envelope of all responses of Dify's sandbox, and its error format."""

from __future__ import annotations

from typing import Any

import msgspec

from app.core.errors import InvalidRequest, QueueFull, RateLimited
from app.http.errors import ErrorResponse, Problem

__all__ = ["Envelope", "UnsupportedLanguage", "format_dify_error"]


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A response. ``code`` is 0, or a negative number for an error. Only successful responses have ``data``."""

    code: int = 0
    message: str = "success"
    data: Any = None


class UnsupportedLanguage(InvalidRequest):
    """Dify's sandbox has no such language, or it is not installed."""


def format_dify_error(problem: Problem, error: Exception) -> ErrorResponse:
    """Format an error as ``{"code": -STATUS, "message": "...", "data": null}``.

    As in Dify's sandbox, an invalid body has the status 200 and the code -400, an unsupported language the status 400.
    """
    if isinstance(error, UnsupportedLanguage):
        return ErrorResponse(400, Envelope(code=-400, message=problem.detail))
    if isinstance(error, InvalidRequest):
        return ErrorResponse(200, Envelope(code=-400, message=f"{problem.field}: {problem.detail}"))
    if problem.status == 400:
        return ErrorResponse(200, Envelope(code=-400, message=problem.detail))
    status = 429 if isinstance(error, QueueFull | RateLimited) else problem.status
    return ErrorResponse(status, Envelope(code=-status, message=problem.detail))
