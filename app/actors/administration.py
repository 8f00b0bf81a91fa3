"""Implements app.core.administration on the broker. Its client blocks: each call has a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import redis.exceptions
from dramatiq import Message
from dramatiq.errors import DecodeError

from app.actors.intake import RUN_JOB
from app.broker import BrokerUnavailable, DeadLetter, PendingEntry, StreamsBroker
from app.core.administration import DeadMessage, HeldMessage, QueueFigures, WorkerFigures
from app.core.errors import NothingThere, StoreUnavailable
from app.store.presence import Presence
from app.store.replays import Replays

__all__ = ["BrokerAdministration"]

_MOST_HELD: Final = 1_000
_WITH_A_JOB: Final = frozenset({RUN_JOB, "deliver_webhook"})
Answer = TypeVar("Answer")


class BrokerAdministration:
    """See the port. The broker has to have its queues declared."""

    def __init__(self, broker: StreamsBroker, presence: Presence, replays: Replays) -> None:
        self._broker = broker
        self._presence = presence
        self._replays = replays

    async def queues(self) -> Sequence[QueueFigures]:
        """See the port."""
        return await _in_thread(lambda: [self._figures(name) for name in self._names()])

    async def workers(self) -> Sequence[WorkerFigures]:
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
            raise NothingThere("there is no dead letter with this id")
        return _told(queue, letter)

    async def replay(self, queue: str, letter_id: str) -> None:
        """See the port."""
        letter = await self.dead_letter(queue, letter_id)
        # The record first: a worker that met the message before would pass it over as finished.
        if letter.actor == RUN_JOB and letter.job_id is not None:
            job_id = letter.job_id
            await _in_thread(lambda: self._replays.prepare(job_id))
        if not await _in_thread(lambda: self._broker.replay_dead(queue, letter_id)):
            raise NothingThere("this dead letter was replayed or dropped in this very moment")

    async def drop(self, queue: str, letter_id: str) -> None:
        """See the port."""
        self._check(queue)
        if not await _in_thread(lambda: self._broker.drop_dead(queue, letter_id)):
            raise NothingThere("there is no dead letter with this id")

    def close(self) -> None:
        """Close all connections."""
        self._broker.close()

    def _names(self) -> list[str]:
        return sorted(self._broker.get_declared_queues())

    def _check(self, queue: str) -> None:
        if queue not in self._broker.get_declared_queues():
            raise NothingThere(f"there is no such queue; there is: {', '.join(self._names())}")

    def _figures(self, name: str) -> QueueFigures:
        keys, client = self._broker.keys(name), self._broker.client
        with client.pipeline(transaction=False) as pipeline:
            for stream in keys.streams:
                pipeline.xlen(stream)
                pipeline.xpending(stream, keys.group)
                pipeline.xinfo_groups(stream)
            for lane in keys.lanes.values():
                pipeline.zcard(lane.delayed)
            pipeline.xlen(keys.dead)
            # Streams and groups that nobody has used yet are not there.
            replies: list[Any] = pipeline.execute(raise_on_error=False)
        per_stream = [replies[3 * i : 3 * i + 3] for i in range(len(keys.streams))]
        entries = sum(length for length, _, _ in per_stream)
        running = sum(pending["pending"] for _, pending, _ in per_stream if isinstance(pending, dict))
        return QueueFigures(
            name=name,
            waiting=max(0, entries - running),
            running=running,
            delayed=sum(replies[3 * len(keys.streams) : -1]),
            dead=replies[-1],
            oldest_seconds=self._oldest_seconds(keys.streams, per_stream),
        )

    def _oldest_seconds(self, streams: Sequence[str], per_stream: Sequence[Sequence[Any]]) -> float | None:
        """The age of the first entry behind what each stream's group has read."""
        ages = []
        seconds, microseconds = self._now()
        for stream, (_, _, groups) in zip(streams, per_stream, strict=True):
            read_to = groups[0]["last-delivered-id"].decode() if isinstance(groups, list) and groups else "0-0"
            first: Any = self._broker.client.xrange(stream, min=f"({read_to}", count=1)
            if first:
                ages.append(seconds + microseconds / 1e6 - int(first[0][0].split(b"-")[0]) / 1000)
        return round(max(0.0, *ages), 3) if ages else None

    def _now(self) -> tuple[int, int]:
        time: Any = self._broker.client.time()
        return time[0], time[1]

    def _workers(self) -> list[WorkerFigures]:
        held: dict[str, list[HeldMessage]] = {}
        for queue in self._names():
            for entry in self._broker.pending(queue, count=_MOST_HELD):
                held.setdefault(entry.consumer, []).append(self._held(queue, entry))
        seen = self._presence.seen_seconds_ago()
        return [
            WorkerFigures(
                name=name,
                is_alive=self._presence.is_alive(name),
                seen_seconds_ago=seen.get(name),
                holds=tuple(held.get(name, ())),
            )
            for name in sorted(held.keys() | seen.keys())
        ]

    def _held(self, queue: str, entry: PendingEntry) -> HeldMessage:
        rows: Any = self._broker.client.xrange(entry.stream, entry.entry_id, entry.entry_id)
        actor, job_id = _actor_and_job(rows[0][1].get(b"m", b"") if rows else b"")
        return HeldMessage(queue=queue, actor=actor, job_id=job_id, renewed_seconds_ago=entry.idle_ms / 1000)


async def _in_thread(call: Callable[[], Answer]) -> Answer:
    try:
        return await asyncio.to_thread(call)
    except (BrokerUnavailable, redis.exceptions.RedisError, OSError) as e:
        # An id that cannot be one is an error of the server's, too.
        if isinstance(e, redis.exceptions.ResponseError) and "Invalid stream ID" in str(e):
            raise NothingThere("there is no dead letter with this id") from e
        raise StoreUnavailable(f"{type(e).__name__}: {e}") from e


def _told(queue: str, letter: DeadLetter) -> DeadMessage:
    actor, job_id = _actor_and_job(letter.message)
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
    )


def _actor_and_job(body: bytes) -> tuple[str, str | None]:
    """Of a message; what cannot be decoded is one of an unknown actor."""
    try:
        message: Message[Any] = Message.decode(body)
    except DecodeError:
        return "unknown", None
    has_job = message.actor_name in _WITH_A_JOB and message.args
    return message.actor_name, str(message.args[0]) if has_job else None
