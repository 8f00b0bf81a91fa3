"""Sends the events of a job over a WebSocket, in the message format of any API.

There is no queue between the output log and the socket: the next page is read after the previous one was sent. A slow
consumer therefore costs one page of memory and never slows the job down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Final

import falcon
import structlog
from falcon.asgi import WebSocket

from app.core.job.events import LoggedEvent
from app.http.jobs.job_follower import JobFollower
from app.http.middleware.draining import Lifecycle
from app.http.settings import POLL_SECONDS, HttpSettings
from app.store.jobs.job_store import JobStore
from app.store.jobs.wakeups import Watch

__all__ = ["FINISHED", "SERVICE_RESTART", "SLOW_CONSUMER", "CloseFrame", "JobEventSender", "run_until_first"]

# RFC 6455, section 7.4.1, and the IANA registry of WebSocket close codes.
FINISHED: Final = 1000
SERVICE_RESTART: Final = 1012
SLOW_CONSUMER: Final = 4408  # private use: 4000 plus the HTTP status 408, Request Timeout
_CANCEL_RETRY_SECONDS: Final = 0.05

_log = structlog.get_logger("pyxec.http")


@dataclass(frozen=True)
class CloseFrame:
    """How the server closes a WebSocket.

    Attributes:
        code: The close code.
        reason: A short text for people, at most 123 bytes (RFC 6455, section 5.5).
        final_message: A text message to send before the close frame, if any.
    """

    code: int
    reason: str
    final_message: str | None = None


class JobEventSender:
    """Sends the events of one job on an accepted socket."""

    def __init__(self, socket: WebSocket, jobs: JobStore, settings: HttpSettings, lifecycle: Lifecycle) -> None:
        self._socket = socket
        self._jobs = jobs
        self._settings = settings
        self._lifecycle = lifecycle

    async def send_events(
        self, job_id: str, watch: Watch, after: str | None, encode: Callable[[LoggedEvent], Iterable[str]]
    ) -> CloseFrame:
        """Send all events after a cursor until the job has finished.

        Args:
            watch: An entered watch of the job.
            after: A cursor, or None for the beginning of the output log.
            encode: Returns the messages of an event, in order.

        Returns:
            Why sending ended: the job has finished, the server is stopping, or the client is too slow.

        Raises:
            falcon.WebSocketDisconnected: The client closed the connection.
            InvalidRequest: The cursor is invalid.
            JobNotFound: The job expired.
            StoreUnavailable: Redis did not answer.
        """
        follower = JobFollower(self._jobs, watch, job_id, after)
        while not follower.ended:
            if self._lifecycle.stopping:
                return CloseFrame(SERVICE_RESTART, "server restarting: reconnect with the last cursor")
            for logged in await follower.read(POLL_SECONDS):
                for message in encode(logged):
                    if not await self.send(message):
                        return self._slow_consumer()
        return CloseFrame(FINISHED, "the job has finished")

    async def send(self, message: str) -> bool:
        """Send a text message. Returns False if the client did not read it within ``slow_consumer_seconds``."""
        try:
            async with asyncio.timeout(self._settings.slow_consumer_seconds):
                await self._socket.send_text(message)
        except TimeoutError:
            return False
        return True

    async def close(self, frame: CloseFrame) -> None:
        """Close the socket. Drop the connection if the client does not read the close frame in ``close_seconds``."""
        try:
            async with asyncio.timeout(self._settings.close_seconds):
                if frame.final_message is not None:
                    await self._socket.send_text(frame.final_message)
                await self._socket.close(frame.code, frame.reason)
        except (TimeoutError, OSError, falcon.WebSocketDisconnected):
            _log.info("websocket_dropped", code=frame.code)

    def _slow_consumer(self) -> CloseFrame:
        seconds = self._settings.slow_consumer_seconds
        reason = f"slow consumer: nothing was read for {seconds:g} s; reconnect with the last cursor"
        return CloseFrame(SLOW_CONSUMER, reason)


async def run_until_first(
    send: Coroutine[Any, Any, CloseFrame], receive: Coroutine[Any, Any, CloseFrame]
) -> CloseFrame:
    """Run both coroutines until one returns, and cancel the other. If both have returned, ``send`` takes precedence."""
    tasks = [asyncio.create_task(send), asyncio.create_task(receive)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        await _cancel(tasks)


async def _cancel(tasks: Collection[asyncio.Task[CloseFrame]]) -> None:
    """Cancel the tasks repeatedly until they have ended.

    Before Python 3.12, ``asyncio.wait_for`` (used by redis-py to send) can swallow a cancellation that arrives when it
    is about to return.
    """
    while unfinished := [task for task in tasks if not task.done()]:
        for task in unfinished:
            task.cancel()
        await asyncio.wait(unfinished, timeout=_CANCEL_RETRY_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
