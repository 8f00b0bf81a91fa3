"""The error format of Judge0's API."""

from __future__ import annotations

from typing import Any

import falcon

from app.core.errors import InvalidFields, InvalidRequest, QueueFull
from app.http.errors import ErrorResponse, Problem

__all__ = ["NotUtf8", "format_judge0_error"]


class NotUtf8(falcon.HTTPBadRequest):
    """A text of a submission is not UTF-8, and the client did not request Base64."""

    def __init__(self, token: str) -> None:
        super().__init__(
            description="some attributes for this submission cannot be converted to UTF-8, "
            "use base64_encoded=true query parameter"
        )
        self.token = token


def format_judge0_error(problem: Problem, error: Exception) -> ErrorResponse:
    """Format the errors of a submission by field, and any other error as ``{"error": "..."}``."""
    if isinstance(error, InvalidFields):
        reasons = {field: list(field_reasons) for field, field_reasons in error.reasons.items()}
        return ErrorResponse(problem.status, reasons)
    if isinstance(error, InvalidRequest):
        return ErrorResponse(problem.status, {error.field: [error.reason]})
    body: dict[str, Any] = {"error": "queue is full" if isinstance(error, QueueFull) else problem.detail}
    if isinstance(error, NotUtf8):
        body["token"] = error.token
    return ErrorResponse(problem.status, body)
