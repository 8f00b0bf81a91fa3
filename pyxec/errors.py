"""Exceptions of the SDK.

PyxecError
|-- ServiceUnreachable     no connection, or no response in time
|-- UnreadableReply        the server is not Pyxec, or its version is not compatible
|-- JobTimeout             the job has not finished in time; it continues
|-- InvalidJob             the job is invalid; nothing was sent
`-- RequestRefused         the response is an error: a problem document (RFC 9457)
    |-- InvalidRequest     400, 408, 413, 415, 422: names the invalid field
    |-- NotAuthenticated   401
    |-- NotAllowed         403
    |-- NotFound           404: the job does not exist, belongs to another caller, or has expired
    |-- Conflict           409
    |-- TooManyRequests    429: with the time to wait
    `-- ServiceFailed      500 and above

A program that fails raises no exception: see Result.outcome.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "Conflict",
    "InvalidJob",
    "InvalidRequest",
    "JobTimeout",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "PyxecError",
    "RequestRefused",
    "ServiceFailed",
    "ServiceUnreachable",
    "TooManyRequests",
    "UnreadableReply",
    "error_class",
]


class PyxecError(Exception):
    """Base class of all exceptions of the SDK."""


class ServiceUnreachable(PyxecError):
    """No connection to the service, or no response in time."""


class UnreadableReply(PyxecError):
    """The response cannot be decoded: the server is not Pyxec, or its version is not compatible."""


class JobTimeout(PyxecError):
    """The job has not finished in time. It continues: cancel it, or wait again.

    Attributes:
        job_id: The job.
    """

    def __init__(self, job_id: str, seconds: float) -> None:
        super().__init__(f"job {job_id} has not finished within {seconds:g} s")
        self.job_id = job_id


class InvalidJob(PyxecError):
    """The job is invalid or cannot be encoded as JSON. Nothing was sent."""


class RequestRefused(PyxecError):
    """The service rejected the request.

    Attributes:
        status: HTTP status. For a stream, the close code minus 4000.
        reason: One sentence for people. It contains the invalid field, if there is one.
        type: Type of the problem, such as ``/problems/queue-full``. Empty if a proxy sent the response.
        field: Path of the invalid field, such as ``limits.wall_seconds``. Empty if no single field is invalid.
        request_id: Id of the request in the logs of the service. Empty if the response has none.
        retry_after_seconds: Time to wait before the next attempt. None if the response does not have it.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        *,
        type: str = "",
        field: str = "",
        request_id: str = "",
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.type = type
        self.field = field
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds


class InvalidRequest(RequestRefused):
    """The request is invalid; ``field`` names the invalid part."""


class NotAuthenticated(RequestRefused):
    """The API key is missing or invalid."""


class NotAllowed(RequestRefused):
    """The API key does not permit this operation."""


class NotFound(RequestRefused):
    """The job does not exist, belongs to another caller, or has expired."""


class Conflict(RequestRefused):
    """The state of the job does not permit the operation, such as deleting an unfinished job."""


class TooManyRequests(RequestRefused):
    """The rate limit or the limit of unfinished jobs is exceeded."""


class ServiceFailed(RequestRefused):
    """The service failed, or cannot accept jobs now."""


_CLASSES: Final[dict[int, type[RequestRefused]]] = {
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    429: TooManyRequests,
}


def error_class(status: int) -> type[RequestRefused]:
    """Return the exception class for an HTTP status of 400 or more."""
    return _CLASSES.get(status, ServiceFailed if status >= 500 else InvalidRequest)
