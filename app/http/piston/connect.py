"""WS /connect: one execution, live, with its standard input."""

from __future__ import annotations

from typing import Final

from falcon.asgi import WebSocket

from app.http.access_log import log_access
from app.http.origins import is_origin_allowed
from app.http.parts import Parts
from app.http.piston.session import Session
from app.http.request import Request

__all__ = ["ConnectResource"]

REFUSED: Final = 403  # a socket that was never accepted ends in an HTTP status
GONE: Final = 1005  # the client left; there is no code of ours


class ConnectResource:
    """Each socket is one execution."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def on_websocket(self, request: Request, socket: WebSocket) -> None:
        """Serve one client until its program, it or this server ends."""
        origin, host = request.get_header("Origin"), request.get_header("Host")
        if not is_origin_allowed(origin, host, self._parts.settings.allowed_origins):
            await socket.close()
            log_access(request, REFUSED)
            return
        await socket.accept()
        self._parts.metering.socket_opened()
        try:
            ending = await Session(self._parts, request, socket).serve()
        finally:
            self._parts.metering.socket_closed()
        log_access(request, GONE if ending is None else ending.code)
