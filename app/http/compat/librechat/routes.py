"""The routes and the error format of LibreChat's code API."""

from __future__ import annotations

from typing import Final

from app.core.errors import InvalidRequest, QueueFull, RateLimited, SubmissionRejected
from app.http.compat.librechat.execute import ExecuteResource, ProgramNotRun
from app.http.compat.librechat.files import DownloadResource, FileResource, FilesResource, UploadResource
from app.http.compat.librechat.sessions import SessionFiles
from app.http.errors import ErrorResponse, Problem, retry_after_seconds
from app.http.services import Services

__all__ = ["LIBRECHAT_PREFIX", "format_librechat_error", "librechat_routes"]

LIBRECHAT_PREFIX: Final = "/librechat/v1"
_RETRY_SECONDS: Final = 5
_NOT_RUN: Final = "The program was not run"


def librechat_routes(services: Services) -> dict[str, object]:
    """Return the resource of each URI template."""
    sessions = SessionFiles(services.workspaces)
    return {
        f"{LIBRECHAT_PREFIX}/exec": ExecuteResource(services, sessions),
        f"{LIBRECHAT_PREFIX}/upload": UploadResource(services, sessions),
        f"{LIBRECHAT_PREFIX}/download/{{session_id}}/{{file_id}}": DownloadResource(sessions),
        f"{LIBRECHAT_PREFIX}/files/{{session_id}}": FilesResource(sessions),
        f"{LIBRECHAT_PREFIX}/files/{{session_id}}/{{file_id}}": FileResource(sessions),
    }


def format_librechat_error(problem: Problem, error: Exception) -> ErrorResponse:
    """Format an error as ``{"error", "details"}``. An exceeded limit or quota is ``rate_limited``."""
    if isinstance(error, QueueFull | RateLimited | SubmissionRejected):
        seconds = retry_after_seconds(error) or _RETRY_SECONDS
        body = {"error": "rate_limited", "details": problem.detail, "retry_after_seconds": seconds}
        return ErrorResponse(429, body)
    if isinstance(error, InvalidRequest):
        return ErrorResponse(400, {"error": problem.title, "details": f"{error.field}: {error.reason}"})
    title = _NOT_RUN if isinstance(error, ProgramNotRun) else problem.title
    return ErrorResponse(problem.status, {"error": title, "details": problem.detail})
