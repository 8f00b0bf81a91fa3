"""What can go wrong between this client and the service.

PyxecError
|-- ServiceUnreachable     no connection, or no answer in time
|-- UnreadableReply        what answers there is no Pyxec, or another version of it
|-- JobTimeout             the job has not ended in the time that was given; it goes on
|-- InvalidJob             a job that cannot be written down; nothing was sent
`-- RequestRefused         an answer, and it is no: a problem document
    |-- InvalidRequest     400, 408, 413, 415, 422: names the field at fault
    |-- NotAuthenticated   401
    |-- NotAllowed         403
    |-- NotFound           404: no such job, or it is another's, or no longer kept
    |-- Conflict           409
    |-- TooManyRequests    429: says how long to wait
    `-- ServiceFailed      500 and above

A program that fails is no error: its result tells.
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
    "refusal_kind",
]


class PyxecError(Exception):
    """The root of the tree above."""


class ServiceUnreachable(PyxecError):
    """Nothing answers at the service's address, or not in its time."""


class UnreadableReply(PyxecError):
    """What answers there is no Pyxec, or another version of it."""


class JobTimeout(PyxecError):
    """The job has not ended in the time that was given. It is not concerned: cancel it, or go on waiting.

    Parameters:
        job_id: whose time is up.
        seconds: how long was waited.
    """

    def __init__(self, job_id: str, seconds: float) -> None:
        super().__init__(f"job {job_id} has not ended within {seconds:g} s")
        self.job_id = job_id


class InvalidJob(PyxecError):
    """A job that cannot be written down as JSON. Nothing was sent."""


class RequestRefused(PyxecError):
    """The service said no.

    Parameters:
        status: the HTTP status; for a stream that was refused, the one its close code stands for.
        reason: one sentence for people, with the field at fault where there is one.
        type: what tells problems apart for programs: ``/problems/queue-full``; empty where a proxy answered.
        field: the path of what is wrong, ``limits.wall_seconds``; empty where it is nothing in particular.
        request_id: by which the service's operator finds the request.
        retry_after_seconds: what the service asked to wait, None where waiting does not help.
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
    """Something is wrong with what was sent; ``field`` says what."""


class NotAuthenticated(RequestRefused):
    """A key is needed, or what was sent is none."""


class NotAllowed(RequestRefused):
    """This key may not do this."""


class NotFound(RequestRefused):
    """No such job, or it is another's, or it is no longer kept."""


class Conflict(RequestRefused):
    """Not in this state: a job that has not finished cannot be deleted."""


class TooManyRequests(RequestRefused):
    """Too many submissions, or too many jobs that wait and run."""


class ServiceFailed(RequestRefused):
    """A fault of the service, or none of its places is free."""


_KINDS: Final[dict[int, type[RequestRefused]]] = {
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    429: TooManyRequests,
}


def refusal_kind(status: int) -> type[RequestRefused]:
    """The class for an HTTP status of 400 or more."""
    return _KINDS.get(status, ServiceFailed if status >= 500 else InvalidRequest)
