"""The life of a WebSocket connection: origin check, accept, metrics, access log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from falcon.asgi import WebSocket

from app.http.middleware.access_log import log_access
from app.http.middleware.metrics import RequestMetrics
from app.http.origins import is_origin_allowed
from app.http.request import Request
from app.http.settings import HttpSettings
from app.http.websocket.job_stream import CloseFrame

__all__ = ["serve_websocket"]

REJECTED_STATUS: Final = 403  # the ASGI server answers a handshake that is not accepted with this HTTP status
NO_STATUS_CODE: Final = 1005  # RFC 6455, section 7.4.1: stands for a connection that the client closed


async def serve_websocket(
    request: Request,
    socket: WebSocket,
    settings: HttpSettings,
    request_metrics: RequestMetrics,
    serve: Callable[[], Awaitable[CloseFrame | None]],
) -> None:
    """Accept a WebSocket and serve it to its end. Reject it with HTTP 403 if its origin is not allowed.

    Args:
        serve: Serves the accepted socket. Returns the close frame that it sent, or None if the client closed the
            connection.
    """
    origin, host = request.get_header("Origin"), request.get_header("Host")
    if not is_origin_allowed(origin, host, settings.allowed_origins, settings.allowed_hosts):
        await socket.close()
        log_access(request, REJECTED_STATUS)
        return
    await socket.accept()
    request_metrics.websocket_opened()
    try:
        close_frame = await serve()
    finally:
        request_metrics.websocket_closed()
    log_access(request, NO_STATUS_CODE if close_frame is None else close_frame.code)
