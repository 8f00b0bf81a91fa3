"""What whoever runs the service can see and do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

__all__ = ["Administration", "DeadMessage", "HeldMessage", "LaneStats", "QueueStats", "WorkerStats"]


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
    renewed_seconds_ago: float


class WorkerStats(msgspec.Struct, frozen=True, kw_only=True):
    """A worker process. ``seen_seconds_ago`` is None for one that holds something and was never heard of."""

    name: str
    is_alive: bool
    seen_seconds_ago: float | None
    holds: tuple[HeldMessage, ...]


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


class Administration(Protocol):
    """The queues, from outside (asyncio). Every method raises StoreUnavailable when Redis does not answer, and
    NothingThere for a queue, or a dead letter, that does not exist."""

    async def queues(self) -> Sequence[QueueStats]:
        """All of them, by name."""

    async def workers(self) -> Sequence[WorkerStats]:
        """Those that were heard of in the last day, and those that hold something, by name."""

    async def dead_letters(self, queue: str, count: int, before: str | None) -> Sequence[DeadMessage]:
        """Newest first, behind the one with the id ``before``."""

    async def dead_letter(self, queue: str, letter_id: str) -> DeadMessage:
        """One of them."""

    async def replay(self, queue: str, letter_id: str) -> None:
        """Put it back to work, once. A job is queued again, as if it had never been begun.

        Raises:
            NotReplayable: its record has expired, or says that it ended in another way.
        """

    async def drop(self, queue: str, letter_id: str) -> None:
        """Forget it."""
