"""A check of the free memory of Redis."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import redis.exceptions
import structlog
from redis.asyncio import Redis

__all__ = ["MemoryGuard"]

# Share of ``maxmemory``. The rest is for the output and the results of accepted jobs.
_SHARE_FOR_NEW_JOBS: Final = 0.9
_CHECK_SECONDS: Final = 1.0
_log = structlog.get_logger(__name__)


class MemoryGuard:
    """Reports when Redis is nearly full, so that the rest of its memory is left for jobs that were accepted.

    Redis itself would accept jobs until no memory is left to finish one. The guard asks Redis at most once a second. A
    server without a memory limit always has room, and so has one that does not answer.

    Args:
        client: Client of the server.
        monotonic: Clock, in seconds.
    """

    def __init__(self, client: Redis, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._monotonic = monotonic
        self._next_check = 0.0
        self._is_full = False

    async def has_room(self) -> bool:
        """Return whether new jobs may be accepted."""
        if self._monotonic() >= self._next_check:
            # Set first: of concurrent requests, only one asks Redis.
            self._next_check = self._monotonic() + _CHECK_SECONDS
            self._is_full = await self._read_is_full()
        return not self._is_full

    async def _read_is_full(self) -> bool:
        try:
            memory: Any = await self._client.info("memory")
        except (redis.exceptions.RedisError, OSError, TimeoutError):
            return False  # the submission itself reports what is wrong
        limit = int(memory.get("maxmemory", 0))
        used = int(memory["used_memory"]) - int(memory.get("mem_not_counted_for_evict", 0))
        is_full = limit > 0 and used > _SHARE_FOR_NEW_JOBS * limit
        if is_full and not self._is_full:
            _log.warning("redis_nearly_full", used_bytes=used, maxmemory=limit)
        return is_full
