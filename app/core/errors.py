"""Every error Pyxec raises on purpose. How each is told to an HTTP client stands in one place: app/http/errors.py.

PyxecError
|-- InvalidRequest        the caller's mistake; names the field
|   |-- UnknownLanguage
|   `-- InvalidFields     several fields at once, each with all that is wrong with it
|-- NotAuthenticated      a key is needed, or this is none
|-- NotAllowed            the caller may not do this
|-- JobNotFound           no such job, or not yours
|-- NothingThere          of anything else that has a name: there is none with this one
|-- QueueFull             the backlog cap is reached; nothing was written
|-- RateLimited           an empty token bucket; says how long to wait
|   `-- TooManyJobs       as many unfinished jobs as this caller may have
|-- IdempotencyMismatch   the same name for something else
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


class QueueFull(PyxecError):
    """As many jobs wait as are allowed to; nothing was written."""

    def __init__(self, message: str = "the queue is full", retry_after_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(PyxecError):
    """The caller's token bucket, or one that it shares, is empty."""

    reason = "rate limit reached"

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(f"{self.reason}; try again in {retry_after_seconds:.1f} s")
        self.retry_after_seconds = retry_after_seconds


class TooManyJobs(RateLimited):
    """As many jobs of this caller wait and run as its tier allows."""

    reason = "as many jobs wait and run as this caller may have"


class IdempotencyMismatch(PyxecError):
    """This Idempotency-Key was used before, with another body. Nothing was written."""


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
