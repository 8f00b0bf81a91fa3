"""Viewers that read the same log share its pages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from app.core.errors import StoreUnavailable
from app.core.job.events import LoggedEvent, Output, Stream
from app.store.jobs.output_log import OutputPages

COUNT = 3


class Log:
    """A log whose reads wait until the test sets ``answered``."""

    def __init__(self, events: int) -> None:
        self.written = events
        self.reads = 0
        self.answered = asyncio.Event()
        self.answered.set()
        self.error: Exception | None = None

    async def read(self, job_id: str, after: str | None, count: int) -> Sequence[LoggedEvent]:
        self.reads += 1
        first = 0 if after is None else int(after) + 1
        page = [self._event(number) for number in range(first, min(first + count, self.written))]
        await self.answered.wait()
        if self.error is not None:
            raise self.error
        return page

    @staticmethod
    def _event(number: int) -> LoggedEvent:
        return LoggedEvent(str(number), Output(Stream.STDOUT, b"x" * 1000))


async def test_concurrent_viewers_share_two_reads() -> None:
    log = Log(events=2)
    pages = OutputPages(log.read)

    seen = await asyncio.gather(*(pages.read("job", None, COUNT) for _ in range(100)))

    assert [len(page) for page in seen] == [2] * 100
    assert log.reads == 2  # one for the first viewer, and one for all that requested the page during the first read


async def test_read_returns_events_written_before_the_request() -> None:
    log = Log(events=1)
    pages = OutputPages(log.read)
    log.answered.clear()
    early = asyncio.create_task(pages.read("job", None, COUNT))
    while not log.reads:
        await asyncio.sleep(0)

    log.written = 2
    late = [asyncio.create_task(pages.read("job", None, COUNT)) for _ in range(2)]
    await asyncio.sleep(0)
    log.answered.set()

    assert len(await early) == 1
    assert [len(await read) for read in late] == [2, 2]


async def test_full_pages_are_cached_and_the_last_page_is_not() -> None:
    log = Log(events=COUNT + 1)
    pages = OutputPages(log.read)

    for _ in range(3):
        full = await pages.read("job", None, COUNT)
        assert len(full) == COUNT
        assert len(await pages.read("job", full[-1].cursor, COUNT)) == 1

    assert log.reads == 1 + 3
    assert len(await pages.read("another", None, COUNT)) == COUNT
    assert log.reads == 5


async def test_cache_is_limited_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.jobs.output_log._MAX_CACHED_BYTES", 2 * COUNT * 1_600)
    log = Log(events=COUNT)
    pages = OutputPages(log.read)

    for job_id in ("a", "b", "c", "b", "c", "a"):
        await pages.read(job_id, None, COUNT)

    assert log.reads == 4  # one for each job, and one for job a, which was removed from the cache


async def test_read_error_reaches_all_waiting_viewers_only() -> None:
    log = Log(events=1)
    pages = OutputPages(log.read)
    log.error = StoreUnavailable("gone")

    seen = await asyncio.gather(*(pages.read("job", None, COUNT) for _ in range(3)), return_exceptions=True)

    assert [type(error) for error in seen] == [StoreUnavailable] * 3
    log.error = None
    assert len(await pages.read("job", None, COUNT)) == 1


async def test_cancelled_viewer_does_not_cancel_the_read() -> None:
    log = Log(events=1)
    pages = OutputPages(log.read)
    log.answered.clear()
    leaving, second, staying = (asyncio.create_task(pages.read("job", None, COUNT)) for _ in range(3))
    await asyncio.sleep(0)

    leaving.cancel()
    second.cancel()
    await asyncio.sleep(0)
    log.answered.set()

    assert len(await staying) == 1
