"""Stats of queues, workers and dead letters, as the administration API returns them."""

from __future__ import annotations

import msgspec

__all__ = ["DeadMessage", "HeldMessage", "LaneStats", "QueueStats", "WorkerStats"]


class LaneStats(msgspec.Struct, frozen=True, kw_only=True):
    """The number of messages in a lane, the part of a queue with one priority. See `QueueStats`."""

    name: str
    waiting: int
    running: int
    delayed: int


class QueueStats(msgspec.Struct, frozen=True, kw_only=True):
    """The number of messages in a queue.

    ``waiting``: no worker has received them. ``running``: a worker has received and not finished them. ``delayed``:
    they are not due yet. ``dead``: dead letters. ``oldest_seconds`` is the age of the oldest waiting message. It is
    None if no message is waiting.
    """

    name: str
    waiting: int
    running: int
    delayed: int
    dead: int
    oldest_seconds: float | None
    lanes: tuple[LaneStats, ...]


class HeldMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a worker has received and not finished.

    ``job_id`` is None if the message belongs to no job, and ``language`` is None if it runs no program.
    ``running_seconds`` is the time since the worker started the message. It is None if the worker has not started it.
    """

    queue: str
    lane: str
    actor: str
    job_id: str | None
    language: str | None
    running_seconds: float | None
    lease_renewed_seconds_ago: float


class WorkerStats(msgspec.Struct, frozen=True, kw_only=True):
    """A worker process. ``last_seen_seconds_ago`` is None if the worker has messages but never sent a heartbeat."""

    name: str
    is_alive: bool
    last_seen_seconds_ago: float | None
    messages: tuple[HeldMessage, ...]


class DeadMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter: a message that is not retried any more.

    Attributes:
        job_id: The job of the message, or None if it belongs to no job.
        dead_lettered_at_ms: When it became a dead letter, in Unix milliseconds.
        message: The JSON text of the message, truncated to 10,000 characters.
    """

    queue: str
    id: str
    actor: str
    job_id: str | None
    reason: str
    deliveries: int
    attempts: int
    dead_lettered_at_ms: int
    traceback: str
    message: str
