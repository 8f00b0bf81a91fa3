"""Every error this broker raises on purpose, all of them Dramatiq's own broker errors too.

dramatiq.errors.BrokerError
`-- StreamsError
    |-- BrokerUnavailable   Redis did not answer in its time, or cannot write; also a ConnectionClosed
    |-- Duplicate           the dedupe key was there before; nothing was written
    |-- LeaseLost           another consumer owns the entry now; nothing was written
    |-- QueueFull           the backlog limit is reached; nothing was written
    `-- PreconditionFailed  the precondition was not met; nothing was written except by the precondition itself
"""

from __future__ import annotations

from dramatiq.errors import BrokerError, ConnectionClosed

__all__ = ["BrokerUnavailable", "Duplicate", "LeaseLost", "PreconditionFailed", "QueueFull", "StreamsError"]


class StreamsError(BrokerError):
    """The root of the tree above."""

    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]  # dramatiq leaves it without types


class BrokerUnavailable(StreamsError, ConnectionClosed):
    """Redis could not be reached, did not answer in its time, or refuses writes for now.

    The command may or may not have been executed: it is never sent again behind the caller's back.
    """


class Duplicate(StreamsError):
    """The dedupe key existed before; nothing was written."""


class LeaseLost(StreamsError):
    """This delivery no longer owns its entry; nothing was written."""


class QueueFull(StreamsError):
    """As many messages wait as `max_backlog` allows; nothing was written."""


class PreconditionFailed(StreamsError):
    """The precondition was not met; its ``reply`` has the details. Only the precondition itself may have written."""
