"""What many viewers read in the same moment is read once: a page of a job's output log, for whoever asks for it."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from app.core.events import LoggedEvent, Output

__all__ = ["SharedPages"]

# Only as long as viewers who go through a log together need for a page. A log that is emptied for another attempt is
# told by its next page, whatever was shown before.
_KEPT_SECONDS: Final = 1.0
_MOST_KEPT_BYTES: Final = 32 * 1024 * 1024
_EVENT_BYTES: Final = 500  # what an event takes besides its data

Page = Sequence[LoggedEvent]
Place = tuple[str, str | None, int]  # job, cursor, count
Read = Callable[[str, str | None, int], Awaitable[Page]]


class SharedPages:
    """In front of a function that reads pages; belongs to one event loop.

    A full page is the same for everybody, now and later, since logs only grow: it is kept for a moment. What is at
    the end of a log is not: who asks gets a page that was read after he asked, shared with all who asked meanwhile.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._kept = _KeptPages()
        self._reading: dict[Place, asyncio.Task[Page]] = {}
        self._next: dict[Place, asyncio.Task[Page]] = {}

    async def page(self, job_id: str, after: str | None, count: int) -> Page:
        """At most ``count`` events behind the cursor. Raises what the function raises."""
        place = (job_id, after, count)
        kept = self._kept.get(place)
        # One viewer's departure must not take the page from the others.
        return await asyncio.shield(self._task(place)) if kept is None else kept

    def _task(self, place: Place) -> asyncio.Task[Page]:
        running = self._reading.get(place)
        if running is None:
            return self._start(place)
        # It may have been answered before the newest event was written: whoever asks now waits for the one after it.
        if place not in self._next:
            self._next[place] = asyncio.create_task(self._read_after(running, place))
            self._next[place].add_done_callback(_seen)
        return self._next[place]

    def _start(self, place: Place) -> asyncio.Task[Page]:
        task = asyncio.create_task(self._read_and_keep(place))
        self._reading[place] = task
        task.add_done_callback(lambda done: self._forget(place, done))
        return task

    async def _read_after(self, running: asyncio.Task[Page], place: Place) -> Page:
        await asyncio.wait([running])
        del self._next[place]
        kept = self._kept.get(place)
        return await self._start(place) if kept is None else kept

    async def _read_and_keep(self, place: Place) -> Page:
        page = await self._read(*place)
        if len(page) == place[2]:
            self._kept.put(place, page)
        return page

    def _forget(self, place: Place, done: asyncio.Task[Page]) -> None:
        if self._reading.get(place) is done:
            del self._reading[place]
        _seen(done)


class _KeptPages:
    """The latest full pages, for a moment, as long as they are not too much together."""

    def __init__(self) -> None:
        self._pages: OrderedDict[Place, tuple[float, int, Page]] = OrderedDict()
        self._bytes = 0

    def get(self, place: Place) -> Page | None:
        until, _, page = self._pages.get(place, (0.0, 0, ()))
        return page if time.monotonic() < until else None

    def put(self, place: Place, page: Page) -> None:
        self._drop(place)
        size = sum(_size(logged) for logged in page)
        self._pages[place] = (time.monotonic() + _KEPT_SECONDS, size, page)
        self._bytes += size
        for oldest, (until, _, _) in list(self._pages.items()):
            if self._bytes <= _MOST_KEPT_BYTES and time.monotonic() < until:
                return
            self._drop(oldest)

    def _drop(self, place: Place) -> None:
        _, size, _ = self._pages.pop(place, (0.0, 0, ()))
        self._bytes -= size


def _size(logged: LoggedEvent) -> int:
    return _EVENT_BYTES + (len(logged.event.data) if isinstance(logged.event, Output) else 0)


def _seen(done: asyncio.Task[Page]) -> None:
    """Its error was told to who asked; if they have all gone, there is nobody to complain to."""
    if not done.cancelled():
        done.exception()
