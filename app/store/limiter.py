"""Token buckets, one for each caller."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from app.core.ports import Allowance
from app.store.faults import translated
from app.store.keys import StoreKeys

__all__ = ["RedisRateLimiter"]

_BUCKET: Final = Path(__file__).with_name("bucket.lua").read_text()
_MICROSECONDS: Final = 1_000_000


class RedisRateLimiter:
    """Implements app.core.ports.RateLimiter.

    Parameters:
        rate_per_minute: tokens that flow into each bucket.
        burst: how many a full bucket holds.
    """

    def __init__(self, client: Redis, keys: StoreKeys, *, rate_per_minute: int, burst: int) -> None:
        self._keys = keys
        self._burst = burst
        self._interval_us = 60 * _MICROSECONDS / rate_per_minute
        self._script: AsyncScript = client.register_script(_BUCKET)

    async def take(self, caller: str, cost: int = 1) -> Allowance:
        """See the port."""
        async with translated():
            reply: Any = await self._script(
                keys=[self._keys.bucket(caller)], args=[self._interval_us, self._burst, cost]
            )
        remaining, reset_us, retry_us = reply
        return Allowance(
            limit=self._burst,
            remaining=max(0, remaining),
            reset_seconds=reset_us / _MICROSECONDS,
            retry_after_seconds=retry_us / _MICROSECONDS,
        )
