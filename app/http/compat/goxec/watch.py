"""WS /api/ws?job_id=: what a job writes, and how it ends."""

from __future__ import annotations

from functools import partial

import falcon
import structlog
from falcon.asgi import WebSocket

from app.core.callers import Caller
from app.http.compat.goxec.messages import LogWords
from app.http.errors import close_code_of, problem_of
from app.http.job_stream import Ending, JobStreamer, first_of
from app.http.ownership import own_job
from app.http.parts import Parts
from app.http.request import Request
from app.http.websocket import open_socket
from app.http.websocket_authentication import socket_caller

__all__ = ["WatchResource"]

_log = structlog.get_logger("pyxec.http")


class WatchResource:
    """Viewers. Each sees the job from its beginning, however late it comes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def on_websocket(self, request: Request, socket: WebSocket) -> None:
        """Serve one viewer until the job, the viewer or this server ends."""
        serve = partial(self._serve, request, socket)
        await open_socket(request, socket, self._parts.settings, self._parts.metering, serve)

    async def _serve(self, request: Request, socket: WebSocket) -> Ending | None:
        teller = JobStreamer(socket, self._parts.jobs, self._parts.settings, self._parts.lifecycle)
        try:
            seconds = self._parts.settings.authentication_seconds
            caller = await socket_caller(self._parts.authenticator, request, socket, seconds)
            ending = await self._show(request, socket, caller, teller)
        except falcon.WebSocketDisconnected:
            return None
        except Exception as e:  # noqa: BLE001 - the edge of the request: told, logged, over
            ending = _ending_of(e, request.request_id)
        await teller.close(ending)
        return ending

    async def _show(self, request: Request, socket: WebSocket, caller: Caller, teller: JobStreamer) -> Ending:
        job_id = request.get_param("job_id") or ""
        await own_job(self._parts.jobs, job_id, caller)
        async with self._parts.jobs.watch(job_id) as watch:
            return await first_of(teller.tell(job_id, watch, None, LogWords(job_id).of), _until_gone(socket))


async def _until_gone(socket: WebSocket) -> Ending:
    """goxec's viewers say nothing, and nothing they might say is listened to. Raises falcon.WebSocketDisconnected."""
    while True:
        try:
            await socket.receive_text()
        except falcon.PayloadTypeError:
            continue


def _ending_of(error: Exception, request_id: str) -> Ending:
    problem = problem_of(error, request_id)
    if problem.status >= 500:
        _log.error("stream_failed", request_id=request_id, problem=problem.type, exc_info=error)
    return Ending(close_code_of(problem), problem.title)
