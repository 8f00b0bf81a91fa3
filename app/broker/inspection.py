"""What a queue holds right now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis
from redis import exceptions

from app.broker.keys import QueueKeys
from app.broker.lanes import Lane

__all__ = ["PendingEntry", "pending", "qsize"]


@dataclass(frozen=True)
class PendingEntry:
    """An entry some consumer holds.

    Attributes:
        idle_ms: time since its lease was last renewed.
        deliveries: Redis' own count for this entry id; 1,000,000 once it was started after it was lost before.
    """

    entry_id: str
    consumer: str
    idle_ms: int
    deliveries: int
    stream: str
    lane: Lane


def qsize(client: redis.Redis, keys: QueueKeys, *, lanes: Sequence[Lane]) -> int:
    """Messages waiting, running and delayed; dead letters are not counted."""
    pipeline = client.pipeline(transaction=False)
    for lane in lanes:
        pipeline.xlen(keys.lanes[lane].again)
        pipeline.xlen(keys.lanes[lane].stream)
        pipeline.zcard(keys.lanes[lane].delayed)
    return sum(pipeline.execute())


def pending(client: redis.Redis, keys: QueueKeys, *, count: int, lanes: Sequence[Lane]) -> list[PendingEntry]:
    """The oldest `count` entries that are held, those that came back before first."""
    streams = [stream for stream in keys.streams if keys.lane_of(stream) in lanes]
    entries = [entry for stream in streams for entry in _pending(client, keys, stream, count)]
    return entries[:count]


def _pending(client: redis.Redis, keys: QueueKeys, stream: str, count: int) -> list[PendingEntry]:
    try:
        rows: Any = client.xpending_range(stream, keys.group, min="-", max="+", count=count)
    except exceptions.ResponseError as e:
        if not str(e).startswith("NOGROUP"):
            raise
        return []
    return [
        PendingEntry(
            row["message_id"].decode(),
            row["consumer"].decode(),
            row["time_since_delivered"],
            row["times_delivered"],
            stream,
            keys.lane_of(stream),
        )
        for row in rows
    ]
