"""Errors of the broker. Each is a `dramatiq.errors.BrokerError`.

    StreamsError
    |-- BrokerUnavailable   Redis did not answer or cannot write; also a dramatiq.errors.ConnectionClosed
    |-- Duplicate           the dedupe key exists
    |-- LeaseLost           another consumer owns the entry
    |-- PreconditionFailed  the precondition was not met
    `-- QueueFull           the backlog limit is reached

After `Duplicate`, `LeaseLost` and `QueueFull`, nothing was written.
"""

from __future__ import annotations

from dramatiq.errors import BrokerError, ConnectionClosed

__all__ = ["BrokerUnavailable", "Duplicate", "LeaseLost", "PreconditionFailed", "QueueFull", "StreamsError"]


class StreamsError(BrokerError):
    """Base class of the broker's errors."""

    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]  # dramatiq does not annotate it


class BrokerUnavailable(StreamsError, ConnectionClosed):
    """Redis could not be reached, did not answer in time, or refuses writes at the moment.

    The command may or may not have been executed. The broker never sends it again by itself.
    """


class Duplicate(StreamsError):
    """The dedupe key exists. Nothing was written."""


class LeaseLost(StreamsError):
    """This delivery no longer owns its entry. Nothing was written."""


class PreconditionFailed(StreamsError):
    """The precondition was not met; its ``reply`` has the details. Only the precondition itself may have written."""


class QueueFull(StreamsError):
    """The queue holds `max_backlog` messages or more. Nothing was written."""
