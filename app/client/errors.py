"""What can go wrong between a client and the service, as a branch of the one error tree.

PyxecError
`-- ClientError
    |-- ServiceUnreachable  no connection, or no answer in time
    |-- RequestRefused      an answer, and it is no
    `-- UnreadableReply     an answer that this client does not understand
"""

from __future__ import annotations

from app.core.errors import PyxecError

__all__ = ["ClientError", "RequestRefused", "ServiceUnreachable", "UnreadableReply"]


class ClientError(PyxecError):
    """The root of the branch above."""


class ServiceUnreachable(ClientError):
    """Nothing answers at the service's address, or not in its time."""


class RequestRefused(ClientError):
    """The service said no, in a problem document.

    Parameters:
        status: the HTTP status.
        reason: one sentence for people, with the field at fault where there is one.
        retry_after_seconds: what the service asked to wait, None where waiting does not help.
    """

    def __init__(self, status: int, reason: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class UnreadableReply(ClientError):
    """What answers there is no Pyxec, or another version of it."""
