"""What a queue holds right now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis
from redis import exceptions

from app.broker.keys import QueueKeys

__all__ = ["PendingEntry", "pending", "qsize"]


@dataclass(frozen=True)
class PendingEntry:
    """An entry some consumer holds.

    Attributes:
        idle_ms: time since its lease was last renewed.
        deliveries: Redis' own count for this entry id.
    """

    entry_id: str
    consumer: str
    idle_ms: int
    deliveries: int


def qsize(client: redis.Redis, keys: QueueKeys) -> int:
    """Messages waiting, running and delayed; dead letters are not counted."""
    pipeline = client.pipeline(transaction=False)
    pipeline.xlen(keys.stream)
    pipeline.zcard(keys.delayed)
    return sum(pipeline.execute())


def pending(client: redis.Redis, keys: QueueKeys, *, count: int) -> list[PendingEntry]:
    """The oldest `count` entries that are held."""
    try:
        rows: Any = client.xpending_range(keys.stream, keys.group, min="-", max="+", count=count)
    except exceptions.ResponseError as e:
        if not str(e).startswith("NOGROUP"):
            raise
        return []
    return [
        PendingEntry(
            row["message_id"].decode(), row["consumer"].decode(), row["time_since_delivered"], row["times_delivered"]
        )
        for row in rows
    ]
