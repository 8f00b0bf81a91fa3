"""Keeps the last of Redis' memory for jobs that were accepted: their output and their results have to go somewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import redis.exceptions
import structlog
from redis.asyncio import Redis

from app.core.errors import QueueFull
from app.core.submission import AdmissionRequest, NewJob
from app.store.jobs import JobQueue

__all__ = ["MemoryGuard"]

#: Of ``maxmemory``. What is left above it, jobs that run fill and those that end give back after their time.
_SHARE_FOR_NEW_JOBS: Final = 0.9
_LOOK_SECONDS: Final = 1.0
_log = structlog.get_logger(__name__)


class MemoryGuard:
    """A queue in front of the queue: it refuses new jobs while Redis is nearly full.

    Redis by itself would take jobs until there is no room to finish any of them. It is asked once a second at most; one
    without a limit, or whose answer is not given to us, refuses nothing here.

    Parameters:
        monotonic: seconds.
    """

    def __init__(self, queue: JobQueue, client: Redis, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._queue = queue
        self._client = client
        self._monotonic = monotonic
        self._look_at = 0.0
        self._is_full = False

    async def put(self, job: NewJob, entrance: AdmissionRequest | None = None) -> bool:
        """See the protocol."""
        if self._monotonic() >= self._look_at:
            # Set first: of many requests at a time one looks, and the others go by what is known.
            self._look_at = self._monotonic() + _LOOK_SECONDS
            self._is_full = await self._look()
        if self._is_full:
            raise QueueFull("Redis is nearly out of memory: what is left of it is for the jobs that were accepted")
        return await self._queue.put(job, entrance)

    async def _look(self) -> bool:
        try:
            memory: Any = await self._client.info("memory")
        except (redis.exceptions.RedisError, OSError, TimeoutError):
            # To submit will tell what is wrong, if anything is.
            return False
        limit = int(memory.get("maxmemory", 0))
        used = int(memory["used_memory"]) - int(memory.get("mem_not_counted_for_evict", 0))
        is_full = limit > 0 and used > _SHARE_FOR_NEW_JOBS * limit
        if is_full and not self._is_full:
            _log.warning("redis_nearly_full", used_bytes=used, maxmemory=limit)
        return is_full
