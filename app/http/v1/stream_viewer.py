"""One WebSocket on one job: events go out, what the viewer sends goes to the job, and one reason ends it."""

from __future__ import annotations

from typing import Final

import falcon
import structlog
from falcon.asgi import WebSocket

from app.core.callers import Caller
from app.core.errors import InvalidRequest
from app.http.errors import close_code_of, problem_of
from app.http.job_stream import Ending, JobStreamer, first_of
from app.http.middleware.draining import Lifecycle
from app.http.ownership import own_job
from app.http.settings import HttpSettings
from app.http.v1.messages import encode_error, event_text, read_client_message
from app.store.jobs import JobStore

__all__ = ["Ending", "Viewer", "ending_of"]

MESSAGE_TOO_BIG: Final = 1009
BAD_MESSAGE: Final = 4400

_log = structlog.get_logger("pyxec.http")


class Viewer:
    """An accepted socket and the job it shows."""

    def __init__(
        self, socket: WebSocket, jobs: JobStore, job_id: str, settings: HttpSettings, lifecycle: Lifecycle
    ) -> None:
        self._socket = socket
        self._jobs = jobs
        self._job_id = job_id
        self._settings = settings
        self._teller = JobStreamer(socket, jobs, settings, lifecycle)
        self.close = self._teller.close

    async def serve(self, caller: Caller, after: str | None, request_id: str) -> Ending | None:
        """Show the job to its end.

        Returns:
            How to close the socket, or None when the viewer has closed it.
        """
        try:
            await own_job(self._jobs, self._job_id, caller)
            async with self._jobs.watch(self._job_id) as watch:
                show = self._teller.tell(self._job_id, watch, after, lambda logged: (event_text(logged),))
                return await first_of(show, self._listen(request_id))
        except falcon.WebSocketDisconnected:
            return None
        except Exception as e:  # noqa: BLE001 - the edge of the request: told, logged, over
            return ending_of(e, request_id)

    async def _listen(self, request_id: str) -> Ending:
        while True:
            try:
                text = await self._socket.receive_text()
                if len(text) > self._settings.max_message_bytes:
                    return Ending(
                        MESSAGE_TOO_BIG, f"message too big: at most {self._settings.max_message_bytes} characters"
                    )
                item = read_client_message(text)
            except falcon.PayloadTypeError:
                return _bad_message(InvalidRequest("body", "must be a text message"), request_id)
            except (InvalidRequest, falcon.HTTPError) as e:
                return _bad_message(e, request_id)
            # One message at a time: who sends faster than the store takes is held back by his own connection.
            await self._jobs.send(self._job_id, item)


def _bad_message(error: Exception, request_id: str) -> Ending:
    problem = problem_of(error, request_id)
    return Ending(BAD_MESSAGE, problem.title, encode_error(problem).decode())


def ending_of(error: Exception, request_id: str) -> Ending:
    """How a socket is closed that met this error; one of ours is logged here."""
    problem = problem_of(error, request_id)
    if problem.status >= 500:
        _log.error("stream_failed", request_id=request_id, problem=problem.type, exc_info=error)
    return Ending(close_code_of(problem), problem.title, encode_error(problem).decode())
