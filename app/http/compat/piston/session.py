"""One connection to /connect, from its first second to its close code."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

import falcon
import structlog
from falcon.asgi import WebSocket

from app.core.callers import Caller
from app.core.errors import InvalidRequest, JobNotFound, StoreUnavailable
from app.core.job_input import Input, InputKind
from app.http.compat.piston.errors import message_of, piston_key
from app.http.compat.piston.messages import Closed, Closing, encode_message, error_ending, read_input
from app.http.compat.piston.request import Asked, read_body, read_execution
from app.http.compat.piston.runtimes import names_of, version_of
from app.http.compat.piston.stage_messages import StageWords
from app.http.errors import to_problem
from app.http.request import Request
from app.http.services import Services
from app.http.websocket.authentication import authenticate_websocket
from app.http.websocket.job_stream import FINISHED, CloseFrame, JobEventSender, run_until_first
from app.store.wakeups import Watch

__all__ = ["INITIALIZATION_SECONDS", "Session"]

INITIALIZATION_SECONDS: Final = 1.0
_log = structlog.get_logger("pyxec.http")


class Session:
    """An accepted socket."""

    def __init__(self, services: Services, request: Request, socket: WebSocket) -> None:
        self._services = services
        self._request = request
        self._socket = socket
        self._sender = JobEventSender(socket, services.jobs, services.settings, services.lifecycle)

    async def serve(self) -> CloseFrame | None:
        """All of it.

        Returns:
            How the socket was closed, or None when the client has closed it.
        """
        try:
            ending = await self._converse()
        except falcon.WebSocketDisconnected:
            return None
        except Closed as e:
            ending = e.closing.ending()
        except Exception as e:  # noqa: BLE001 - the edge of the request: told, logged, over
            ending = self._ending_of(e)
        await self._sender.close(ending)
        return ending

    async def _converse(self) -> CloseFrame:
        services = self._services
        caller = await authenticate_websocket(
            services.authenticator, self._request, self._socket, services.settings.authentication_seconds, piston_key
        )
        try:
            async with asyncio.timeout(INITIALIZATION_SECONDS):
                body = await self._await_init()
        except TimeoutError:
            return Closing.INITIALIZATION_TIMEOUT.ending()
        return await self._execute(body, caller)

    async def _await_init(self) -> dict[str, Any]:
        while True:
            message = await self._receive(self._services.settings.max_body_bytes)
            kind = message.get("type") if isinstance(message, dict) else None
            if kind == "init":
                assert isinstance(message, dict)
                return message
            if kind in ("data", "signal"):
                raise Closed(Closing.NOT_YET_INITIALIZED)

    async def _execute(self, body: dict[str, Any], caller: Caller) -> CloseFrame:
        services, job_id = self._services, self._services.submissions.new_id()
        # Watched before it is submitted: a wake-up of a fast job would be missed otherwise.
        async with services.jobs.watch(job_id) as watch:
            async with services.submissions.charging(caller):
                asked = await read_execution(body, services.languages, caller, interactive=True)
                job = await services.submissions.resolve(
                    asked.request, caller, request_id=self._request.request_id, job_id=job_id
                )
            await services.submissions.submit(job, caller)
            try:
                return await self._follow(job_id, watch, asked)
            finally:
                await self._hang_up(job_id)

    async def _follow(self, job_id: str, watch: Watch, asked: Asked) -> CloseFrame:
        runtime = {"language": names_of(asked.language)[0], "version": version_of(asked.language)}
        await self._sender.send(encode_message("runtime", **runtime))
        words = StageWords()
        ending = await run_until_first(self._sender.send_events(job_id, watch, None, words.of), self._listen(job_id))
        if ending.code != FINISHED:
            return ending
        if words.result is not None and not words.result.phases:  # nothing of it was run
            return error_ending(words.result.message)
        return Closing.JOB_COMPLETED.ending()

    async def _listen(self, job_id: str) -> CloseFrame:
        while True:
            try:
                item = read_input(await self._receive(self._services.settings.max_message_bytes))
            except Closed as e:
                return e.closing.ending()
            # One message at a time: who sends faster than the store takes is held back by his own connection.
            if item is not None:
                await self._services.jobs.send(job_id, item)

    async def _receive(self, max_characters: int) -> Any:
        try:
            text = await self._socket.receive_text()
        except falcon.PayloadTypeError as e:
            raise InvalidRequest("message", "must be text") from e
        if len(text) > max_characters:
            raise InvalidRequest("message", f"must be at most {max_characters} characters")
        return read_body(text)

    async def _hang_up(self, job_id: str) -> None:
        """Nobody will write to it any more. A job that has ended does not mind."""
        with contextlib.suppress(StoreUnavailable, JobNotFound, InvalidRequest):
            await self._services.jobs.send(job_id, Input(InputKind.EOF))

    def _ending_of(self, error: Exception) -> CloseFrame:
        problem = to_problem(error, self._request.request_id)
        self._services.request_metrics.count_rejection(problem)
        if problem.status >= 500:
            _log.error("connect_failed", request_id=self._request.request_id, problem=problem.type, exc_info=error)
        return error_ending(message_of(problem))
