"""The errors of the service. app/http/errors.py defines how each is reported to clients.

PyxecError
|-- InvalidRequest            a field of the request is invalid
|   |-- UnknownLanguage
|   `-- InvalidFields         several fields are invalid
|-- NotAuthenticated          an API key is missing or invalid
|-- NotAllowed                the caller may not do this
|-- JobNotFound               the job does not exist or belongs to another caller
|-- NotFound                  anything else does not exist
|-- SubmissionRejected        a job was not accepted; carries the state of the rate limit
|   |-- QueueFull             the backlog has reached its limit
|   |-- RateLimited           a token bucket is empty
|   |   |-- TooManyJobs       the caller has as many unfinished jobs as its tier allows
|   |   |-- StorageFull       the stored jobs of the owner have reached their quota
|   |   `-- FilesFull         the files of the owner have reached their quota
|   |-- WorkspaceBusy         another job uses the workspace
|   |-- TooManyWorkspaces     the caller has as many workspaces as are allowed
|   `-- IdempotencyMismatch   the idempotency key was used with a different request
|-- TooManyLinks              a quota of short links is reached
|-- NotReplayable             the job of a dead letter cannot run again
|-- JobNotFinished            an unfinished job cannot be deleted
|-- FileTooLarge              a file is larger than the maximum
|-- StoreUnavailable          Redis did not answer in time
|-- GatewayBusy               other requests hold the memory that this one needs
`-- InfrastructureError       a fault of the service: a started job is retried, then dead-lettered; others wait
    |-- EngineUnavailable     the Docker Engine failed or did not answer in time
    |   `-- UnsupportedEngine the Docker Engine cannot run sandboxes until its configuration or ours changes
    |-- ImageMissing          the image of a language is missing on this engine
    |-- SandboxLost           the container disappeared without a report
    |-- SandboxUnavailable    the host cannot provide the container for a job, or for its program, after it was started
    |-- ProtocolError         the runner violated its protocol
    |-- FileStorageUnavailable  the file storage did not answer in time
    |-- BlobNotFound          the file storage has lost the content of a file
    |-- WebhookUndelivered    a webhook was not delivered
    `-- OwnershipLost         the lease expired and another worker owns the job
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

__all__ = [
    "BlobNotFound",
    "EngineUnavailable",
    "FileStorageUnavailable",
    "FileTooLarge",
    "FilesFull",
    "GatewayBusy",
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
    "RateLimit",
    "RateLimited",
    "SandboxLost",
    "SandboxUnavailable",
    "StorageFull",
    "StoreUnavailable",
    "SubmissionRejected",
    "TooManyJobs",
    "TooManyLinks",
    "TooManyWorkspaces",
    "UnknownLanguage",
    "UnsupportedEngine",
    "WebhookUndelivered",
    "WorkspaceBusy",
]


class PyxecError(Exception):
    """The base class of all errors."""


class InvalidRequest(PyxecError):
    """A field of a request is invalid.

    Attributes:
        field: Path of the field as the client wrote it: ``limits.wall_seconds``, ``files[0].name``.
        reason: The allowed values, as the rest of a sentence that starts with the field.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class UnknownLanguage(InvalidRequest):
    """The language, or this version of it, is not installed."""


class InvalidFields(InvalidRequest):
    """Several fields are invalid. The native API reports the first one, compat APIs report all.

    Attributes:
        reasons: At least one reason for each of at least one field.
    """

    def __init__(self, reasons: Mapping[str, Sequence[str]]) -> None:
        field = next(iter(reasons))
        super().__init__(field, reasons[field][0])
        self.reasons = reasons


class NotAuthenticated(PyxecError):
    """An API key is missing or invalid. Clients receive the message."""


class NotAllowed(PyxecError):
    """The API key does not permit the request. Clients receive the message."""


class JobNotFound(PyxecError):
    """The job does not exist, or the caller may not see it."""


class NotFound(PyxecError):
    """Something other than a job does not exist. Clients receive the message."""


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """State of the token bucket that has the fewest tokens for a caller.

    Attributes:
        limit: Tokens that the bucket holds when it is full.
        remaining: Tokens left.
        reset_seconds: Time until the bucket is full again.
    """

    limit: int
    remaining: int
    reset_seconds: float


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

    reason = "too many unfinished jobs"


