"""WS /connect: one execution, live, with its standard input."""

from __future__ import annotations

from falcon.asgi import WebSocket

from app.http.compat.piston.session import Session
from app.http.parts import Parts
from app.http.request import Request
from app.http.websocket import open_socket

__all__ = ["ConnectResource"]


class ConnectResource:
    """Each socket is one execution."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def on_websocket(self, request: Request, socket: WebSocket) -> None:
        """Serve one client until its program, it or this server ends."""
        serve = Session(self._parts, request, socket).serve
        await open_socket(request, socket, self._parts.settings, self._parts.metering, serve)
