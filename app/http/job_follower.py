"""Reads the output log of one job to its end, waiting where there is nothing new. Every viewer is built on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.core.events import JobFinished, LoggedEvent
from app.core.states import JobState
from app.store.jobs import JobStore
from app.store.wakeups import Watch

__all__ = ["PAGE_EVENTS", "JobFollower"]

# At most 2 MiB: so much a viewer who takes nothing has in memory.
PAGE_EVENTS: Final = 32
# The last event ends a viewer. The record is asked only in case that event is behind the cursor, or expired.
EMPTY_READS_BETWEEN_CHECKS: Final = 10


class JobFollower:
    """A position in a job's log. The watch has to be entered before, so that nothing falls between the two.

    Parameters:
        caught_up: nothing can be behind the position yet: the job was submitted after the watch was entered.
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
        """The next events, or none when the time is up. After ``ended`` there will be no more.

        Raises:
            JobNotFound: the job has expired meanwhile.
            StoreUnavailable, InvalidRequest: as :meth:`Jobs.events`.
        """
        if self._caught_up:
            await self._watch.wait(timeout_seconds)
        page = await self._next_page()
        if not page:
            await self._check_for_end()
        return page

    async def _next_page(self) -> Sequence[LoggedEvent]:
        page = await self._jobs.events(self._job_id, self._cursor, PAGE_EVENTS)
        self._caught_up = len(page) < PAGE_EVENTS
        if page:
            self._cursor = page[-1].cursor
            self.ended = isinstance(page[-1].event, JobFinished)
        return page

    async def _check_for_end(self) -> None:
        self._empty_reads += 1
        if (self._empty_reads - 1) % EMPTY_READS_BETWEEN_CHECKS:
            return
        record = await self._jobs.get(self._job_id)
        if record.state is not JobState.FINISHED:
            return
        # It may have finished between the empty page and the record: then there is something to read after all.
        if await self._jobs.events(self._job_id, self._cursor, 1):
            self._caught_up = False
        else:
            self.ended = True
