"""One WebSocket on one job: events go out, what the viewer sends goes to the job, and one reason ends it.

There is no queue between the log and the socket: the next page is read when the last one has been taken. So a slow
viewer costs one page of memory and never slows the job, and one that takes nothing at all is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

import falcon
import structlog
from falcon.asgi import WebSocket

from app.core.callers import Caller
from app.core.errors import InvalidRequest
from app.core.ports import Jobs, Watch
from app.http.following import Follower
from app.http.lifecycle import Lifecycle
from app.http.messages import encode_error, encode_event, read_client_message
from app.http.ownership import own_job
from app.http.problems import Problem, close_code_of, problem_of
from app.http.settings import READ_AGAIN_SECONDS, HttpSettings

__all__ = ["Ending", "Viewer", "ending_of"]

FINISHED: Final = 1000
MESSAGE_TOO_BIG: Final = 1009
SERVICE_RESTART: Final = 1012
BAD_MESSAGE: Final = 4400
SLOW_VIEWER: Final = 4408

_log = structlog.get_logger("pyxec.http")


@dataclass(frozen=True)
class Ending:
    """Why a socket is closed; ``problem`` is sent before, where there is one."""

    code: int
    reason: str
    problem: Problem | None = None


class Viewer:
    """An accepted socket and the job it shows."""

    def __init__(
        self, socket: WebSocket, jobs: Jobs, job_id: str, settings: HttpSettings, lifecycle: Lifecycle
    ) -> None:
        self._socket = socket
        self._jobs = jobs
        self._job_id = job_id
        self._settings = settings
        self._lifecycle = lifecycle

    async def serve(self, caller: Caller, after: str | None, request_id: str) -> Ending | None:
        """Show the job to its end.

        Returns:
            How to close the socket, or None when the viewer has closed it.
        """
        try:
            await own_job(self._jobs, self._job_id, caller)
            async with self._jobs.watch(self._job_id) as watch:
                return await _first_of(self._show(watch, after), self._listen(request_id))
        except falcon.WebSocketDisconnected:
            return None
        except Exception as e:  # noqa: BLE001 - the edge of the request: told, logged, over
            return ending_of(e, request_id)

    async def close(self, ending: Ending) -> None:
        """Say why and close. To a viewer that takes nothing even that cannot be said for ever."""
        try:
            async with asyncio.timeout(self._settings.close_seconds):
                if ending.problem is not None:
                    await self._socket.send_text(encode_error(ending.problem).decode())
                await self._socket.close(ending.code, ending.reason)
        except (TimeoutError, OSError, falcon.WebSocketDisconnected):
            _log.info("viewer_dropped", job_id=self._job_id, code=ending.code)

    async def _show(self, watch: Watch, after: str | None) -> Ending:
        follower = Follower(self._jobs, watch, self._job_id, after)
        while not follower.ended:
            if self._lifecycle.stopping:
                return Ending(SERVICE_RESTART, "the server restarts: connect again with the last cursor")
            for logged in await follower.read(READ_AGAIN_SECONDS):
                if not await self._is_taken(encode_event(logged).decode()):
                    return Ending(SLOW_VIEWER, "too slow: connect again with the last cursor")
        return Ending(FINISHED, "the job has finished")

    async def _is_taken(self, message: str) -> bool:
        try:
            async with asyncio.timeout(self._settings.slow_viewer_seconds):
                await self._socket.send_text(message)
        except TimeoutError:
            return False
        return True

    async def _listen(self, request_id: str) -> Ending:
        while True:
            try:
                text = await self._socket.receive_text()
                if len(text) > self._settings.max_message_bytes:
                    return Ending(
                        MESSAGE_TOO_BIG, f"a message has at most {self._settings.max_message_bytes} characters"
                    )
                item = read_client_message(text)
            except falcon.PayloadTypeError:
                return _bad_message(InvalidRequest("body", "must be a text message"), request_id)
            except (InvalidRequest, falcon.HTTPError) as e:
                return _bad_message(e, request_id)
            # One message at a time: who sends faster than the store takes is held back by his own connection.
            await self._jobs.send(self._job_id, item)


async def _first_of(show: Coroutine[Any, Any, Ending], listen: Coroutine[Any, Any, Ending]) -> Ending:
    """Run both until one ends, and end the other. When both have ended, what was shown decides."""
    tasks = [asyncio.create_task(show), asyncio.create_task(listen)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _bad_message(error: Exception, request_id: str) -> Ending:
    problem = problem_of(error, request_id)
    return Ending(BAD_MESSAGE, problem.title, problem)


def ending_of(error: Exception, request_id: str) -> Ending:
    """How a socket is closed that met this error; one of ours is logged here."""
    problem = problem_of(error, request_id)
    if problem.status >= 500:
        _log.error("stream_failed", request_id=request_id, problem=problem.type, exc_info=error)
    return Ending(close_code_of(problem), problem.title, problem)
