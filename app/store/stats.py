"""Stats of queues, workers and dead letters, as the administration reads them."""

from __future__ import annotations

import msgspec

__all__ = ["DeadMessage", "HeldMessage", "LaneStats", "QueueStats", "WorkerStats"]


class LaneStats(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a queue that has one priority."""

    name: str
    waiting: int
    running: int
    delayed: int


class QueueStats(msgspec.Struct, frozen=True, kw_only=True):
    """A queue now, in all and by lane. ``oldest_seconds`` is the age of the oldest message that waits; None when none
    does."""

    name: str
    waiting: int
    running: int
    delayed: int
    dead: int
    oldest_seconds: float | None
    lanes: tuple[LaneStats, ...]


class HeldMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a worker holds. ``job_id`` is None for what is no job, ``language`` for what runs none.
    ``running_seconds`` are those since the job was begun; None for what was fetched and not begun yet."""

    queue: str
    lane: str
    actor: str
    job_id: str | None
    language: str | None
    running_seconds: float | None
    lease_renewed_seconds_ago: float


class WorkerStats(msgspec.Struct, frozen=True, kw_only=True):
    """A worker process. ``last_seen_seconds_ago`` is None for one that holds something and was never heard of."""

    name: str
    is_alive: bool
    last_seen_seconds_ago: float | None
    messages: tuple[HeldMessage, ...]


class DeadMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was given up. ``job_id`` as in HeldMessage. ``message`` is its text as it was queued, cut off
    where it is very long."""

    queue: str
    id: str
    actor: str
    job_id: str | None
    reason: str
    deliveries: int
    attempts: int
    died_at_ms: int
    traceback: str
    message: str
