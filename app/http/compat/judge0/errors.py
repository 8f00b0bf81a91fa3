"""Errors as Judge0 says them: what is wrong with a submission by field, everything else in one sentence."""

from __future__ import annotations

from typing import Any

from app.core.errors import InvalidFields, InvalidRequest, QueueFull
from app.http.compat.judge0.views import Unconvertible
from app.http.errors import ErrorResponse, Problem

__all__ = ["judge0_error", "reasons_of"]


def judge0_error(problem: Problem, error: Exception) -> ErrorResponse:
    """Implements app.http.errors.ErrorFormat."""
    if isinstance(error, InvalidRequest):
        return ErrorResponse(problem.status, reasons_of(error))
    body: dict[str, Any] = {"error": "queue is full" if isinstance(error, QueueFull) else problem.detail}
    if isinstance(error, Unconvertible):
        body["token"] = error.token
    return ErrorResponse(problem.status, body)


def reasons_of(error: InvalidRequest) -> dict[str, list[str]]:
    """By field, all that is wrong with it."""
    if isinstance(error, InvalidFields):
        return {field: list(reasons) for field, reasons in error.reasons.items()}
    return {error.field: [error.reason]}
