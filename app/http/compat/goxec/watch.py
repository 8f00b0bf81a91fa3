"""WS /api/ws?job_id=: what a job writes, and how it ends."""

from __future__ import annotations

from functools import partial

import falcon
import structlog
from falcon.asgi import WebSocket

from app.core.callers import Caller
from app.http.compat.goxec.messages import LogWords
from app.http.errors import to_problem, websocket_close_code
from app.http.ownership import get_own_job
from app.http.request import Request
from app.http.services import Services
from app.http.websocket.authentication import authenticate_websocket
from app.http.websocket.connection import serve_websocket
from app.http.websocket.job_stream import CloseFrame, JobEventSender, run_until_first

__all__ = ["WatchResource"]

_log = structlog.get_logger("pyxec.http")


class WatchResource:
    """Viewers. Each sees the job from its beginning, however late it comes."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_websocket(self, request: Request, socket: WebSocket) -> None:
        """Serve one viewer until the job, the viewer or this server ends."""
        serve = partial(self._serve, request, socket)
        await serve_websocket(request, socket, self._services.settings, self._services.request_metrics, serve)

    async def _serve(self, request: Request, socket: WebSocket) -> CloseFrame | None:
        sender = JobEventSender(socket, self._services.jobs, self._services.settings, self._services.lifecycle)
        try:
            seconds = self._services.settings.authentication_seconds
            caller = await authenticate_websocket(self._services.authenticator, request, socket, seconds)
            ending = await self._show(request, socket, caller, sender)
        except falcon.WebSocketDisconnected:
            return None
        except Exception as e:  # noqa: BLE001 - the edge of the request: told, logged, over
            ending = _ending_of(e, request.request_id)
        await sender.close(ending)
        return ending

    async def _show(self, request: Request, socket: WebSocket, caller: Caller, sender: JobEventSender) -> CloseFrame:
        job_id = request.get_param("job_id") or ""
        await get_own_job(self._services.jobs, job_id, caller)
        async with self._services.jobs.watch(job_id) as watch:
            return await run_until_first(
                sender.send_events(job_id, watch, None, LogWords(job_id).of), _until_gone(socket)
            )


async def _until_gone(socket: WebSocket) -> CloseFrame:
    """goxec's viewers say nothing, and nothing they might say is listened to. Raises falcon.WebSocketDisconnected."""
    while True:
        try:
            await socket.receive_text()
        except falcon.PayloadTypeError:
            continue


def _ending_of(error: Exception, request_id: str) -> CloseFrame:
    problem = to_problem(error, request_id)
    if problem.status >= 500:
        _log.error("stream_failed", request_id=request_id, problem=problem.type, exc_info=error)
    return CloseFrame(websocket_close_code(problem), problem.title)
