"""WS /connect: one execution, live, with its standard input."""

from __future__ import annotations

from falcon.asgi import WebSocket

from app.http.compat.piston.session import Session
from app.http.request import Request
from app.http.services import Services
from app.http.websocket.connection import serve_websocket

__all__ = ["ConnectResource"]


class ConnectResource:
    """Each socket is one execution."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_websocket(self, request: Request, socket: WebSocket) -> None:
        """Serve one client until its program, it or this server ends."""
        serve = Session(self._services, request, socket).serve
        await serve_websocket(request, socket, self._services.settings, self._services.request_metrics, serve)
