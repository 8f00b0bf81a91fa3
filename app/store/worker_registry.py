"""The registry of workers: each worker writes a key that expires when its heartbeats stop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import redis
from redis.asyncio import Redis

from app.broker import QueueKeys
from app.store.keys import JOBS_QUEUE, StoreKeys

__all__ = ["BEAT_SECONDS", "WorkerRegistry", "read_waiting_reason"]

BEAT_SECONDS: Final = 5
# More than three heartbeats. The leases of a worker expire within the same time.
_LIVE_SECONDS: Final = 20
# Longer than the restart of a worker and of its host.
_REMEMBER_SECONDS: Final = 600
_NEWEST_WORKERS: Final = 100
_NO_WORKER: Final = "no-worker"
_QUEUE_PAUSED: Final = "queue-paused"


class WorkerRegistry:
    """Writes the heartbeats of a worker and finds live workers. Every method blocks and raises ``redis.RedisError``."""

    def __init__(self, client: redis.Redis, keys: StoreKeys) -> None:
        self._client = client
        self._keys = keys

    def beat(self, worker: str, pause_reason: str | None = None) -> None:
        """Write a heartbeat of a worker.

        Args:
            worker: Name of the worker.
            pause_reason: Why the worker fetches no jobs; None if it does.
        """
        now = time.time()
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.set(self._keys.heartbeat(worker), pause_reason or "", ex=_LIVE_SECONDS)
            pipeline.zadd(self._keys.workers, {worker: now})
            pipeline.zremrangebyscore(self._keys.workers, "-inf", now - _REMEMBER_SECONDS)
            pipeline.execute()

    def remove(self, worker: str) -> None:
        """Remove a worker that has stopped, so that it does not count as live until its heartbeat expires."""
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.delete(self._keys.heartbeat(worker))
            pipeline.zrem(self._keys.workers, worker)
            pipeline.execute()

    def last_seen_seconds_ago(self) -> dict[str, float]:
        """Return the age of the last heartbeat of each worker of the last ten minutes.

        The ages are approximate, because they compare the clocks of two hosts.
        """
        now = time.time()
        rows: Any = self._client.zrangebyscore(self._keys.workers, now - _REMEMBER_SECONDS, "+inf", withscores=True)
        return {name.decode(): round(max(0.0, now - score), 1) for name, score in rows}

    def find_live(self, workers: Sequence[str]) -> set[str]:
        """Return the workers that wrote a heartbeat within the last 20 s."""
        with self._client.pipeline(transaction=False) as pipeline:
            for worker in workers:
                pipeline.exists(self._keys.heartbeat(worker))
            return {worker for worker, exists in zip(workers, pipeline.execute(), strict=True) if exists}


async def read_waiting_reason(client: Redis, keys: StoreKeys) -> str | None:
    """Return why no worker can run jobs. None if one can.

    The reasons are ``queue-paused``, ``no-worker`` and, if all workers are paused, that of the newest one.

    Raises:
        redis.RedisError: Redis did not answer.
    """
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.exists(QueueKeys(keys.namespace, JOBS_QUEUE).paused)
        pipeline.zrevrange(keys.workers, 0, _NEWEST_WORKERS - 1)
        is_paused, names = await pipeline.execute()
    if is_paused:
        return _QUEUE_PAUSED
    heartbeats: Any = await client.mget([keys.heartbeat(name.decode()) for name in names]) if names else []
    reasons = [heartbeat.decode() for heartbeat in heartbeats if heartbeat is not None]
    if not reasons:
        return _NO_WORKER
    return reasons[0] if all(reasons) else None
