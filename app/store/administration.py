"""Implements app.core.admin on the broker. Its client blocks: each call has a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import redis.exceptions

from app.broker import BrokerUnavailable, DeadLetter, StreamsBroker
from app.core.errors import NotFound, StoreUnavailable
from app.store.held_messages import held_by_worker
from app.store.message_subject import actor_and_job
from app.store.queue_stats import queue_stats
from app.store.replays import Replays
from app.store.running_jobs import RunningJobs
from app.store.stats import DeadMessage, QueueStats, WorkerStats
from app.store.submission import RUN_JOB
from app.store.worker_registry import WorkerRegistry

__all__ = ["Administration"]

_MOST_TOLD_CHARACTERS: Final = 10_000
Answer = TypeVar("Answer")


class Administration:
    """See the port. The broker has to have its queues declared."""

    def __init__(self, broker: StreamsBroker, presence: WorkerRegistry, running: RunningJobs, replays: Replays) -> None:
        self._broker = broker
        self._presence = presence
        self._running = running
        self._replays = replays

    async def queues(self) -> Sequence[QueueStats]:
        """See the port."""
        return await _in_thread(self._queues)

    async def workers(self) -> Sequence[WorkerStats]:
        """See the port."""
        return await _in_thread(self._workers)

    async def dead_letters(self, queue: str, count: int, before: str | None) -> Sequence[DeadMessage]:
        """See the port."""
        self._check(queue)
        letters = await _in_thread(lambda: self._broker.dead_letters(queue, count=count, before=before))
        return [_told(queue, letter) for letter in letters]

    async def dead_letter(self, queue: str, letter_id: str) -> DeadMessage:
        """See the port."""
        self._check(queue)
        letter = await _in_thread(lambda: self._broker.dead_letter(queue, letter_id))
        if letter is None:
            raise NotFound("there is no dead letter with this id")
        return _told(queue, letter)

    async def replay(self, queue: str, letter_id: str) -> None:
        """See the port."""
        letter = await self.dead_letter(queue, letter_id)
        # The record first: a worker that met the message before would pass it over as finished.
        if letter.actor == RUN_JOB and letter.job_id is not None:
            job_id = letter.job_id
            await _in_thread(lambda: self._replays.prepare(job_id))
        if not await _in_thread(lambda: self._broker.replay_dead(queue, letter_id)):
            raise NotFound("this dead letter was replayed or dropped in this very moment")

    async def drop(self, queue: str, letter_id: str) -> None:
        """See the port."""
        self._check(queue)
        if not await _in_thread(lambda: self._broker.drop_dead(queue, letter_id)):
            raise NotFound("there is no dead letter with this id")

    def close(self) -> None:
        """Close all connections."""
        self._broker.close()

    def _names(self) -> list[str]:
        return sorted(self._broker.get_declared_queues())

    def _check(self, queue: str) -> None:
        if queue not in self._broker.get_declared_queues():
            raise NotFound(f"there is no such queue; there is: {', '.join(self._names())}")

    def _queues(self) -> list[QueueStats]:
        return [queue_stats(self._broker.client, self._broker.keys(name)) for name in self._names()]

    def _workers(self) -> list[WorkerStats]:
        held = held_by_worker(self._broker, self._running, self._names())
        seen = self._presence.seen_seconds_ago()
        names = sorted(held.keys() | seen.keys())
        alive = self._presence.alive(names)
        return [
            WorkerStats(
                name=name,
                is_alive=name in alive,
                seen_seconds_ago=seen.get(name),
                holds=tuple(held.get(name, ())),
            )
            for name in names
        ]


async def _in_thread(call: Callable[[], Answer]) -> Answer:
    try:
        return await asyncio.to_thread(call)
    except (BrokerUnavailable, redis.exceptions.RedisError, OSError) as e:
        # An id that cannot be one is an error of the server's, too.
        if isinstance(e, redis.exceptions.ResponseError) and "Invalid stream ID" in str(e):
            raise NotFound("there is no dead letter with this id") from e
        raise StoreUnavailable(f"{type(e).__name__}: {e}") from e


def _told(queue: str, letter: DeadLetter) -> DeadMessage:
    actor, job_id = actor_and_job(letter.message)
    return DeadMessage(
        queue=queue,
        id=letter.id,
        actor=actor,
        job_id=job_id,
        reason=letter.reason,
        deliveries=letter.deliveries,
        attempts=letter.attempts,
        died_at_ms=letter.died_at_ms,
        traceback=letter.traceback,
        message=letter.message.decode(errors="replace")[:_MOST_TOLD_CHARACTERS],
    )
