"""WS /api/ws?job_id=: the output of a job and how it ended.

{"job_id", "output", "type": "log"}
{"job_id", "output": "", "type": "status", "status": "completed" | "failed"}
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import falcon
import msgspec
import structlog
from falcon.asgi import WebSocket

from app.core.callers import Caller
from app.core.job.events import AttemptStarted, JobFinished, LoggedEvent, Output, PhaseStarted, Stream
from app.core.job.results import JobResult
from app.core.outcomes import Outcome
from app.http.errors import to_problem, websocket_close_code
from app.http.jobs.ownership import get_own_job
from app.http.request import Request
from app.http.services import Services
from app.http.websocket.authentication import authenticate_websocket
from app.http.websocket.connection import serve_websocket
from app.http.websocket.job_stream import CloseFrame, JobEventSender, run_until_first

__all__ = ["WatchResource"]

# In goxec, a program that exits by itself has completed, with any exit code.
_COMPLETED: Final = frozenset({Outcome.OK, Outcome.NONZERO_EXIT, Outcome.SIGNALED})
_ENCODER: Final = msgspec.json.Encoder()
_log = structlog.get_logger("pyxec.http")


class MessageEncoder:
    """Encodes the events of one job for one viewer."""

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        self._reset_decoders()

    def encode(self, logged: LoggedEvent) -> Iterator[str]:
        """Return the messages of the next event."""
        match logged.event:
            case AttemptStarted() | PhaseStarted():
                self._reset_decoders()
            case Output(stream=stream, data=data):
                yield from self._encode_log(self._decoders[stream].decode(data))
            case JobFinished(result=result):
                yield from self._encode_result(result)

    def _reset_decoders(self) -> None:
        # A chunk can end inside a character.
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {stream: decoder(errors="replace") for stream in Stream}

    def _encode_result(self, result: JobResult) -> Iterator[str]:
        completed = result.outcome in _COMPLETED
        if not completed:
            yield from self._encode_log(f"Error: {result.message}")
        yield self._encode_message("status", "", status="completed" if completed else "failed")

    def _encode_log(self, output: str) -> Iterator[str]:
        if output:
            yield self._encode_message("log", output)

    def _encode_message(self, kind: str, output: str, **fields: Any) -> str:
        return _ENCODER.encode({"job_id": self._job_id, "output": output, "type": kind, **fields}).decode()


class WatchResource:
    """The WebSocket of a job. It sends the output from the beginning, even to a viewer that connects late."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_websocket(self, request: Request, socket: WebSocket) -> None:
        """Serve one viewer until the job finishes, the viewer disconnects or the server stops."""
        serve = partial(self._serve, request, socket)
        await serve_websocket(request, socket, self._services.settings, self._services.request_metrics, serve)

    async def _serve(self, request: Request, socket: WebSocket) -> CloseFrame | None:
        services = self._services
        sender = JobEventSender(socket, services.jobs, services.settings, services.lifecycle)
        try:
            timeout = services.settings.authentication_seconds
            caller = await authenticate_websocket(services.authenticator, request, socket, timeout)
            frame = await self._send_job(request, socket, caller, sender)
        except falcon.WebSocketDisconnected:
            return None
        except Exception as e:  # noqa: BLE001 - any error closes the socket with its close code
            frame = _close_frame(e, request.request_id)
        await sender.close(frame)
        return frame

    async def _send_job(
        self, request: Request, socket: WebSocket, caller: Caller, sender: JobEventSender
    ) -> CloseFrame:
        job_id = request.get_param("job_id") or ""
        await get_own_job(self._services.jobs, job_id, caller)
        async with self._services.jobs.watch(job_id) as watch:
            send = sender.send_events(job_id, watch, None, MessageEncoder(job_id).encode)
            return await run_until_first(send, _ignore_messages(socket))


async def _ignore_messages(socket: WebSocket) -> CloseFrame:
    """Discard the messages of the viewer, as goxec does. Raises falcon.WebSocketDisconnected when it disconnects."""
    while True:
        try:
            await socket.receive_text()
        except falcon.PayloadTypeError:
            continue


def _close_frame(error: Exception, request_id: str) -> CloseFrame:
    problem = to_problem(error, request_id)
    if problem.status >= 500:
        _log.error("stream_failed", request_id=request_id, problem=problem.type, exc_info=error)
    return CloseFrame(websocket_close_code(problem), problem.title)
