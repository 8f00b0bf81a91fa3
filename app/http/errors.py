"""The errors that clients receive: problem documents (RFC 9457), WebSocket close codes and ``Retry-After``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

import falcon
import msgspec

from app.core.errors import (
    FilesFull,
    FileStorageUnavailable,
    FileTooLarge,
    GatewayBusy,
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
    StorageFull,
    StoreUnavailable,
    TooManyJobs,
    TooManyLinks,
    TooManyWorkspaces,
    UnknownLanguage,
    WorkspaceBusy,
)

__all__ = [
    "HTTP_PROBLEM_TYPES",
    "PROBLEM_JSON",
    "PROBLEM_TYPES",
    "ErrorFormat",
    "ErrorResponse",
    "Problem",
    "ProblemType",
    "choose_error_format",
    "format_problem_json",
    "retry_after_seconds",
    "to_problem",
    "websocket_close_code",
]

PROBLEM_JSON: Final = "application/problem+json"
STORE_RETRY_SECONDS: Final = 2
MAX_DETAIL_CHARACTERS: Final = 500  # a detail can repeat input of the client, which can be megabytes

# RFC 6455, section 7.4.1, and the IANA registry of WebSocket close codes. 4000 to 4999 are for private use.
INTERNAL_ERROR_CODE: Final = 1011
TRY_AGAIN_LATER_CODE: Final = 1013
CLIENT_ERROR_CODE_BASE: Final = 4000


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document (RFC 9457). ``field`` is the path of the invalid part of the request, if there is one."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    request_id: str | None = None


class ProblemType(NamedTuple):
    """A type of problem.

    Attributes:
        status: The HTTP status.
        slug: The last segment of ``Problem.type``, ``/problems/<slug>``. It never changes.
        title: A short summary for people.
    """

    status: int
    slug: str
    title: str


# The entry of the nearest base class applies, so the order of the entries has no effect.
PROBLEM_TYPES: Final[dict[type[BaseException], ProblemType]] = {
    InvalidRequest: ProblemType(422, "invalid-request", "Invalid request"),
    UnknownLanguage: ProblemType(422, "unknown-language", "Language not installed"),
    JobNotFound: ProblemType(404, "job-not-found", "Job not found or expired"),
    NotAuthenticated: ProblemType(401, "not-authenticated", "Missing or invalid API key"),
    NotAllowed: ProblemType(403, "not-allowed", "The API key does not permit this request"),
    NotFound: ProblemType(404, "not-found", "Not found"),
    RateLimited: ProblemType(429, "rate-limited", "Too many requests"),
    TooManyJobs: ProblemType(429, "too-many-jobs", "Too many unfinished jobs"),
    StorageFull: ProblemType(429, "storage-full", "Storage quota reached"),
    FilesFull: ProblemType(429, "files-full", "File quota reached"),
    FileTooLarge: ProblemType(413, "file-too-large", "The file is too large"),
    FileStorageUnavailable: ProblemType(503, "file-storage-unavailable", "The file storage is unavailable"),
    NotReplayable: ProblemType(409, "not-replayable", "The job cannot be replayed"),
    JobNotFinished: ProblemType(409, "job-not-finished", "The job has not finished"),
    WorkspaceBusy: ProblemType(409, "workspace-busy", "A job uses the workspace"),
    TooManyLinks: ProblemType(409, "too-many-links", "Too many short links"),
    TooManyWorkspaces: ProblemType(409, "too-many-workspaces", "Too many workspaces"),
    IdempotencyMismatch: ProblemType(
        422, "idempotency-mismatch", "The Idempotency-Key was used with a different request"
    ),
    QueueFull: ProblemType(503, "queue-full", "The queue is full"),
    StoreUnavailable: ProblemType(503, "store-unavailable", "The job store is unavailable"),
    GatewayBusy: ProblemType(503, "gateway-busy", "The gateway has no memory for this request"),
    Exception: ProblemType(500, "internal-error", "Internal server error"),
}

# Errors that Falcon raises, and falcon.HTTPError raised by the gateway, by status.
HTTP_PROBLEM_TYPES: Final[dict[int, ProblemType]] = {
    problem_type.status: problem_type
    for problem_type in (
        ProblemType(400, "malformed-request", "Malformed request"),
        ProblemType(404, "no-such-route", "Route not found"),
        ProblemType(405, "method-not-allowed", "Method not allowed"),
        ProblemType(408, "body-too-slow", "The request body was not received in time"),
        ProblemType(413, "body-too-large", "The request body is too large"),
        ProblemType(415, "unsupported-media-type", "Unsupported request body type"),
        ProblemType(417, "expectation-failed", "Unsupported Expect header"),
        ProblemType(421, "host-not-allowed", "The gateway does not serve this host name"),
        ProblemType(431, "head-too-large", "The request head is too large"),
        ProblemType(501, "transfer-encoding-not-supported", "Unsupported Transfer-Encoding"),
        ProblemType(503, "shutting-down", "The server is shutting down"),
    )
}

# The messages of these errors are written for clients. Other messages can contain addresses of internal servers.
_PUBLIC_ERRORS: Final = (
    RateLimited,
    FileTooLarge,
    QueueFull,
    GatewayBusy,
    NotAuthenticated,
    NotAllowed,
    NotFound,
    NotReplayable,
    WorkspaceBusy,
    TooManyLinks,
    TooManyWorkspaces,
)


class ErrorResponse(msgspec.Struct, frozen=True):
    """An error response of one API. ``body`` is serialised as JSON."""

    status: int
    body: Any
    content_type: str = "application/json"


class ErrorFormat(Protocol):
    """Formats errors as one API specifies."""

    def __call__(self, problem: Problem, error: Exception) -> ErrorResponse:
        """Format an error.

        Args:
            problem: The status and the public description of the error.
            error: The exception, for formats that contain more than ``problem`` does.
        """


def format_problem_json(problem: Problem, error: Exception) -> ErrorResponse:
    """Format an error of the native API (RFC 9457)."""
    return ErrorResponse(problem.status, problem, PROBLEM_JSON)


def choose_error_format(formats: Mapping[str, ErrorFormat], path: str) -> ErrorFormat:
    """Return the format of the first path prefix that matches, or the native one."""
    return next(
        (error_format for prefix, error_format in formats.items() if path.startswith(prefix)), format_problem_json
    )


def to_problem(error: Exception, request_id: str | None = None) -> Problem:
    """Convert any exception to a problem document.

    The document of an exception that is not meant for clients contains nothing of the exception.
    """
    status, slug, title = _find_problem_type(error)
    return Problem(
        type=f"/problems/{slug}",
        title=title,
        status=status,
        detail=_find_detail(error, title)[:MAX_DETAIL_CHARACTERS],
        field=error.field[:MAX_DETAIL_CHARACTERS] if isinstance(error, InvalidRequest) else None,
        request_id=request_id or None,
    )


def retry_after_seconds(error: Exception) -> int | None:
    """Return the value of ``Retry-After`` (RFC 9110, section 10.2.3), or None if a retry cannot help."""
    if isinstance(error, RateLimited):
        return max(1, math.ceil(error.retry_after_seconds))
    if isinstance(error, QueueFull):
        return error.retry_after_seconds
    return STORE_RETRY_SECONDS if isinstance(error, (StoreUnavailable, FileStorageUnavailable, GatewayBusy)) else None


def websocket_close_code(problem: Problem) -> int:
    """Return the close code for a problem: 4000 plus the HTTP status for errors of the client, else 1011 or 1013."""
    if problem.status < 500:
        return CLIENT_ERROR_CODE_BASE + problem.status
    return TRY_AGAIN_LATER_CODE if problem.status == 503 else INTERNAL_ERROR_CODE


def _find_problem_type(error: Exception) -> ProblemType:
    if isinstance(error, falcon.HTTPError):
        fallback = ProblemType(error.status_code, "http-error", error.title or "The request failed")
        return HTTP_PROBLEM_TYPES.get(error.status_code, fallback)
    return next(PROBLEM_TYPES[base] for base in type(error).__mro__ if base in PROBLEM_TYPES)


def _find_detail(error: Exception, title: str) -> str:
    if isinstance(error, falcon.HTTPError):
        return error.description or title
    if isinstance(error, InvalidRequest):
        return error.reason
    return str(error) if isinstance(error, _PUBLIC_ERRORS) else title
