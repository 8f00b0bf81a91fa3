"""A request's id, and one log line for each request when it is over. Bodies and query strings are never logged."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import structlog
from falcon.asgi import Response, WebSocket

from app.http.request import Request

__all__ = ["AccessLog", "log_access"]

_SANE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = structlog.get_logger("pyxec.http")


def log_access(request: Request, status: int) -> None:
    """Write the line. ``status`` is the HTTP status, or the close code of a WebSocket."""
    _log.info(
        "request",
        request_id=request.request_id,
        method="WEBSOCKET" if request.is_websocket else request.method,
        route=request.uri_template,
        status=status,
        duration_ms=round((time.perf_counter() - request.started_at) * 1000, 2),
    )


class AccessLog:
    """Falcon middleware; has to be the first."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id

    async def process_request(self, request: Request, response: Response) -> None:
        """Name the request, in its answer too."""
        self._begin(request)
        response.set_header("X-Request-Id", request.request_id)
        response.set_header("Cache-Control", "no-store")
        response.set_header("X-Content-Type-Options", "nosniff")

    async def process_request_ws(self, request: Request, socket: WebSocket) -> None:
        """Name the request. Its line is written where its close code is known."""
        self._begin(request)

    async def process_response(self, request: Request, response: Response, resource: object, succeeded: bool) -> None:
        """A stream is over when its last byte has been sent; everything else is over now."""
        if response.stream is None or request.method == "HEAD":
            log_access(request, response.status_code)
        else:
            response.stream = _LoggedStream(response.stream, request, response.status_code)

    def _begin(self, request: Request) -> None:
        given = request.get_header("X-Request-Id") or ""
        request.request_id = given if _SANE_ID.fullmatch(given) else self._new_id()
        request.started_at = time.perf_counter()


class _LoggedStream:
    """A response stream that logs its request once it is closed, however it ends."""

    def __init__(self, stream: Any, request: Request, status: int) -> None:
        self._stream = stream
        self._request = request
        self._status = status

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk: bytes = await anext(self._stream)
        return chunk

    async def close(self) -> None:
        """Called by Falcon also when sending failed; the generator inside has to leave its watch then."""
        await self._stream.aclose()
        log_access(self._request, self._status)
