"""Tells a job over a WebSocket, in whatever words an API has for it.

There is no queue between the log and the socket: the next page is read when the last one has been taken. So a slow
viewer costs one page of memory and never slows the job, and one that takes nothing at all is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Final

import falcon
import structlog
from falcon.asgi import WebSocket

from app.core.events import LoggedEvent
from app.http.job_follower import Follower
from app.http.middleware.draining import Lifecycle
from app.http.settings import READ_AGAIN_SECONDS, HttpSettings
from app.store.jobs import JobStore
from app.store.wakeups import Watch

__all__ = ["FINISHED", "SERVICE_RESTART", "SLOW_VIEWER", "Ending", "JobStreamer", "first_of"]

FINISHED: Final = 1000
SERVICE_RESTART: Final = 1012
SLOW_VIEWER: Final = 4408
_CANCEL_AGAIN_SECONDS: Final = 0.05

_log = structlog.get_logger("pyxec.http")


@dataclass(frozen=True)
class Ending:
    """Why a socket is closed; ``last`` is sent before, where there is something to say."""

    code: int
    reason: str
    last: str | None = None


class JobStreamer:
    """An accepted socket that is told of one job."""

    def __init__(self, socket: WebSocket, jobs: JobStore, settings: HttpSettings, lifecycle: Lifecycle) -> None:
        self._socket = socket
        self._jobs = jobs
        self._settings = settings
        self._lifecycle = lifecycle

    async def tell(
        self, job_id: str, watch: Watch, after: str | None, words: Callable[[LoggedEvent], Iterable[str]]
    ) -> Ending:
        """Everything behind the cursor, to the end of the job, unless the viewer or this server goes first.

        Parameters:
            words: the messages that an event is told with, in order.
        """
        follower = Follower(self._jobs, watch, job_id, after)
        while not follower.ended:
            if self._lifecycle.stopping:
                return Ending(SERVICE_RESTART, "server restarting: reconnect with the last cursor")
            for logged in await follower.read(READ_AGAIN_SECONDS):
                for message in words(logged):
                    if not await self.is_taken(message):
                        return self._slow_consumer()
        return Ending(FINISHED, "the job has finished")

    def _slow_consumer(self) -> Ending:
        seconds = self._settings.slow_viewer_seconds
        return Ending(SLOW_VIEWER, f"slow consumer: nothing was read for {seconds:g} s; reconnect with the last cursor")

    async def is_taken(self, message: str) -> bool:
        """Send it; False if the viewer has not taken it in its time."""
        try:
            async with asyncio.timeout(self._settings.slow_viewer_seconds):
                await self._socket.send_text(message)
        except TimeoutError:
            return False
        return True

    async def close(self, ending: Ending) -> None:
        """Say why and close. To a viewer that takes nothing even that cannot be said for ever."""
        try:
            async with asyncio.timeout(self._settings.close_seconds):
                if ending.last is not None:
                    await self._socket.send_text(ending.last)
                await self._socket.close(ending.code, ending.reason)
        except (TimeoutError, OSError, falcon.WebSocketDisconnected):
            _log.info("websocket_dropped", code=ending.code)


async def first_of(show: Coroutine[Any, Any, Ending], listen: Coroutine[Any, Any, Ending]) -> Ending:
    """Run both until one ends, and end the other. When both have ended, what was shown decides."""
    tasks = [asyncio.create_task(show), asyncio.create_task(listen)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        await _end(tasks)


async def _end(tasks: Collection[asyncio.Task[Ending]]) -> None:
    """Cancel them, for as long as it takes: before Python 3.12, wait_for, by which redis-py sends, swallows a
    cancellation that comes just as it ends."""
    while unfinished := [task for task in tasks if not task.done()]:
        for task in unfinished:
            task.cancel()
        await asyncio.wait(unfinished, timeout=_CANCEL_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
