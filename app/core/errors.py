"""Every error Pyxec raises on purpose. How each is told to an HTTP client stands in one place: app/http/errors.py.

PyxecError
|-- InvalidRequest        the caller's mistake; names the field
|   |-- UnknownLanguage
|   `-- InvalidFields     several fields at once, each with all that is wrong with it
|-- NotAuthenticated      a key is needed, or this is none
|-- NotAllowed            the caller may not do this
|-- JobNotFound           no such job, or not yours
|-- NothingThere          of anything else that has a name: there is none with this one
|-- SubmissionRejected    a job was not accepted; carries the state of the rate limit
|   |-- QueueFull         the backlog has reached its limit
|   |-- RateLimited       a token bucket is empty; says when to try again
|   |   `-- TooManyJobs   the caller has as many unfinished jobs as its tier allows
|   `-- IdempotencyMismatch  the idempotency key was used with a different request
|-- NotReplayable         a dead letter whose job cannot run again
|-- JobNotFinished        only a job that has ended can be deleted
|-- StoreUnavailable      Redis does not answer in its time
`-- InfrastructureError   our fault, never the program's: retried, then dead-lettered
    |-- EngineUnavailable the container engine is down or hangs
    |-- ImageMissing      the language is in the catalogue, its image is not on this engine
    |-- SandboxLost       the container went away without a report
    |-- ProtocolError     the runner said something it must not say
    |-- WebhookUndelivered  a client's server did not take a webhook
    `-- OwnershipLost     another worker has this job now; whatever we have is refused
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.core.rate_limit import RateLimit

__all__ = [
    "EngineUnavailable",
    "IdempotencyMismatch",
    "ImageMissing",
    "InfrastructureError",
    "InvalidFields",
    "InvalidRequest",
    "JobNotFinished",
    "JobNotFound",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "NotReplayable",
    "OwnershipLost",
    "ProtocolError",
    "PyxecError",
    "QueueFull",
    "RateLimited",
    "SandboxLost",
    "StoreUnavailable",
    "SubmissionRejected",
    "TooManyJobs",
    "UnknownLanguage",
    "WebhookUndelivered",
]


class PyxecError(Exception):
    """The root of the tree above."""


class InvalidRequest(PyxecError):
    """The caller's mistake.

    Parameters:
        field: the path of the field at fault, as the client wrote it: ``limits.wall_seconds``, ``files[0].name``.
        reason: one plain sentence that says what is allowed.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class UnknownLanguage(InvalidRequest):
    """A language, or a version of it, that is not installed here."""


class InvalidFields(InvalidRequest):
    """Mistakes in several fields. Ours tells of the first; other APIs tell of all.

    Parameters:
        reasons: by field, at least one of each, at least one field.
    """

    def __init__(self, reasons: Mapping[str, Sequence[str]]) -> None:
        field = next(iter(reasons))
        super().__init__(field, reasons[field][0])
        self.reasons = reasons


class NotAuthenticated(PyxecError):
    """A key is needed here, or what was sent is not one. The message is meant for the client."""


class NotAllowed(PyxecError):
    """The caller's key does not give the right to do this. The message is meant for the client."""


class JobNotFound(PyxecError):
    """No job with this id that this caller may see."""


class NotFound(PyxecError):
    """There is nothing with this name. The message is meant for the client."""


class SubmissionRejected(PyxecError):
    """A job was not accepted. Nothing was written.

    Attributes:
        rate_limit: State of the caller's token bucket, if the submission took a token or found no token.
    """

    def __init__(self, message: str, rate_limit: RateLimit | None = None) -> None:
        super().__init__(message)
        self.rate_limit = rate_limit


class QueueFull(SubmissionRejected):
    """The backlog has reached its limit.

    Attributes:
        retry_after_seconds: When to try again.
    """

    def __init__(
        self,
        message: str = "the queue is full",
        retry_after_seconds: int = 5,
        rate_limit: RateLimit | None = None,
    ) -> None:
        super().__init__(message, rate_limit)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(SubmissionRejected):
    """A token bucket of the caller is empty.

    Attributes:
        retry_after_seconds: When the bucket has a token again.
    """

    reason = "rate limit reached"

    def __init__(self, retry_after_seconds: float, rate_limit: RateLimit | None = None) -> None:
        super().__init__(f"{self.reason}; try again in {retry_after_seconds:.1f} s", rate_limit)
        self.retry_after_seconds = retry_after_seconds


class TooManyJobs(RateLimited):
    """The caller has as many unfinished jobs as its tier allows."""

    reason = "as many jobs wait and run as this caller may have"


class IdempotencyMismatch(SubmissionRejected):
    """The idempotency key was used with a different request."""

    def __init__(
        self,
        message: str = "this Idempotency-Key was used before, with another body",
        rate_limit: RateLimit | None = None,
    ) -> None:
        super().__init__(message, rate_limit)


class NotReplayable(PyxecError):
    """The job of this dead letter cannot run again. The message is meant for the client."""


class JobNotFinished(PyxecError):
    """The job waits or runs: it can be cancelled, not deleted."""


class StoreUnavailable(PyxecError):
    """Redis did not answer within its time."""


class InfrastructureError(PyxecError):
    """Our fault: the job is tried again, and dead-lettered when that does not help."""


class EngineUnavailable(InfrastructureError):
    """The container engine refused, failed or did not answer in its time."""


class ImageMissing(InfrastructureError):
    """The engine has no image for a language that is in the catalogue."""


class SandboxLost(InfrastructureError):
    """The container went away without telling how the program ended."""


class ProtocolError(InfrastructureError):
    """The runner and the worker disagree about the protocol."""


class WebhookUndelivered(InfrastructureError):
    """A webhook did not arrive, or was not answered with a 2xx."""


class OwnershipLost(InfrastructureError):
    """The lease ran out and another worker has the job: nothing we know of it counts any more."""
