"""The list of jobs of an owner, and of the unfinished jobs of all owners."""

from __future__ import annotations

import heapq
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis

from app.core.callers import Priority
from app.core.errors import InvalidRequest
from app.core.job.results import JobPage, JobSummary
from app.core.states import JobState
from app.store.connection import translated
from app.store.jobs.records import SUMMARY_FIELDS, decode_summary
from app.store.keys import StoreKeys

__all__ = ["JobList"]

_CURSOR: Final = re.compile(r"([0-9]{1,16})-([A-Za-z0-9_-]{1,64})")
_CHUNK: Final = 100
# A filter that no job matches must not read the whole history of a caller in one request.
_MAX_CHUNKS: Final = 10


class _Entry(NamedTuple):
    """An entry of the index, in its order."""

    created_at_ms: int
    job_id: str


class JobList:
    """Reads indexes of jobs, and the fields of each job that a list shows."""

    def __init__(self, client: Redis, keys: StoreKeys) -> None:
        self._client = client
        self._keys = keys

    async def read_page(
        self, owner: str, after: str | None, count: int, is_match: Callable[[JobSummary], bool]
    ) -> JobPage:
        """Return a page of jobs of an owner; see `JobStore.page`."""
        index = self._keys.owned(owner)

        async def forget(expired: list[str]) -> None:
            with translated():
                await self._client.zrem(index, *expired)

        return await self._read_page(
            lambda position: self._read_entries(index, position), after, count, is_match, forget
        )

    async def read_unfinished_page(
        self, running_ids: Sequence[str], after: str | None, count: int, is_match: Callable[[JobSummary], bool]
    ) -> JobPage:
        """Return a page of the unfinished jobs of all owners; see `JobStore.unfinished_page`."""
        running = await self._read_creation_times(running_ids)

        async def read_entries(position: _Entry | None) -> list[_Entry]:
            entries = {entry for entry in running if position is None or entry < position}
            for priority in Priority:
                entries.update(await self._read_entries(self._keys.waiting(priority), position))
            return heapq.nlargest(_CHUNK, entries)

        async def ignore(expired: list[str]) -> None:
            pass

        def is_unfinished(job: JobSummary) -> bool:
            return job.state is not JobState.FINISHED and is_match(job)

        return await self._read_page(read_entries, after, count, is_unfinished, ignore)

    async def _read_page(
        self,
        read_entries: Callable[[_Entry | None], Awaitable[list[_Entry]]],
        after: str | None,
        count: int,
        is_match: Callable[[JobSummary], bool],
        on_expired: Callable[[list[str]], Awaitable[None]],
    ) -> JobPage:
        position = None if after is None else _parse_cursor(after)
        jobs: list[JobSummary] = []
        for _ in range(_MAX_CHUNKS):
            entries = await read_entries(position)
            for position, summary in zip(entries, await self._read_summaries(entries, on_expired), strict=True):
                if summary is not None and is_match(summary):
                    jobs.append(summary)
                    if len(jobs) == count:
                        return JobPage(jobs=tuple(jobs), next=_format_cursor(position))
            if len(entries) < _CHUNK:
                return JobPage(jobs=tuple(jobs), next=None)
        return JobPage(jobs=tuple(jobs), next=_format_cursor(position))

    async def _read_creation_times(self, job_ids: Sequence[str]) -> list[_Entry]:
        if not job_ids:
            return []
        with translated():
            async with self._client.pipeline(transaction=False) as pipeline:
                for job_id in job_ids:
                    pipeline.hget(self._keys.record(job_id), "created_at_ms")
                times = await pipeline.execute()
        return [_Entry(int(time), job_id) for job_id, time in zip(job_ids, times, strict=True) if time is not None]

    async def _read_entries(self, index: str, after: _Entry | None) -> list[_Entry]:
        """Return the next chunk, newest first. Jobs of the same millisecond are in reverse order of their ids."""
        entries: list[_Entry] = []
        offset = 0
        while len(entries) < _CHUNK:
            batch = await self._read_range(index, "+inf" if after is None else after.created_at_ms, offset)
            entries += [entry for entry in batch if after is None or entry < after]
            if len(batch) < _CHUNK:
                break
            offset += _CHUNK
        return entries[:_CHUNK]

    async def _read_range(self, index: str, max_score: int | str, offset: int) -> list[_Entry]:
        with translated():
            rows: Any = await self._client.zrevrangebyscore(
                index, max_score, "-inf", start=offset, num=_CHUNK, withscores=True
            )
        return [_Entry(int(score), job_id.decode()) for job_id, score in rows]

    async def _read_summaries(
        self, entries: Sequence[_Entry], on_expired: Callable[[list[str]], Awaitable[None]]
    ) -> list[JobSummary | None]:
        if not entries:
            return []
        with translated():
            async with self._client.pipeline(transaction=False) as pipeline:
                for entry in entries:
                    pipeline.hmget(self._keys.record(entry.job_id), SUMMARY_FIELDS)
                rows = await pipeline.execute()
        summaries = [decode_summary(entry.job_id, row) for entry, row in zip(entries, rows, strict=True)]
        expired = [entry.job_id for entry, summary in zip(entries, summaries, strict=True) if summary is None]
        if expired:
            await on_expired(expired)
        return summaries


def _parse_cursor(cursor: str) -> _Entry:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise InvalidRequest("after", "must be the cursor of an earlier page")
    return _Entry(int(match[1]), match[2])


def _format_cursor(entry: _Entry | None) -> str | None:
    return None if entry is None else f"{entry.created_at_ms}-{entry.job_id}"
