"""Follows the output log of a job to its end. All clients that watch a job are served by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.core.job.events import JobFinished, LoggedEvent
from app.core.job.results import JobRecord
from app.core.states import JobState
from app.store.jobs.job_store import JobStore
from app.store.jobs.wakeups import Watch

__all__ = ["PAGE_EVENTS", "JobFollower"]

# A page has at most 1 MiB. A client that does not read costs this much memory.
PAGE_EVENTS: Final = 16
# The event JobFinished ends a follower. The record is read only in case that event is before the cursor, or expired.
EMPTY_READS_PER_RECORD_CHECK: Final = 10


class JobFollower:
    """A position in the output log of a job.

    Args:
        watch: A watch of the job. Enter it before, so that no wake-up is missed between reading and waiting.
        after: A cursor, or None for the beginning of the log.
        caught_up: Whether the log is known to have no event after the cursor, because the job is submitted after the
            watch was entered.

    Attributes:
        ended: Whether the job has finished and all its events were read.
    """

    def __init__(self, jobs: JobStore, watch: Watch, job_id: str, after: str | None, caught_up: bool = False) -> None:
        self._jobs = jobs
        self._watch = watch
        self._job_id = job_id
        self._cursor = after
        self._caught_up = caught_up
        self._empty_reads = 0
        self.ended = False

    async def read(self, timeout_seconds: float) -> Sequence[LoggedEvent]:
        """Return the next events, or none if there are none within the time.

        Raises:
            InvalidRequest: The cursor is invalid.
            JobNotFound: The job expired.
            StoreUnavailable: Redis did not answer.
        """
        if self._caught_up:
            await self._watch.wait(timeout_seconds)
        return await self._read_page()

    async def read_to_end(self, timeout_seconds: float) -> tuple[Sequence[LoggedEvent], JobRecord | None]:
        """Return the next events as `read` does, and the record if they are the last ones.

        For a watch that wakes up only when the job may have finished: after a wake-up, the record is read together with
        the events.
        """
        if self._caught_up and await self._watch.wait(timeout_seconds):
            page, record = await self._jobs.events_and_record(self._job_id, self._cursor, PAGE_EVENTS)
            self._advance(page)
            return page, record if self.ended else None
        page = await self._read_page()
        return page, await self._jobs.get(self._job_id) if self.ended else None

    async def _read_page(self) -> Sequence[LoggedEvent]:
        page = await self._jobs.events(self._job_id, self._cursor, PAGE_EVENTS)
        self._advance(page)
        if not page:
            await self._check_record()
        return page

    def _advance(self, page: Sequence[LoggedEvent]) -> None:
        self._caught_up = len(page) < PAGE_EVENTS
        if page:
            self._cursor = page[-1].cursor
            self.ended = isinstance(page[-1].event, JobFinished)

    async def _check_record(self) -> None:
        self._empty_reads += 1
        if (self._empty_reads - 1) % EMPTY_READS_PER_RECORD_CHECK:
            return
        record = await self._jobs.get(self._job_id)
        if record.state is not JobState.FINISHED:
            return
        # The job can finish between reading the empty page and reading the record. The log has new events then.
        if await self._jobs.events(self._job_id, self._cursor, 1):
            self._caught_up = False
        else:
            self.ended = True
