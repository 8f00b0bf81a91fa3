"""Queue administration for the gateway: statistics, workers and dead letters, read through the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar, cast

import redis
import redis.exceptions

from app.broker import (
    BrokerUnavailable,
    DeadLetter,
    Precondition,
    PreconditionFailed,
    StreamsBroker,
    read_ledger_lua,
)
from app.core.errors import InvalidRequest, NotFound, NotReplayable, StoreUnavailable
from app.core.outcomes import Outcome
from app.store.admin.queue_stats import (
    DeadMessage,
    QueueStats,
    WorkerStats,
    actor_and_job,
    add_parked,
    read_held_messages,
    read_queue_stats,
)
from app.store.callers.admission import SLOT_SECONDS
from app.store.connection import read_lua
from app.store.jobs.records import decode_about
from app.store.keys import DELIVER_WEBHOOK, JOBS_QUEUE, RUN_JOB, WEBHOOKS_QUEUE, StoreKeys
from app.store.webhooks.outbox import Outbox
from app.store.webhooks.webhook_slots import WebhookSlots
from app.store.worker_registry import WorkerRegistry

__all__ = ["PAUSABLE_QUEUES", "Administration"]

#: The queue of maintenance cannot be paused: its tasks recover jobs and delete data.
PAUSABLE_QUEUES: Final = (JOBS_QUEUE, WEBHOOKS_QUEUE)

_MAX_MESSAGE_CHARACTERS: Final = 10_000
Result = TypeVar("Result")

_REQUEUE: Final = read_ledger_lua() + read_lua("jobs/requeue")
_DELETE_SOURCE: Final = read_ledger_lua() + read_lua("jobs/delete_source")
_NOT_REPLAYABLE: Final = {
    b"expired": "the record of the job has expired",
    b"finished": "the job has a result",
}


class Administration:
    """Administration of the declared queues. The broker's client blocks, so that each call runs in a thread.

    Args:
        broker: A broker that declares the queues.
        keys: Key names.
        result_ttl_seconds: How long a finished job is kept.
    """

    def __init__(self, broker: StreamsBroker, keys: StoreKeys, result_ttl_seconds: int) -> None:
        self._broker = broker
        self._keys = keys
        self._registry = WorkerRegistry(broker.client, keys)
        self._webhook_slots = WebhookSlots(broker)
        self._outbox = Outbox(broker.client, keys, result_ttl_seconds)

    async def queues(self) -> Sequence[QueueStats]:
        """Return the statistics of all queues, sorted by name."""
        return await _run_in_thread(self._read_queues)

    async def workers(self) -> Sequence[WorkerStats]:
        """Return the workers seen within the last ten minutes and those that hold messages, sorted by name."""
        return await _run_in_thread(self._read_workers)

    async def running_jobs(self) -> Sequence[str]:
        """Return the jobs that workers have received and not finished."""
        return await _run_in_thread(self._read_running_jobs)

    async def pause(self, queue: str) -> None:
        """Pause a queue: workers receive no further message of it. Those that they have received continue.

        Raises:
            NotFound: The queue does not exist.
            InvalidRequest: The queue cannot be paused; names ``queue``.
        """
        self._require_pausable_queue(queue)
        await _run_in_thread(lambda: self._broker.pause(queue))

    async def resume(self, queue: str) -> None:
        """Resume a queue. A queue that is not paused does not change.

        Raises:
            NotFound: The queue does not exist.
            InvalidRequest: The queue cannot be paused; names ``queue``.
        """
        self._require_pausable_queue(queue)
        await _run_in_thread(lambda: self._broker.resume(queue))

    async def dead_letters(self, queue: str, count: int, before: str | None) -> Sequence[DeadMessage]:
        """Return up to ``count`` dead letters, newest first.

        Args:
            queue: Name of a declared queue.
            count: Maximum number of dead letters.
            before: Id of a dead letter; only older ones are returned. None starts with the newest.

        Raises:
            NotFound: The queue does not exist.
        """
        self._require_queue(queue)
        dead_letters = await _run_in_thread(lambda: self._broker.dead_letters(queue, count=count, before=before))
        return [_dead_message(queue, dead_letter) for dead_letter in dead_letters]

    async def dead_letter(self, queue: str, dead_letter_id: str) -> DeadMessage:
        """Return one dead letter.

        Raises:
            NotFound: The queue or the dead letter does not exist.
        """
        self._require_queue(queue)
        dead_letter = await _run_in_thread(lambda: self._broker.dead_letter(queue, dead_letter_id))
        if dead_letter is None:
            raise NotFound("no dead letter has this id")
        return _dead_message(queue, dead_letter)

    async def replay(self, queue: str, dead_letter_id: str) -> None:
        """Enqueue the message of a dead letter again and remove the dead letter.

        Raises:
            NotFound: The queue or the dead letter does not exist.
            NotReplayable: The record of the job has expired or has a result of its own.
        """
        dead_letter = await self.dead_letter(queue, dead_letter_id)
        if not await _run_in_thread(lambda: self._replay(queue, dead_letter)):
            raise NotFound("the dead letter was replayed or dropped by another request")

    async def drop(self, queue: str, dead_letter_id: str) -> None:
        """Delete a dead letter, and the source and the inputs of its job, which cannot run again.

        A job whose webhook can no longer be delivered is kept no longer than other jobs.

        Raises:
            NotFound: The queue or the dead letter does not exist.
        """
        dead_letter = await self.dead_letter(queue, dead_letter_id)
        if not await _run_in_thread(lambda: self._drop(queue, dead_letter)):
            raise NotFound("the dead letter was replayed or dropped by another request")

    def close(self) -> None:
        """Close all connections of the broker."""
        self._broker.close()

    def _replay(self, queue: str, dead_letter: DeadMessage) -> bool:
        """Replay a dead letter and reset the record of its job in the same script."""
        if dead_letter.actor != RUN_JOB or dead_letter.job_id is None:
            return self._broker.replay_dead(queue, dead_letter.id)
        requeue = _requeue_record(self._broker.client, self._keys, dead_letter.job_id)
        try:
            return self._broker.replay_dead(queue, dead_letter.id, requeue)
        except PreconditionFailed as e:
            raise NotReplayable(_NOT_REPLAYABLE[requeue.reply]) from e

    def _drop(self, queue: str, dead_letter: DeadMessage) -> bool:
        """Drop a dead letter and delete the source of its job in the same script."""
        if dead_letter.actor != RUN_JOB or dead_letter.job_id is None:
            was_dropped = self._broker.drop_dead(queue, dead_letter.id)
            if was_dropped and dead_letter.actor == DELIVER_WEBHOOK and dead_letter.job_id is not None:
                self._outbox.release(dead_letter.job_id)
            return was_dropped
        delete_source = _delete_source(self._broker.client, self._keys, dead_letter.job_id)
        return self._broker.drop_dead(queue, dead_letter.id, delete_source)

    def _queue_names(self) -> list[str]:
        return sorted(self._broker.get_declared_queues())

    def _require_queue(self, queue: str) -> None:
        if queue not in self._broker.get_declared_queues():
            raise NotFound(f"unknown queue: must be one of {', '.join(self._queue_names())}")

    def _require_pausable_queue(self, queue: str) -> None:
        self._require_queue(queue)
        if queue not in PAUSABLE_QUEUES:
            raise InvalidRequest("queue", f"must be one of {', '.join(PAUSABLE_QUEUES)}")

    def _read_running_jobs(self) -> list[str]:
        held = read_held_messages(self._broker, self._keys, [JOBS_QUEUE])
        messages = [message for worker_messages in held.values() for message in worker_messages]
        return [message.job_id for message in messages if message.actor == RUN_JOB and message.job_id is not None]

    def _read_queues(self) -> list[QueueStats]:
        return [self._read_queue(name) for name in self._queue_names()]

    def _read_queue(self, name: str) -> QueueStats:
        stats = read_queue_stats(self._broker.client, self._broker.keys(name))
        return add_parked(stats, self._webhook_slots.read_parked()) if name == WEBHOOKS_QUEUE else stats

    def _read_workers(self) -> list[WorkerStats]:
        held = read_held_messages(self._broker, self._keys, self._queue_names())
        seen = self._registry.last_seen_seconds_ago()
        names = sorted(held.keys() | seen.keys())
        alive = self._registry.find_live(names)
        return [
            WorkerStats(
                name=name,
                is_alive=name in alive,
                last_seen_seconds_ago=seen.get(name),
                messages=tuple(held.get(name, ())),
            )
            for name in names
        ]


def _requeue_record(client: redis.Redis, keys: StoreKeys, job_id: str) -> Precondition:
    """Return the step of a replay that resets the record of the job to the state queued.

    Raises:
        NotReplayable: The record has expired.
        redis.RedisError: Redis did not answer.
    """
    about, owner = cast(list[Any], client.hmget(keys.record(job_id), "about", "owner"))
    if about is None or owner is None:
        raise NotReplayable(_NOT_REPLAYABLE[b"expired"])
    return Precondition(
        _REQUEUE,
        keys=[
            keys.record(job_id), keys.output(job_id), keys.waiting(decode_about(about).priority),
            keys.storage(owner.decode()), keys.outbox,
        ],
        args=[
            job_id, Outcome.INFRASTRUCTURE_ERROR.value, keys.output_channel(job_id), keys.output_entry(job_id),
            keys.idempotency(""), keys.slots(""), SLOT_SECONDS,
        ],
    )  # fmt: skip


def _delete_source(client: redis.Redis, keys: StoreKeys, job_id: str) -> Precondition | None:
    """Return the step of a drop that deletes the source and the inputs of the job; None if its record has expired."""
    owner: Any = client.hget(keys.record(job_id), "owner")
    if owner is None:
        return None
    return Precondition(
        _DELETE_SOURCE,
        keys=[keys.record(job_id), keys.storage(owner.decode())],
        args=[job_id, Outcome.INFRASTRUCTURE_ERROR.value],
    )


async def _run_in_thread(call: Callable[[], Result]) -> Result:
    try:
        return await asyncio.to_thread(call)
    except (BrokerUnavailable, redis.exceptions.RedisError, OSError) as e:
        # Redis rejects a malformed stream id with an error; for the caller this is an unknown dead letter.
        if isinstance(e, redis.exceptions.ResponseError) and "Invalid stream ID" in str(e):
            raise NotFound("no dead letter has this id") from e
        raise StoreUnavailable(f"{type(e).__name__}: {e}") from e


def _dead_message(queue: str, dead_letter: DeadLetter) -> DeadMessage:
    actor, job_id = actor_and_job(dead_letter.message)
    return DeadMessage(
        queue=queue,
        id=dead_letter.id,
        actor=actor,
        job_id=job_id,
        reason=dead_letter.reason,
        deliveries=dead_letter.deliveries,
        attempts=dead_letter.attempts,
        dead_lettered_at_ms=dead_letter.dead_lettered_at_ms,
        traceback=dead_letter.traceback,
        message=dead_letter.message.decode(errors="replace")[:_MAX_MESSAGE_CHARACTERS],
    )
