"""WS /connect: run a program and exchange its input and output while it runs."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

import falcon
import structlog
from falcon.asgi import WebSocket

from app.core.callers import Caller
from app.core.errors import InvalidRequest, JobNotFound, StoreUnavailable
from app.core.job.job_input import Input, InputKind
from app.core.languages import LanguageInfo
from app.http.compat.piston.authentication import read_piston_key
from app.http.compat.piston.errors import error_message
from app.http.compat.piston.execution_request import decode_json, read_execution_request
from app.http.compat.piston.messages import (
    CloseReason,
    EventEncoder,
    ProtocolError,
    encode_message,
    error_frame,
    read_input,
)
from app.http.compat.piston.runtimes import runtime_names, runtime_version
from app.http.errors import to_problem
from app.http.request import Request
from app.http.services import Services
from app.http.websocket.authentication import authenticate_websocket
from app.http.websocket.connection import serve_websocket
from app.http.websocket.job_stream import FINISHED, CloseFrame, JobEventSender, run_until_first
from app.store.jobs.wakeups import Watch

__all__ = ["INITIALIZATION_SECONDS", "ConnectResource"]

INITIALIZATION_SECONDS: Final = 1.0  # Piston's time-out for the init message
_log = structlog.get_logger("pyxec.http")


class ConnectResource:
    """Interactive executions. Every WebSocket is one execution."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_websocket(self, request: Request, socket: WebSocket) -> None:
        """Serve one client until its program ends, it disconnects or the server stops."""
        serve = _Connection(self._services, request, socket).serve
        await serve_websocket(request, socket, self._services.settings, self._services.request_metrics, serve)


class _Connection:
    """An accepted WebSocket."""

    def __init__(self, services: Services, request: Request, socket: WebSocket) -> None:
        self._services = services
        self._request = request
        self._socket = socket
        self._sender = JobEventSender(socket, services.jobs, services.settings, services.lifecycle)

    async def serve(self) -> CloseFrame | None:
        """Return the close frame that was sent, or None if the client closed the connection."""
        try:
            frame = await self._exchange()
        except falcon.WebSocketDisconnected:
            return None
        except ProtocolError as e:
            frame = e.reason.to_frame()
        except Exception as e:  # noqa: BLE001 - any error closes the socket with an error message
            frame = self._create_error_frame(e)
        await self._sender.close(frame)
        return frame

    async def _exchange(self) -> CloseFrame:
        services = self._services
        timeout = services.settings.authentication_seconds
        caller = await authenticate_websocket(
            services.authenticator, self._request, self._socket, timeout, read_piston_key
        )
        try:
            async with asyncio.timeout(INITIALIZATION_SECONDS):
                body = await self._receive_init()
        except TimeoutError:
            return CloseReason.INITIALIZATION_TIMEOUT.to_frame()
        return await self._execute(body, caller)

    async def _receive_init(self) -> dict[str, Any]:
        while True:
            message = await self._receive(self._services.settings.max_body_bytes)
            kind = message.get("type") if isinstance(message, dict) else None
            if kind == "init":
                assert isinstance(message, dict)
                return message
            if kind in ("data", "signal"):
                raise ProtocolError(CloseReason.NOT_YET_INITIALIZED)

    async def _execute(self, body: dict[str, Any], caller: Caller) -> CloseFrame:
        services, submissions = self._services, self._services.submissions
        job_id = submissions.new_id()
        # The watch precedes the submission: otherwise the wake-up of a fast job could be missed.
        async with services.jobs.watch(job_id) as watch:
            async with submissions.charge_on_rejection(caller):
                execution = await read_execution_request(
                    body,
                    services.languages,
                    caller,
                    interactive=True,
                    any_version=services.settings.piston_any_version,
                )
                job = await submissions.resolve(
                    execution.job_request, caller, request_id=self._request.request_id, job_id=job_id
                )
            await submissions.submit(job, caller)
            try:
                return await self._follow(job_id, watch, execution.language)
            finally:
                await self._end_input(job_id)

    async def _follow(self, job_id: str, watch: Watch, language: LanguageInfo) -> CloseFrame:
        name, version = runtime_names(language)[0], runtime_version(language)
        await self._sender.send(encode_message("runtime", language=name, version=version))
        encoder = EventEncoder()
        send = self._sender.send_events(job_id, watch, None, encoder.encode)
        frame = await run_until_first(send, self._forward_input(job_id))
        if frame.code != FINISHED:
            return frame
        if encoder.result is not None and not encoder.result.phases:  # the service could not run the program
            return error_frame(encoder.result.message)
        return CloseReason.JOB_COMPLETED.to_frame()

    async def _forward_input(self, job_id: str) -> CloseFrame:
        while True:
            try:
                item = read_input(await self._receive(self._services.settings.max_message_bytes))
            except ProtocolError as e:
                return e.reason.to_frame()
            # The next message is read after this one is stored, so that TCP flow control slows fast clients down.
            if item is not None:
                await self._services.jobs.send(job_id, item)

    async def _receive(self, max_characters: int) -> Any:
        try:
            text = await self._socket.receive_text()
        except falcon.PayloadTypeError as e:
            raise InvalidRequest("message", "must be text") from e
        if len(text) > max_characters:
            raise InvalidRequest("message", f"must be at most {max_characters} characters")
        return decode_json(text)

    async def _end_input(self, job_id: str) -> None:
        """End the standard input of the program, because the client cannot send more. A finished job ignores it."""
        with contextlib.suppress(StoreUnavailable, JobNotFound, InvalidRequest):
            await self._services.jobs.send(job_id, Input(InputKind.EOF))

    def _create_error_frame(self, error: Exception) -> CloseFrame:
        problem = to_problem(error, self._request.request_id)
        self._services.request_metrics.count_rejection(problem)
        if problem.status >= 500:
            _log.error("connect_failed", request_id=self._request.request_id, problem=problem.type, exc_info=error)
        return error_frame(error_message(problem))
