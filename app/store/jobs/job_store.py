"""The jobs of the gateway."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from redis.asyncio import Redis

from app.broker import read_ledger_lua
from app.broker.connection import without_retries_async
from app.core.callers import ANONYMOUS, Priority
from app.core.errors import InvalidRequest, JobNotFinished, JobNotFound, NotFound, StorageFull
from app.core.job.events import LoggedEvent
from app.core.job.job_input import Input
from app.core.job.results import JobPage, JobRecord, JobResult, JobSummary, QueuePosition
from app.core.outcomes import Outcome
from app.store.connection import StoreScript, read_lua, translated
from app.store.jobs.job_list import JobList
from app.store.jobs.output_log import OutputPages, check_cursor, decode_entry
from app.store.jobs.records import (
    ENTRY_OVERHEAD_BYTES,
    batch_retention_seconds,
    decode_record,
    encode_result,
    webhook_retention_seconds,
)
from app.store.jobs.wakeups import Wakeups, Watch
from app.store.keys import StoreKeys
from app.store.worker_registry import read_waiting_reason

__all__ = ["JobStore"]

MAX_INPUT_BYTES: Final = 64 * 1024 * 1024
MAX_INPUT_ENTRIES: Final = 256 * 1024
_MINUTE_SECONDS: Final = 60
_STORAGE_RETRY_SECONDS: Final = 5.0
_CANCELLED: Final = JobResult(outcome=Outcome.CANCELLED, message="cancelled before it started")


class JobStore:
    """Reads, watches, cancels and deletes jobs. Every method raises StoreUnavailable if Redis does not answer.

    Args:
        client: Redis client.
        keys: Key names.
        wakeups: Subscriptions to the output of jobs.
        result_ttl_seconds: How long a finished job is kept.
    """

    def __init__(self, client: Redis, keys: StoreKeys, wakeups: Wakeups, result_ttl_seconds: int) -> None:
        self._reads = client
        self._keys = keys
        self._wakeups = wakeups
        self._ttl = result_ttl_seconds
        #: Client that sends every command once.
        self.writes = without_retries_async(client)
        self._send = StoreScript(self.writes, read_ledger_lua() + read_lua("jobs/send"))
        self._delete = StoreScript(self.writes, read_ledger_lua() + read_lua("jobs/delete"))
        self._list = JobList(client, keys)
        self._pages = OutputPages(self._read_page)

    async def get(self, job_id: str) -> JobRecord:
        """Return the record of a job.

        Raises:
            JobNotFound: The job does not exist or has expired.
        """
        with translated():
            fields: Any = await self._reads.hgetall(self._keys.record(job_id))
        return _decode_record(job_id, fields)

    async def events(self, job_id: str, after: str | None, count: int = 100) -> Sequence[LoggedEvent]:
        """Return up to ``count`` events after a cursor, oldest first. Returns no events for an unknown job.

        Raises:
            InvalidRequest: The cursor is invalid; names ``after``.
        """
        return await self._pages.read(job_id, after, count)

    async def events_and_record(
        self, job_id: str, after: str | None, count: int
    ) -> tuple[Sequence[LoggedEvent], JobRecord]:
        """Return up to ``count`` events after a cursor, and the record as it is after these events.

        Raises:
            JobNotFound: The job does not exist or has expired.
            InvalidRequest: The cursor is invalid; names ``after``.
        """
        with translated():
            # Not in a transaction: the record is read after the events.
            async with self._reads.pipeline(transaction=False) as pipeline:
                pipeline.xrange(self._keys.output(job_id), min=_range_start(after), count=count)
                pipeline.hgetall(self._keys.record(job_id))
                entries, fields = await pipeline.execute()
        return _decode_entries(entries), _decode_record(job_id, fields)

    async def artifact(self, job_id: str, name: str) -> bytes:
        """Return the content of an artifact.

        Raises:
            NotFound: The job left no artifact with this name.
        """
        with translated():
            data: Any = await self._reads.hget(self._keys.artifacts(job_id), name)
        if data is None:
            raise NotFound("the job has no artifact with this name")
        return bytes(data)

    def watch(self, job_id: str, end_only: bool = False) -> AbstractAsyncContextManager[Watch]:
        """Subscribe to wake-ups of a job.

        The subscription exists when the context is entered. Wake-ups can be lost or repeated: read the events after
        each wake-up and after each time-out.

        Args:
            job_id: The job, which need not exist yet.
            end_only: Wake up only when the job may have finished.
        """
        return self._wakeups.watch(self._keys.output_channel(job_id), end_only)

    async def send(self, job_id: str, item: Input) -> None:
        """Send input to a job.

        A cancel finishes a queued job at once; the worker of a running job finishes it. A finished job ignores input.

        Raises:
            JobNotFound: The job does not exist or has expired.
            InvalidRequest: The job has received MAX_INPUT_BYTES or MAX_INPUT_ENTRIES inputs; names ``data``.
            StorageFull: The storage quota of the owner is reached.
        """
        keys = self._keys
        with translated():
            reply: Any = await self._send(
                keys=[
                    keys.record(job_id), keys.inputs(job_id), keys.output(job_id), keys.outbox,
                    *map(keys.waiting, Priority),
                ],
                args=[
                    item.kind, item.data, job_id, keys.worker_channel(""), keys.output_channel(job_id),
                    MAX_INPUT_BYTES, MAX_INPUT_ENTRIES, encode_result(_CANCELLED), self._ttl, keys.slots(""),
                    keys.storage(""), ENTRY_OVERHEAD_BYTES, keys.idempotency(""),
                    webhook_retention_seconds(self._ttl), keys.batch(""), keys.batch_channel(""),
                    batch_retention_seconds(self._ttl),
                ],
            )  # fmt: skip
        status, *details = reply
        if status == b"missing":
            raise JobNotFound(job_id)
        if status == b"storage_full":
            stored_bytes, quota_bytes, owner = details
            is_shared = owner.decode() == ANONYMOUS
            raise StorageFull(stored_bytes, quota_bytes, _STORAGE_RETRY_SECONDS, is_shared=is_shared)
        if status == b"full":
            raise InvalidRequest(
                "data", f"a job accepts at most {MAX_INPUT_BYTES} bytes in {MAX_INPUT_ENTRIES} messages"
            )

    async def position(self, job_id: str, priority: Priority = Priority.INTERACTIVE) -> QueuePosition | None:
        """Return the queue position of a job, or None if it is not queued."""
        now = time.time()
        minute = int(now // _MINUTE_SECONDS)
        with translated():
            async with self._reads.pipeline(transaction=False) as pipeline:
                pipeline.zrank(self._keys.waiting(priority), job_id)
                pipeline.zcard(self._keys.waiting(Priority.INTERACTIVE))
                pipeline.mget(self._keys.starts(minute - 1), self._keys.starts(minute))
                rank, interactive, starts = await pipeline.execute()
            if rank is None:
                return None
            waiting_reason = await read_waiting_reason(self._reads, self._keys)
        # Workers serve both lanes, but batch jobs mostly wait for interactive ones.
        before = rank if priority is Priority.INTERACTIVE else rank + interactive
        rate = _starts_per_second(starts, now % _MINUTE_SECONDS)
        estimated_wait_seconds = (before + 1) / rate if rate and waiting_reason is None else None
        return QueuePosition(before=rank, estimated_wait_seconds=estimated_wait_seconds, waiting_reason=waiting_reason)

    async def page(self, owner: str, after: str | None, count: int, is_match: Callable[[JobSummary], bool]) -> JobPage:
        """Return a page of the jobs of an owner, newest first.

        Args:
            owner: The owner.
            after: Cursor of the previous page; None for the first page.
            count: Maximum number of jobs. The page can be shorter, even empty, if more pages follow.
            is_match: Selects the jobs.

        Raises:
            InvalidRequest: The cursor is invalid; names ``after``.
        """
        return await self._list.read_page(owner, after, count, is_match)

    async def unfinished_page(
        self, running_ids: Sequence[str], after: str | None, count: int, is_match: Callable[[JobSummary], bool]
    ) -> JobPage:
        """Return a page of the queued and running jobs of all owners, newest first.

        Args:
            running_ids: Jobs that workers have received and not finished.
            after: As in `page`.
            count: As in `page`.
            is_match: Selects the jobs.

        Raises:
            InvalidRequest: The cursor is invalid; names ``after``.
        """
        return await self._list.read_unfinished_page(running_ids, after, count, is_match)

    async def delete(self, job: JobRecord) -> None:
        """Delete a finished job with its output, input and artifacts.

        Raises:
            JobNotFinished: The job is queued or running.
        """
        keys = self._keys
        job_keys = [keys.record(job.id), keys.owned(job.owner), keys.storage(job.owner)]
        job_keys += [keys.output(job.id), keys.inputs(job.id), keys.artifacts(job.id)]
        with translated():
            args = [job.id, keys.output_entry(job.id), keys.idempotency("")]
            reply: bytes = await self._delete(keys=job_keys, args=args)
        if reply == b"unfinished":
            raise JobNotFinished("cancel it first, or wait for its end")

    async def ping(self) -> None:
        """Check that Redis accepts a write. A server that is full, read-only or loading would answer PING."""
        with translated():
            await self._reads.set(f"{self._keys.namespace}:ping", b"", px=1000)

    async def close(self) -> None:
        """Close the connections of ``writes``. The client of the constructor stays open."""
        await self.writes.connection_pool.disconnect()

    async def _read_page(self, job_id: str, after: str | None, count: int) -> Sequence[LoggedEvent]:
        with translated():
            entries: Any = await self._reads.xrange(self._keys.output(job_id), min=_range_start(after), count=count)
        return _decode_entries(entries)


def _range_start(after: str | None) -> str:
    return "-" if after is None else f"({check_cursor(after)}"


def _decode_entries(entries: Any) -> list[LoggedEvent]:
    return [decode_entry(entry_id, fields) for entry_id, fields in entries]


def _decode_record(job_id: str, fields: dict[bytes, bytes]) -> JobRecord:
    # A hash without ``about`` is the rest of a late write to an expired job.
    if b"about" not in fields:
        raise JobNotFound(job_id)
    return decode_record(job_id, fields)


def _starts_per_second(starts: Sequence[bytes | None], seconds_into_minute: float) -> float:
    """Return the rate of the last 60 s: the current minute, and a share of the previous one."""
    previous, current = (int(count or 0) for count in starts)
    return (current + previous * (1 - seconds_into_minute / _MINUTE_SECONDS)) / _MINUTE_SECONDS