class StorageFull(RateLimited):
    """The queued and kept jobs of the owner have reached their storage quota.

    Args:
        stored_bytes: Bytes that they take, as the quota counts them.
        quota_bytes: The quota.
        retry_after_seconds: When some of them expire, if that is known.
        rate_limit: State of the token bucket.
        is_shared: Whether the quota is the one of all callers without an API key.
    """

    def __init__(
        self,
        stored_bytes: int,
        quota_bytes: int,
        retry_after_seconds: float,
        rate_limit: RateLimit | None = None,
        *,
        is_shared: bool = False,
    ) -> None:
        owner = "all callers without an API key together" if is_shared else "this API key"
        self.reason = (
            f"storage quota reached: the queued and kept jobs of {owner} take {stored_bytes} of {quota_bytes} bytes; "
            "delete finished jobs or wait until they expire"
        )
        super().__init__(retry_after_seconds, rate_limit)


class FilesFull(RateLimited):
    """The files of the owner have reached their quota.

    Args:
        stored_bytes: Bytes that the files take, as the quota counts them.
        quota_bytes: The quota.
        retry_after_seconds: When to try again.
    """

    def __init__(self, stored_bytes: int, quota_bytes: int, retry_after_seconds: float = 60.0) -> None:
        self.reason = (
            f"file quota reached: the files take {stored_bytes} of {quota_bytes} bytes; "
            "delete files or wait until they expire"
        )
        super().__init__(retry_after_seconds)


class IdempotencyMismatch(SubmissionRejected):
    """The idempotency key was used with a different request."""

    def __init__(
        self,
        message: str = "the Idempotency-Key was used with a different request",
        rate_limit: RateLimit | None = None,
    ) -> None:
        super().__init__(message, rate_limit)


class WorkspaceBusy(SubmissionRejected):
    """A job uses the workspace, or too many jobs wait for it. Clients receive the message."""


class TooManyLinks(PyxecError):
    """A quota of short links is reached. Clients receive the message."""


class TooManyWorkspaces(SubmissionRejected):
    """The caller has as many workspaces as are allowed. Clients receive the message."""


class NotReplayable(PyxecError):
    """The job of a dead letter cannot run again. Clients receive the message."""


class JobNotFinished(PyxecError):
    """The job is queued or running. It can be cancelled, but not deleted."""


class FileTooLarge(PyxecError):
    """A file is larger than the maximum. Clients receive the message."""


class StoreUnavailable(PyxecError):
    """Redis did not answer in time."""


class GatewayBusy(PyxecError):
    """Other requests hold the memory that this request needs."""


class InfrastructureError(PyxecError):
    """A fault of the service. A started job is retried, and dead-lettered after the last attempt. Other jobs wait."""


class EngineUnavailable(InfrastructureError):
    """The Docker Engine rejected a request, failed or did not answer in time."""


class UnsupportedEngine(EngineUnavailable):
    """The Docker Engine cannot run sandboxes until an operator changes its configuration or that of Pyxec.

    The message has one line for each fault. Each is a sentence that states what to do.
    """


class ImageMissing(InfrastructureError):
    """The catalogue contains the language, but its image is missing on this engine."""


class SandboxLost(InfrastructureError):
    """The container disappeared without reporting how the program ended."""


class SandboxUnavailable(InfrastructureError):
    """The host cannot provide the container for a started job, of which at most the compile phase has run. It waits."""


class ProtocolError(InfrastructureError):
    """The runner violated its protocol."""


class FileStorageUnavailable(InfrastructureError):
    """The file storage, or the disk of the file cache, failed or did not answer in time. Jobs that need it wait."""


class BlobNotFound(InfrastructureError):
    """The file storage has lost the content of a file."""


class WebhookUndelivered(InfrastructureError):
    """A webhook did not arrive or was not answered with a 2xx status."""


class OwnershipLost(InfrastructureError):
    """The lease expired and another worker owns the job. Writes of this worker are rejected."""
