"""Statistics of queues and of the messages that workers hold."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import redis
import redis.exceptions
from dramatiq import Message
from dramatiq.errors import DecodeError

from app.broker import PendingEntry, QueueKeys, StreamsBroker
from app.core.callers import Priority
from app.store.jobs.records import decode_about
from app.store.keys import DELIVER_WEBHOOK, RUN_JOB, StoreKeys
from app.store.webhooks.webhook_slots import ParkedWebhooks

__all__ = [
    "DeadMessage",
    "HeldMessage",
    "LaneStats",
    "QueueStats",
    "WorkerStats",
    "actor_and_job",
    "add_parked",
    "read_held_messages",
    "read_queue_stats",
]

_MAX_HELD_MESSAGES: Final = 1_000
_ACTORS_WITH_JOB_ID: Final = frozenset({RUN_JOB, DELIVER_WEBHOOK})


class LaneStats(msgspec.Struct, frozen=True, kw_only=True):
    """The number of messages in a lane, the part of a queue with one priority. See `QueueStats`."""

    name: str
    waiting: int
    running: int
    delayed: int


class QueueStats(msgspec.Struct, frozen=True, kw_only=True):
    """The number of messages in a queue.

    ``waiting``: no worker has received them, or they are webhooks that wait for a slot of their receiver.
    ``running``: a worker has received and not finished them. ``delayed``: they are not due yet. ``dead``: dead letters.
    ``oldest_seconds`` is the age of the oldest waiting message. It is None if no message is waiting. ``is_paused``: an
    operator has paused the queue, and workers receive no message of it.
    """

    name: str
    waiting: int
    running: int
    delayed: int
    dead: int
    oldest_seconds: float | None
    is_paused: bool
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


def actor_and_job(body: bytes) -> tuple[str, str | None]:
    """Return the actor of an encoded message and its job id.

    Returns:
        The actor's name, ``"unknown"`` for a message that cannot be decoded; the job id, None for an actor without one.
    """
    try:
        message: Message[Any] = Message.decode(body)
    except DecodeError:
        return "unknown", None
    has_job = message.actor_name in _ACTORS_WITH_JOB_ID and message.args
    return message.actor_name, str(message.args[0]) if has_job else None


def read_queue_stats(client: redis.Redis, keys: QueueKeys) -> QueueStats:
    """Count the messages of a queue in Redis. Raises ``redis.RedisError``."""
    with client.pipeline(transaction=False) as pipeline:
        for stream in keys.streams:
            pipeline.xlen(stream)
            pipeline.xpending(stream, keys.group)
            pipeline.xinfo_groups(stream)
        for lane in keys.lanes.values():
            pipeline.zcard(lane.delayed)
        pipeline.xlen(keys.dead_letters)
        pipeline.hgetall(keys.paused)
        # XPENDING and XINFO fail for a stream or a group that was never used.
        replies: list[Any] = pipeline.execute(raise_on_error=False)
    per_stream = {stream: replies[3 * index : 3 * index + 3] for index, stream in enumerate(keys.streams)}
    delayed = dict(zip(keys.lanes, replies[3 * len(keys.streams) : -2], strict=True))
    paused = replies[-1] if isinstance(replies[-1], dict) else {}
    lanes = tuple(
        _lane_stats(lane.value, [per_stream[lane_keys.redelivered], per_stream[lane_keys.stream]], delayed[lane])
        for lane, lane_keys in keys.lanes.items()
    )
    return QueueStats(
        name=keys.queue,
        waiting=sum(lane.waiting for lane in lanes),
        running=sum(lane.running for lane in lanes),
        delayed=sum(lane.delayed for lane in lanes),
        dead=replies[-2],
        oldest_seconds=_oldest_seconds(
            client,
            {
                stream: paused.get(stream.encode()) or _last_delivered_id(groups)
                for stream, (_, _, groups) in per_stream.items()
            },
        ),
        is_paused=bool(paused),
        lanes=lanes,
    )


def add_parked(stats: QueueStats, parked: ParkedWebhooks) -> QueueStats:
    """Return the statistics of the queue of webhooks with its parked messages, which wait for a slot."""
    if parked.count == 0:
        return stats
    lanes = list(stats.lanes)
    for index, lane in enumerate(lanes):
        if lane.name == Priority.INTERACTIVE.value:
            lanes[index] = msgspec.structs.replace(lane, waiting=lane.waiting + parked.count)
    return msgspec.structs.replace(
        stats,
        waiting=stats.waiting + parked.count,
        oldest_seconds=max(round(parked.oldest_seconds, 3), stats.oldest_seconds or 0.0),
        lanes=tuple(lanes),
    )


def read_held_messages(broker: StreamsBroker, keys: StoreKeys, queues: Iterable[str]) -> dict[str, list[HeldMessage]]:
    """Return the messages that workers hold, by worker name. Raises BrokerUnavailable and ``redis.RedisError``."""
    entries = [(queue, entry) for queue in queues for entry in broker.pending(queue, count=_MAX_HELD_MESSAGES)]
    subjects = [actor_and_job(body) for body in _read_bodies(broker, [entry for _, entry in entries])]
    jobs = _read_running_jobs(
        broker.client, keys, [job_id for actor, job_id in subjects if actor == RUN_JOB and job_id is not None]
    )
    held: dict[str, list[HeldMessage]] = {}
    for (queue, entry), (actor, job_id) in zip(entries, subjects, strict=True):
        job = jobs.get(job_id) if actor == RUN_JOB and job_id is not None else None
        message = HeldMessage(
            queue=queue,
            lane=entry.lane.value,
            actor=actor,
            job_id=job_id,
            language=None if job is None else job[0],
            running_seconds=None if job is None else job[1],
            lease_renewed_seconds_ago=entry.idle_ms / 1000,
        )
        held.setdefault(entry.consumer, []).append(message)
    return held


def _lane_stats(name: str, streams: Sequence[Sequence[Any]], delayed: int) -> LaneStats:
    entries = sum(length for length, _, _ in streams)
    running = sum(pending["pending"] for _, pending, _ in streams if isinstance(pending, dict))
    return LaneStats(name=name, waiting=max(0, entries - running), running=running, delayed=delayed)


def _last_delivered_id(groups: Any) -> bytes:
    return bytes(groups[0]["last-delivered-id"]) if isinstance(groups, list) and groups else b"0-0"


def _oldest_seconds(client: redis.Redis, last_delivered_ids: dict[str, bytes]) -> float | None:
    """Return the age of the oldest entry that no group has read, None if every entry was read."""
    ages = []
    server_time: Any = client.time()
    now = server_time[0] + server_time[1] / 1e6
    for stream, last_delivered_id in last_delivered_ids.items():
        first_unread: Any = client.xrange(stream, min=f"({last_delivered_id.decode()}", count=1)
        if first_unread:
            ages.append(now - int(first_unread[0][0].split(b"-")[0]) / 1000)
    return round(max(0.0, *ages), 3) if ages else None


def _read_bodies(broker: StreamsBroker, entries: list[PendingEntry]) -> list[bytes]:
    """Return the encoded message of each entry, ``b""`` for an entry that has been finished in the meantime."""
    with broker.client.pipeline(transaction=False) as pipeline:
        for entry in entries:
            pipeline.xrange(entry.stream, entry.entry_id, entry.entry_id)
        replies: list[Any] = pipeline.execute()
    return [rows[0][1].get(b"message", b"") if rows else b"" for rows in replies]


def _read_running_jobs(
    client: redis.Redis, keys: StoreKeys, job_ids: Sequence[str]
) -> dict[str, tuple[str, float | None]]:
    """Return the language of each job and the seconds since its start, None if it has not been started.

    The times are approximate, because they compare the clocks of two hosts.
    """
    with client.pipeline(transaction=False) as pipeline:
        for job_id in job_ids:
            pipeline.hmget(keys.record(job_id), ["about", "started_at_ms"])
        rows: list[list[Any]] = pipeline.execute()
    return {
        job_id: (decode_about(about).language, _seconds_since(started_at_ms))
        for job_id, (about, started_at_ms) in zip(job_ids, rows, strict=True)
        if about is not None
    }


def _seconds_since(unix_ms: bytes | None) -> float | None:
    return None if unix_ms is None else round(max(0.0, time.time() - int(unix_ms) / 1000), 1)
