"""Request ids, and one log line for each request. Bodies and query strings are never logged."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import structlog
from falcon.asgi import Response, WebSocket

from app.http.request import Request

__all__ = ["AccessLog", "log_access"]

_VALID_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Health checks: several requests per second and process would hide the others.
_UNLOGGED_ROUTES: Final = frozenset({"/livez", "/readyz"})
_log = structlog.get_logger("pyxec.http")


def log_access(request: Request, status: int) -> None:
    """Log that a request has ended. Requests of health checks are not logged.

    Args:
        status: The HTTP status, or the close code of a WebSocket.
    """
    if request.uri_template in _UNLOGGED_ROUTES:
        return
    _log.info(
        "request",
        request_id=request.request_id,
        method="WEBSOCKET" if request.is_websocket else request.method,
        route=request.uri_template,
        status=status,
        duration_ms=round((time.perf_counter() - request.started_at) * 1000, 2),
    )


class AccessLog:
    """Falcon middleware. It has to be the first, because it sets ``request_id`` and ``started_at``.

    Args:
        new_id: Returns a new request id, for requests without a valid X-Request-Id header.
    """

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id

    async def process_request(self, request: Request, response: Response) -> None:
        """Set the request id and the headers of every response."""
        self._start(request)
        response.set_header("X-Request-Id", request.request_id)
        response.set_header("Cache-Control", "no-store")
        response.set_header("X-Content-Type-Options", "nosniff")

    async def process_request_ws(self, request: Request, socket: WebSocket) -> None:
        """Set the request id. The code that closes the WebSocket logs it."""
        self._start(request)

    async def process_response(self, request: Request, response: Response, resource: object, succeeded: bool) -> None:
        """Log the request, or arrange that a stream logs it after its last byte."""
        if response.stream is None or request.method == "HEAD":
            log_access(request, response.status_code)
        else:
            response.stream = _LoggedStream(response.stream, request, response.status_code)

    def _start(self, request: Request) -> None:
        header = request.get_header("X-Request-Id") or ""
        request.request_id = header if _VALID_ID.fullmatch(header) else self._new_id()
        request.started_at = time.perf_counter()


class _LoggedStream:
    """A response stream that logs its request when it is closed."""

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
        """Close the stream. Falcon also calls this if sending fails, so that the generator can release its watch."""
        await self._stream.aclose()
        log_access(self._request, self._status)
