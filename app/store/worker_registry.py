"""Which worker processes are there: each writes a key that runs out when it falls silent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import redis

from app.store.keys import StoreKeys

__all__ = ["BEAT_SECONDS", "WorkerRegistry"]

BEAT_SECONDS: Final = 5
# Three missed beats and some: by then the worker's leases have run out as well.
_GONE_SECONDS: Final = 20
_FORGET_SECONDS: Final = 86_400


class WorkerRegistry:
    """One process' sign of life, and the question for others'."""

    def __init__(self, client: redis.Redis, keys: StoreKeys) -> None:
        self._client = client
        self._keys = keys

    def beat(self, worker: str) -> None:
        """Say that ``worker`` is there."""
        now = time.time()
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.set(self._keys.presence(worker), b"", ex=_GONE_SECONDS)
            pipeline.zadd(self._keys.workers, {worker: now})
            pipeline.zremrangebyscore(self._keys.workers, "-inf", now - _FORGET_SECONDS)
            pipeline.execute()

    def last_seen_seconds_ago(self) -> dict[str, float]:
        """Every worker that was there within the last day. By the clocks of two hosts, so that it is about right."""
        rows: Any = self._client.zrange(self._keys.workers, 0, -1, withscores=True)
        now = time.time()
        return {name.decode(): round(max(0.0, now - score), 1) for name, score in rows}

    def is_alive(self, worker: str) -> bool:
        """Whether it was heard of within the last 20 s. Raises what the client raises: no answer is not a no."""
        return bool(self._client.exists(self._keys.presence(worker)))

    def alive(self, workers: Sequence[str]) -> set[str]:
        """Those of them of whom that is true."""
        with self._client.pipeline(transaction=False) as pipeline:
            for worker in workers:
                pipeline.exists(self._keys.presence(worker))
            return {worker for worker, there in zip(workers, pipeline.execute(), strict=True) if there}
