"""Streamed batches: one Redis stream for each, with an entry for each job that has finished or was rejected.

The first entry, with the id FIRST_ID, has the fields ``owner`` and ``jobs`` (their number). Every other entry has the
field ``index``, the position of the job in the request, and ``job``, its id, or ``problem``, why it was rejected. The
script that finishes a job adds its entry, so that the order of the entries is the order in which the jobs finish. The
id of an entry is its cursor.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final

import redis.exceptions
from redis.asyncio import Redis

from app.core.errors import IdempotencyMismatch, NotFound
from app.store.connection import translated
from app.store.jobs.output_log import check_cursor
from app.store.jobs.records import batch_retention_seconds
from app.store.jobs.wakeups import Wakeups, Watch
from app.store.keys import StoreKeys

__all__ = ["Batch", "BatchEntry", "BatchStore"]

FIRST_ID: Final = "0-1"


@dataclass(frozen=True, slots=True)
class Batch:
    """A streamed batch.

    Attributes:
        id: The id.
        owner: The caller that may read it.
        jobs: Number of jobs of the request.
    """

    id: str
    owner: str
    jobs: int


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """The end of one job of a batch.

    Attributes:
        cursor: Position of the entry.
        index: Position of the job in the request, from 0.
        job_id: The finished job; None if it was rejected.
        problem: The encoded problem document of a rejected job.
    """

    cursor: str
    index: int
    job_id: str | None
    problem: bytes = b""


class BatchStore:
    """Creates and reads streamed batches. Every method raises StoreUnavailable if Redis does not answer.

    Args:
        client: Redis client.
        keys: Key names.
        wakeups: Subscriptions.
        result_ttl_seconds: How long a finished job is kept.
    """

    def __init__(self, client: Redis, keys: StoreKeys, wakeups: Wakeups, result_ttl_seconds: int) -> None:
        self._client = client
        self._keys = keys
        self._wakeups = wakeups
        self._retention_seconds = batch_retention_seconds(result_ttl_seconds)

    async def create(self, batch: Batch) -> None:
        """Create a batch. Repeating it has no effect.

        Raises:
            IdempotencyMismatch: The batch exists with another number of jobs.
        """
        key = self._keys.batch(batch.id)
        with translated():
            try:
                await self._client.xadd(key, {"owner": batch.owner, "jobs": batch.jobs}, id=FIRST_ID)
                await self._client.expire(key, self._retention_seconds)
            except redis.exceptions.ResponseError as e:
                if "equal or smaller" not in str(e):
                    raise
        if (await self.get(batch.id)).jobs != batch.jobs:
            raise IdempotencyMismatch

    async def get(self, batch_id: str) -> Batch:
        """Return a batch.

        Raises:
            NotFound: It does not exist or has expired.
        """
        with translated():
            entries: Any = await self._client.xrange(self._keys.batch(batch_id), FIRST_ID, FIRST_ID)
        if not entries:
            raise NotFound("no batch has this id, or it has expired")
        ((_, fields),) = entries
        return Batch(batch_id, fields[b"owner"].decode(), int(fields[b"jobs"]))

    async def reject(self, batch_id: str, index: int, problem: bytes) -> None:
        """Add the entry of a rejected job."""
        key = self._keys.batch(batch_id)
        with translated():
            async with self._client.pipeline(transaction=False) as pipeline:
                pipeline.xadd(key, {"index": index, "problem": problem})
                pipeline.publish(self._keys.batch_channel(batch_id), b"")
                await pipeline.execute()

    async def read(self, batch_id: str, after: str | None, count: int) -> Sequence[BatchEntry]:
        """Return up to ``count`` entries after a cursor, oldest first.

        Raises:
            InvalidRequest: The cursor is invalid; names ``after``.
        """
        start = f"({FIRST_ID if after is None else check_cursor(after)}"
        with translated():
            entries: Any = await self._client.xrange(self._keys.batch(batch_id), start, "+", count=count)
        return [_decode_entry(entry_id, fields) for entry_id, fields in entries if b"index" in fields]

    def watch(self, batch_id: str) -> AbstractAsyncContextManager[Watch]:
        """Subscribe to wake-ups of a batch; see `Wakeups.watch`."""
        return self._wakeups.watch(self._keys.batch_channel(batch_id))


def _decode_entry(entry_id: bytes, fields: dict[bytes, bytes]) -> BatchEntry:
    job_id = fields.get(b"job")
    return BatchEntry(
        cursor=entry_id.decode(),
        index=int(fields[b"index"]),
        job_id=None if job_id is None else job_id.decode(),
        problem=fields.get(b"problem", b""),
    )
