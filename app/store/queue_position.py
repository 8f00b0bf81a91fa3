"""Where a job stands in the line, and how fast the line moves."""

from __future__ import annotations

import time
from typing import Any, Final

from redis.asyncio import Redis

from app.core.callers import Priority
from app.core.results import QueuePosition
from app.store.connection import translated
from app.store.keys import StoreKeys

__all__ = ["QueuePositions"]

_MINUTE_SECONDS: Final = 60


class QueuePositions:
    """The jobs that wait."""

    def __init__(self, client: Redis, keys: StoreKeys) -> None:
        self._client = client
        self._keys = keys

    async def position(self, job_id: str, priority: Priority) -> QueuePosition | None:
        """Where a job stands, in one round trip; None when it does not wait."""
        now = time.time()
        minute = int(now // _MINUTE_SECONDS)
        with translated():
            async with self._client.pipeline(transaction=False) as pipeline:
                pipeline.zrank(self._keys.waiting(priority), job_id)
                pipeline.zcard(self._keys.waiting(Priority.INTERACTIVE))
                pipeline.mget(self._keys.begun(minute - 1), self._keys.begun(minute))
                rank, interactive, begun = await pipeline.execute()
        if rank is None:
            return None
        # Others are served in between, but mostly it is batch work that waits for them.
        before = rank if priority is Priority.INTERACTIVE else rank + interactive
        pace = _begun_each_second(begun, now % _MINUTE_SECONDS)
        return QueuePosition(before=rank, estimated_wait_seconds=(before + 1) / pace if pace else None)


def _begun_each_second(begun: list[Any], seconds_into_minute: float) -> float:
    """Over the last minute: all of this one, and of the one before what is not yet a minute ago."""
    previous, current = (int(count or 0) for count in begun)
    return (current + previous * (1 - seconds_into_minute / _MINUTE_SECONDS)) / _MINUTE_SECONDS
