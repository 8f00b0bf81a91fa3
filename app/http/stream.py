"""WS /v1/jobs/{id}/stream: watch a job live, write to its standard input, cancel it."""

from __future__ import annotations

from typing import Final

import falcon
from falcon.asgi import WebSocket

from app.core.ports import Jobs
from app.http.access_log import log_access
from app.http.authentication import Authenticator
from app.http.lifecycle import Lifecycle
from app.http.metering import Metering
from app.http.origins import is_origin_allowed
from app.http.request import Request
from app.http.settings import HttpSettings
from app.http.socket_authentication import socket_caller
from app.http.viewer import Ending, Viewer, ending_of

__all__ = ["StreamResource"]

REFUSED: Final = 403  # a socket that was never accepted ends in an HTTP status
GONE: Final = 1005  # the viewer left; there is no code of ours


class StreamResource:
    """A job's WebSocket. Unknown jobs are accepted and closed with 4404: a browser shows a page no HTTP status."""

    def __init__(
        self,
        jobs: Jobs,
        authenticator: Authenticator,
        settings: HttpSettings,
        lifecycle: Lifecycle,
        metering: Metering,
    ) -> None:
        self._jobs = jobs
        self._authenticator = authenticator
        self._settings = settings
        self._lifecycle = lifecycle
        self._metering = metering

    async def on_websocket(self, request: Request, socket: WebSocket, job_id: str) -> None:
        """Serve one viewer until the job, the viewer or this server ends."""
        origin, host = request.get_header("Origin"), request.get_header("Host")
        if not is_origin_allowed(origin, host, self._settings.allowed_origins):
            await socket.close()
            log_access(request, REFUSED)
            return
        await socket.accept()
        self._metering.socket_opened()
        try:
            await self._serve_and_close(request, socket, job_id)
        finally:
            self._metering.socket_closed()

    async def _serve_and_close(self, request: Request, socket: WebSocket, job_id: str) -> None:
        viewer = Viewer(socket, self._jobs, job_id, self._settings, self._lifecycle)
        ending = await self._serve(viewer, request, socket)
        if ending is not None:
            await viewer.close(ending)
        log_access(request, GONE if ending is None else ending.code)

    async def _serve(self, viewer: Viewer, request: Request, socket: WebSocket) -> Ending | None:
        try:
            caller = await socket_caller(self._authenticator, request, socket, self._settings.authentication_seconds)
        except falcon.WebSocketDisconnected:
            return None
        except Exception as e:  # noqa: BLE001 - the edge of the request: told, logged, over
            return ending_of(e, request.request_id)
        return await viewer.serve(caller, request.get_param("after") or None, request.request_id)
