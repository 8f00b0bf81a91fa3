"""WS /v1/jobs/{id}/stream: watch a job live, write to its standard input, cancel it."""

from __future__ import annotations

from functools import partial

import falcon
from falcon.asgi import WebSocket

from app.http.middleware.authentication import Authenticator
from app.http.middleware.draining import Lifecycle
from app.http.middleware.metrics import RequestMetrics
from app.http.request import Request
from app.http.settings import HttpSettings
from app.http.v1.stream_viewer import Ending, Viewer, ending_of
from app.http.websocket import open_socket
from app.http.websocket_authentication import socket_caller
from app.store.jobs import JobStore

__all__ = ["StreamResource"]


class StreamResource:
    """A job's WebSocket. Unknown jobs are accepted and closed with 4404: a browser shows a page no HTTP status."""

    def __init__(
        self,
        jobs: JobStore,
        authenticator: Authenticator,
        settings: HttpSettings,
        lifecycle: Lifecycle,
        metering: RequestMetrics,
    ) -> None:
        self._jobs = jobs
        self._authenticator = authenticator
        self._settings = settings
        self._lifecycle = lifecycle
        self._metering = metering

    async def on_websocket(self, request: Request, socket: WebSocket, job_id: str) -> None:
        """Serve one viewer until the job, the viewer or this server ends."""
        serve = partial(self._serve_and_close, request, socket, job_id)
        await open_socket(request, socket, self._settings, self._metering, serve)

    async def _serve_and_close(self, request: Request, socket: WebSocket, job_id: str) -> Ending | None:
        viewer = Viewer(socket, self._jobs, job_id, self._settings, self._lifecycle)
        ending = await self._serve(viewer, request, socket)
        if ending is not None:
            await viewer.close(ending)
        return ending

    async def _serve(self, viewer: Viewer, request: Request, socket: WebSocket) -> Ending | None:
        try:
            caller = await socket_caller(self._authenticator, request, socket, self._settings.authentication_seconds)
        except falcon.WebSocketDisconnected:
            return None
        except Exception as e:  # noqa: BLE001 - the edge of the request: told, logged, over
            return ending_of(e, request.request_id)
        return await viewer.serve(caller, request.get_param("after") or None, request.request_id)
