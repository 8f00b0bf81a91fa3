"""What a client is told when something goes wrong (RFC 9457). Every route and every error comes through this table."""

from __future__ import annotations

import math
from typing import Final

import falcon
import msgspec

from app.core.errors import (
    IdempotencyMismatch,
    InvalidRequest,
    JobNotFinished,
    JobNotFound,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotReplayable,
    QueueFull,
    RateLimited,
    StoreUnavailable,
    TooManyJobs,
    UnknownLanguage,
)

__all__ = ["HTTP_KINDS", "KINDS", "PROBLEM_JSON", "Problem", "close_code_of", "problem_of", "retry_after_seconds"]

PROBLEM_JSON: Final = "application/problem+json"
STORE_RETRY_SECONDS: Final = 2
MAX_DETAIL_CHARACTERS: Final = 500  # a detail may repeat what the client sent, and that may be megabytes
INTERNAL_ERROR_CODE: Final = 1011
TRY_AGAIN_LATER_CODE: Final = 1013


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One problem document. ``field`` is the path of the part of the request that is wrong, where there is one."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    request_id: str | None = None


# An error is looked up along its own line of ancestors, so the order of the rows does not matter.
KINDS: Final[dict[type[BaseException], tuple[int, str, str]]] = {
    InvalidRequest: (422, "invalid-request", "Invalid request"),
    UnknownLanguage: (422, "unknown-language", "Language not installed"),
    JobNotFound: (404, "job-not-found", "Job not found or expired"),
    NotAuthenticated: (401, "not-authenticated", "Missing or invalid API key"),
    NotAllowed: (403, "not-allowed", "The API key does not permit this request"),
    NotFound: (404, "not-found", "Not found"),
    RateLimited: (429, "rate-limited", "Too many requests"),
    TooManyJobs: (429, "too-many-jobs", "Too many unfinished jobs"),
    NotReplayable: (409, "not-replayable", "The job cannot be replayed"),
    JobNotFinished: (409, "job-not-finished", "The job has not finished"),
    IdempotencyMismatch: (422, "idempotency-mismatch", "The Idempotency-Key was used with a different request"),
    QueueFull: (503, "queue-full", "The queue is full"),
    StoreUnavailable: (503, "store-unavailable", "The job store is unavailable"),
    Exception: (500, "internal-error", "Internal server error"),
}

HTTP_KINDS: Final[dict[int, tuple[str, str]]] = {
    400: ("malformed-request", "Malformed request"),
    404: ("no-such-route", "Route not found"),
    405: ("method-not-allowed", "Method not allowed"),
    408: ("body-too-slow", "The request body was not received in time"),
    413: ("body-too-large", "The request body is too large"),
    415: ("unsupported-media-type", "Unsupported request body type"),
    503: ("shutting-down", "The server is shutting down"),
}


# Only these say something for clients; a lost connection's own words would name our servers.
_FOR_CLIENTS: Final = (RateLimited, QueueFull, NotAuthenticated, NotAllowed, NotFound, NotReplayable)


def problem_of(error: Exception, request_id: str | None = None) -> Problem:
    """The document for any exception; one that is not meant for clients tells them nothing of itself."""
    status, slug, title = _kind_of(error)
    return Problem(
        type=f"/problems/{slug}",
        title=title,
        status=status,
        detail=_detail_of(error, title)[:MAX_DETAIL_CHARACTERS],
        field=error.field[:MAX_DETAIL_CHARACTERS] if isinstance(error, InvalidRequest) else None,
        request_id=request_id or None,
    )


def retry_after_seconds(error: Exception) -> int | None:
    """When it is worth trying again, in whole seconds, or None when trying again does not help."""
    if isinstance(error, RateLimited):
        return max(1, math.ceil(error.retry_after_seconds))
    if isinstance(error, QueueFull):
        return error.retry_after_seconds
    return STORE_RETRY_SECONDS if isinstance(error, StoreUnavailable) else None


def close_code_of(problem: Problem) -> int:
    """How a WebSocket ends that met this problem: 4000 and the status for the client's mistakes."""
    if problem.status < 500:
        return 4000 + problem.status
    return TRY_AGAIN_LATER_CODE if problem.status == 503 else INTERNAL_ERROR_CODE


def _kind_of(error: Exception) -> tuple[int, str, str]:
    if isinstance(error, falcon.HTTPError):
        slug, title = HTTP_KINDS.get(error.status_code, ("http-error", error.title or "The request failed"))
        return error.status_code, slug, title
    return next(KINDS[ancestor] for ancestor in type(error).__mro__ if ancestor in KINDS)


def _detail_of(error: Exception, title: str) -> str:
    if isinstance(error, falcon.HTTPError):
        return error.description or title
    if isinstance(error, InvalidRequest):
        return error.reason
    return str(error) if isinstance(error, _FOR_CLIENTS) else title
