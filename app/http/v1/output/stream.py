"""WS /v1/jobs/{id}/stream: watch a job live, write to its standard input, signal it or cancel it."""

from __future__ import annotations

from functools import partial
from typing import Final

import falcon
import structlog
from falcon.asgi import WebSocket

from app.core.errors import InvalidRequest
from app.http.errors import to_problem, websocket_close_code
from app.http.jobs.ownership import get_own_job
from app.http.middleware.authentication import Authenticator
from app.http.middleware.draining import Lifecycle
from app.http.middleware.metrics import RequestMetrics
from app.http.request import Request
from app.http.settings import HttpSettings
from app.http.v1.output.messages import encode_error, encode_event_text, read_client_message
from app.http.websocket.authentication import authenticate_websocket
from app.http.websocket.connection import serve_websocket
from app.http.websocket.job_stream import CloseFrame, JobEventSender, run_until_first
from app.store.jobs.job_store import JobStore

__all__ = ["BAD_MESSAGE", "MESSAGE_TOO_BIG", "StreamResource"]

MESSAGE_TOO_BIG: Final = 1009  # RFC 6455, section 7.4.1
BAD_MESSAGE: Final = 4400  # private use: 4000 plus the HTTP status 400

_log = structlog.get_logger("pyxec.http")


class StreamResource:
    """The WebSocket of a job.

    The handshake succeeds even if the caller is not authenticated or the job does not exist, because a browser hides
    the HTTP status of a failed handshake from the page. The socket is closed with 4401 or 4404 then.
    """

    def __init__(
        self,
        jobs: JobStore,
        authenticator: Authenticator,
        settings: HttpSettings,
        lifecycle: Lifecycle,
        request_metrics: RequestMetrics,
    ) -> None:
        self._jobs = jobs
        self._authenticator = authenticator
        self._settings = settings
        self._lifecycle = lifecycle
        self._request_metrics = request_metrics

    async def on_websocket(self, request: Request, socket: WebSocket, job_id: str) -> None:
        """Serve one client until the job finishes, the client disconnects or the server stops."""
        serve = partial(self._serve, request, socket, job_id)
        await serve_websocket(request, socket, self._settings, self._request_metrics, serve)

    async def _serve(self, request: Request, socket: WebSocket, job_id: str) -> CloseFrame | None:
        sender = JobEventSender(socket, self._jobs, self._settings, self._lifecycle)
        try:
            frame = await self._exchange(request, socket, sender, job_id)
        except falcon.WebSocketDisconnected:
            return None
        except Exception as e:  # noqa: BLE001 - any error closes the socket with its close code
            frame = _close_frame(e, request.request_id)
        await sender.close(frame)
        return frame

    async def _exchange(self, request: Request, socket: WebSocket, sender: JobEventSender, job_id: str) -> CloseFrame:
        timeout = self._settings.authentication_seconds
        caller = await authenticate_websocket(self._authenticator, request, socket, timeout)
        await get_own_job(self._jobs, job_id, caller)
        after = request.get_param("after") or None
        async with self._jobs.watch(job_id) as watch:
            send = sender.send_events(job_id, watch, after, lambda logged: (encode_event_text(logged),))
            return await run_until_first(send, self._receive(socket, job_id, request.request_id))

    async def _receive(self, socket: WebSocket, job_id: str, request_id: str) -> CloseFrame:
        max_characters = self._settings.max_message_bytes
        while True:
            try:
                text = await socket.receive_text()
                if len(text) > max_characters:
                    return CloseFrame(MESSAGE_TOO_BIG, f"message too big: at most {max_characters} characters")
                item = read_client_message(text)
            except falcon.PayloadTypeError:
                return _bad_message(InvalidRequest("body", "must be a text message"), request_id)
            except (InvalidRequest, falcon.HTTPError) as e:
                return _bad_message(e, request_id)
            # The next message is read after this one is stored, so that TCP flow control slows fast clients down.
            await self._jobs.send(job_id, item)


def _bad_message(error: Exception, request_id: str) -> CloseFrame:
    problem = to_problem(error, request_id)
    return CloseFrame(BAD_MESSAGE, problem.title, encode_error(problem).decode())


def _close_frame(error: Exception, request_id: str) -> CloseFrame:
    """Return the close frame for an error, and log it if it is an error of the service."""
    problem = to_problem(error, request_id)
    if problem.status >= 500:
        _log.error("stream_failed", request_id=request_id, problem=problem.type, exc_info=error)
    return CloseFrame(websocket_close_code(problem), problem.title, encode_error(problem).decode())
