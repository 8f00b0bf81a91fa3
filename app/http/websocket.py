"""What every WebSocket begins and ends with: whose page opened it, how many are open, its line in the log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from falcon.asgi import WebSocket

from app.http.allowed_origins import is_origin_allowed
from app.http.job_stream import Ending
from app.http.middleware.access_log import log_access
from app.http.middleware.metrics import RequestMetrics
from app.http.request import Request
from app.http.settings import HttpSettings

__all__ = ["open_socket"]

REFUSED: Final = 403  # a socket that was never accepted ends in an HTTP status
GONE: Final = 1005  # the viewer left; there is no code of ours


async def open_socket(
    request: Request,
    socket: WebSocket,
    settings: HttpSettings,
    metering: RequestMetrics,
    serve: Callable[[], Awaitable[Ending | None]],
) -> None:
    """Accept it, unless it is a page's that may not open one, and serve it.

    Parameters:
        serve: all that happens on it; returns how it was closed, None when the other side has closed it.
    """
    origin, host = request.get_header("Origin"), request.get_header("Host")
    if not is_origin_allowed(origin, host, settings.allowed_origins):
        await socket.close()
        log_access(request, REFUSED)
        return
    await socket.accept()
    metering.socket_opened()
    try:
        ending = await serve()
    finally:
        metering.socket_closed()
    log_access(request, GONE if ending is None else ending.code)
