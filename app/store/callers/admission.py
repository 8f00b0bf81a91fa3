"""Admission of jobs: token buckets, concurrency slots and the free memory of Redis."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import cachetools
import redis.exceptions
import structlog
from redis.asyncio import Redis

from app.broker import Precondition, read_ledger_lua
from app.core.callers import Caller
from app.core.errors import RateLimit, RateLimited, StorageFull, TooManyJobs
from app.store.connection import StoreScript, read_lua, translated
from app.store.keys import StoreKeys

__all__ = ["SLOT_SECONDS", "Bucket", "MemoryGuard", "RateLimiter", "buckets_of_caller"]

#: A job that is still unfinished after this time no longer occupies a slot.
SLOT_SECONDS: Final = 86_400
_MICROSECONDS: Final = 1_000_000
_TOO_MANY_JOBS_RETRY_SECONDS: Final = 2.0
# If no kept job of the owner expires: jobs have to finish first.
_STORAGE_RETRY_SECONDS: Final = 5.0
_MIN_RETRY_SECONDS: Final = 1e-6
# A shared bucket holds the tokens of this many seconds, but at least enough for several batches.
_SHARED_BURST_SECONDS: Final = 2
_MIN_SHARED_BURST: Final = 1_000
# Uploads of files that a caller may send for each submission.
_UPLOADS_PER_JOB: Final = 20
_MAX_CACHED_REJECTIONS: Final = 10_000
# Share of ``maxmemory``. The rest is for the output and the results of accepted jobs.
_SHARE_FOR_NEW_JOBS: Final = 0.9
_CHECK_SECONDS: Final = 1.0
# Share of the free memory that one process may fill between two checks: other gateway processes do the same.
_SHARE_BETWEEN_CHECKS: Final = 0.25
# While a job is sent, Redis holds it in the buffer of the connection, as an argument of the script and as a value.
_COPIES_OF_SENT_JOB: Final = 3
_log: Final = structlog.get_logger(__name__)

_ADMISSION: Final = read_ledger_lua() + read_lua("callers/admission")
_CHARGE: Final = f"""
local function admit(keys, args)
{_ADMISSION}
end
local _, reply = admit(KEYS, ARGV)
return reply
"""


class Bucket(NamedTuple):
    """A token bucket.

    Attributes:
        name: Identifies the bucket in its Redis key.
        rate_per_minute: Tokens that flow in.
        burst: Tokens that it holds.
    """

    name: str
    rate_per_minute: int
    burst: int


class _Rejection(NamedTuple):
    """A rejection that stays true until ``retry_at`` (monotonic clock, seconds): an empty bucket stays empty."""

    retry_at: float
    rate_limit: RateLimit
    full_at: float


class RateLimiter:
    """Token buckets and concurrency slots of callers.

    Args:
        client: Sends every command once.
        keys: Names of the Redis keys.
        global_rate_per_minute: Submissions per minute of all callers together.
    """

    def __init__(self, client: Redis, keys: StoreKeys, *, global_rate_per_minute: int) -> None:
        self._keys = keys
        self._global_rate = global_rate_per_minute
        self._charge = StoreScript(client, _CHARGE)
        # A caller that has no tokens left is rejected without a request to Redis, before its body is read.
        self._rejections: cachetools.TLRUCache[tuple[str, str], _Rejection] = cachetools.TLRUCache(
            _MAX_CACHED_REJECTIONS, ttu=lambda _key, rejection, _now: rejection.retry_at, timer=time.monotonic
        )

    def precondition(self, caller: Caller, size_bytes: int = 0) -> Precondition:
        """Return the precondition of the script that enqueues a job.

        It takes a token and checks that the caller has a free slot and that its storage quota has room for the job.

        Args:
            caller: The caller.
            size_bytes: Size of the job as `stored_bytes` counts it.
        """
        buckets = buckets_of_caller(caller, self._global_rate)
        return self._admission(caller, buckets, (caller.tier.unfinished_jobs, size_bytes, caller.tier.storage_bytes))

    def read_reply(self, caller: Caller, reply: Sequence[Any], called_at: float) -> RateLimit:
        """Read the reply of the admission script.

        Args:
            caller: The caller whose tokens were taken.
            reply: The reply of the script.
            called_at: Monotonic time before the script was called, in seconds.

        Returns:
            The state of the token bucket after the submission.

        Raises:
            RateLimited: A token bucket is empty.
            TooManyJobs: The caller has as many unfinished jobs as its tier allows.
            StorageFull: The job does not fit into the storage quota of the caller.
        """
        buckets = buckets_of_caller(caller, self._global_rate)
        status, empty_bucket, stored, next_release_ms, *states = reply
        rate_limit = _rate_limit(buckets, empty_bucket, states)
        if status == b"too_many_jobs":
            raise TooManyJobs(_TOO_MANY_JOBS_RETRY_SECONDS, rate_limit)
        if status == b"storage_full":
            retry_seconds = _STORAGE_RETRY_SECONDS if next_release_ms < 0 else next_release_ms / 1000
            quota = caller.tier.storage_bytes
            raise StorageFull(stored, quota, retry_seconds, rate_limit, is_shared=caller.is_anonymous)
        if status == b"rate_limited":
            retry_seconds = max(_MIN_RETRY_SECONDS, max(states[2::3]) / _MICROSECONDS)
            self._rejections[caller.account, caller.address] = _Rejection(
                called_at + retry_seconds, rate_limit, called_at + rate_limit.reset_seconds
            )
            raise RateLimited(retry_seconds, rate_limit)
        return rate_limit

    async def charge(self, caller: Caller) -> RateLimit:
        """Take a token for a request that was rejected.

        Returns:
            The state of the token bucket afterwards.

        Raises:
            RateLimited: A token bucket is empty.
            StoreUnavailable: Redis did not answer.
        """
        self.check_cached_rejection(caller)
        called_at = time.monotonic()
        admission = self._admission(caller, buckets_of_caller(caller, self._global_rate), ("", "", ""))
        with translated():
            reply = await self._charge(admission.keys, admission.args)
        return self.read_reply(caller, reply, called_at)

    async def charge_upload(self, caller: Caller) -> None:
        """Take a token for the upload of a file. A job can refer to many files, so there are more than for jobs.

        Raises:
            RateLimited: The caller has no token left.
            StoreUnavailable: Redis did not answer.
        """
        tier = caller.tier
        rate, burst = tier.rate_per_minute * _UPLOADS_PER_JOB, tier.burst * _UPLOADS_PER_JOB
        admission = self._admission(caller, [Bucket(f"upload:{caller.account}", rate, burst)], ("", "", ""))
        with translated():
            status, *_, wait_us = await self._charge(admission.keys, admission.args)
        if status == b"rate_limited":
            raise RateLimited(max(_MIN_RETRY_SECONDS, wait_us / _MICROSECONDS))

    def check_cached_rejection(self, caller: Caller) -> None:
        """Reject a caller whose bucket is known to be empty. Sends nothing to Redis.

        Raises:
            RateLimited: A token bucket of the caller was found empty, and no token has flowed in since.
        """
        rejection = self._rejections.get((caller.account, caller.address))
        if rejection is None:
            return
        now = time.monotonic()
        limit, remaining = rejection.rate_limit.limit, rejection.rate_limit.remaining
        rate_limit = RateLimit(limit=limit, remaining=remaining, reset_seconds=max(0.0, rejection.full_at - now))
        raise RateLimited(max(_MIN_RETRY_SECONDS, rejection.retry_at - now), rate_limit)

    def _admission(self, caller: Caller, buckets: Sequence[Bucket], limits: Sequence[str | int]) -> Precondition:
        """Build the admission.

        Args:
            caller: The caller.
            buckets: Its token buckets.
            limits: Maximum number of unfinished jobs, size of the job and storage quota in bytes.
        """
        keys = [self._keys.slots(caller.account), self._keys.storage(caller.owner)]
        keys += [self._keys.bucket(bucket.name) for bucket in buckets]
        args: list[str | float] = [*limits, SLOT_SECONDS * 1000]
        for bucket in buckets:
            args += (60 * _MICROSECONDS / bucket.rate_per_minute, bucket.burst)
        return Precondition(_ADMISSION, keys, args)


def buckets_of_caller(caller: Caller, global_rate_per_minute: int) -> list[Bucket]:
    """Return the buckets that a submission takes a token from. The last one is shared by all callers."""
    tier = caller.tier
    buckets = [Bucket(caller.account, tier.rate_per_minute, tier.burst)]
    if not caller.is_anonymous:
        rate = tier.address_rate_per_minute
        buckets.append(Bucket(f"{tier.name}:{caller.address}", rate, _shared_burst(rate)))
    buckets.append(Bucket("all", global_rate_per_minute, _shared_burst(global_rate_per_minute)))
    return buckets


def _shared_burst(rate_per_minute: int) -> int:
    return max(_MIN_SHARED_BURST, rate_per_minute * _SHARED_BURST_SECONDS // 60)


def _rate_limit(buckets: Sequence[Bucket], empty_bucket: int, states: Sequence[int]) -> RateLimit:
    tokens = [(states[3 * i], states[3 * i + 1], bucket.burst) for i, bucket in enumerate(buckets)]
    # The bucket of all callers is reported only if it is the one that rejected the job.
    reported = tokens if empty_bucket == len(buckets) else tokens[:-1]
    remaining, reset_us, limit = min(reported)
    return RateLimit(limit=limit, remaining=remaining, reset_seconds=reset_us / _MICROSECONDS)


class MemoryGuard:
    """Reports when Redis is nearly full, so that the rest of its memory is left for jobs that were accepted.

    Redis itself would accept jobs until no memory is left to finish one. The guard queries Redis once a second, and
    earlier if the jobs since the last query take a quarter of the memory that was free. A server without a memory limit
    always has room. A server that does not answer counts as having room.

    Args:
        client: Client of the server.
        monotonic: Clock, in seconds.
    """

    def __init__(self, client: Redis, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._monotonic = monotonic
        self._next_check = 0.0
        self._free_bytes = math.inf
        self._written_bytes = 0  # since the last check
        self._sending_bytes = 0
        self._checking = asyncio.Lock()

    @asynccontextmanager
    async def reserve(self, size_bytes: int) -> AsyncIterator[bool]:
        """Reserve memory for a job while it is sent to Redis.

        Args:
            size_bytes: Size of the job.

        Yields:
            Whether there is room for the job. If not, the caller must not send it.
        """
        if not await self._has_room(size_bytes):
            yield False
            return
        self._sending_bytes += size_bytes
        try:
            yield True
        finally:
            self._sending_bytes -= size_bytes
            self._written_bytes += size_bytes

    async def _has_room(self, size_bytes: int) -> bool:
        if self._is_check_due(size_bytes):
            # Others wait for the result: they must not send their jobs before it is known.
            async with self._checking:
                if self._is_check_due(size_bytes):
                    self._free_bytes, self._written_bytes = await self._read_free_bytes(), 0
                    self._next_check = self._monotonic() + _CHECK_SECONDS
        return self._needed_bytes(size_bytes) <= self._free_bytes

    def _is_check_due(self, size_bytes: int) -> bool:
        is_quarter_taken = 0 < self._free_bytes * _SHARE_BETWEEN_CHECKS < self._written_bytes + size_bytes
        return self._monotonic() >= self._next_check or is_quarter_taken

    def _needed_bytes(self, size_bytes: int) -> int:
        return self._written_bytes + _COPIES_OF_SENT_JOB * (self._sending_bytes + size_bytes)

    async def _read_free_bytes(self) -> float:
        """Return the bytes that new jobs may take. Negative if more is in use already."""
        try:
            memory: Any = await self._client.info("memory")
        except (redis.exceptions.RedisError, OSError, TimeoutError):
            return math.inf  # the submission itself reports the error
        limit = int(memory.get("maxmemory", 0))
        if limit == 0:
            return math.inf
        used = int(memory["used_memory"]) - int(memory.get("mem_not_counted_for_evict", 0))
        free = _SHARE_FOR_NEW_JOBS * limit - used
        if free < 0 <= self._free_bytes:
            _log.warning("redis_nearly_full", used_bytes=used, maxmemory=limit)
        return free
