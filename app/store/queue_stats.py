"""How full a queue is, in all and by lane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis
import redis.exceptions

from app.broker import QueueKeys
from app.store.stats import LaneStats, QueueStats

__all__ = ["queue_stats"]


def queue_stats(client: redis.Redis, keys: QueueKeys) -> QueueStats:
    """Read from Redis now. Raises what the client raises."""
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
    per_stream = {stream: replies[3 * at : 3 * at + 3] for at, stream in enumerate(keys.streams)}
    delayed = dict(zip(keys.lanes, replies[3 * len(keys.streams) : -1], strict=True))
    lanes = tuple(
        _lane(lane.value, [per_stream[one.again], per_stream[one.stream]], delayed[lane])
        for lane, one in keys.lanes.items()
    )
    return QueueStats(
        name=keys.queue,
        waiting=sum(lane.waiting for lane in lanes),
        running=sum(lane.running for lane in lanes),
        delayed=sum(lane.delayed for lane in lanes),
        dead=replies[-1],
        oldest_seconds=_oldest_seconds(client, {stream: groups for stream, (_, _, groups) in per_stream.items()}),
        lanes=lanes,
    )


def _lane(name: str, streams: Sequence[Sequence[Any]], delayed: int) -> LaneStats:
    entries = sum(length for length, _, _ in streams)
    running = sum(pending["pending"] for _, pending, _ in streams if isinstance(pending, dict))
    return LaneStats(name=name, waiting=max(0, entries - running), running=running, delayed=delayed)


def _oldest_seconds(client: redis.Redis, groups: dict[str, Any]) -> float | None:
    """The age of the first entry behind what each stream's group has read."""
    ages = []
    time: Any = client.time()
    now = time[0] + time[1] / 1e6
    for stream, found in groups.items():
        read_to = found[0]["last-delivered-id"].decode() if isinstance(found, list) and found else "0-0"
        first: Any = client.xrange(stream, min=f"({read_to}", count=1)
        if first:
            ages.append(now - int(first[0][0].split(b"-")[0]) / 1000)
    return round(max(0.0, *ages), 3) if ages else None
