"""Sends the error response of every request that ended with an exception."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import falcon
import msgspec
import structlog
from falcon.asgi import Response, WebSocket

from app.http.errors import ErrorFormat, choose_error_format, retry_after_seconds, to_problem, websocket_close_code
from app.http.middleware.access_log import log_access
from app.http.middleware.metrics import RequestMetrics
from app.http.request import Request

__all__ = ["ErrorHandler"]

_log = structlog.get_logger("pyxec.http")


class ErrorHandler:
    """Falcon error handler for all exceptions of all routes. It logs each internal error once.

    Args:
        formats: The error formats of APIs other than the native one, by path prefix.
    """

    def __init__(self, request_metrics: RequestMetrics, formats: Mapping[str, ErrorFormat]) -> None:
        self._request_metrics = request_metrics
        self._formats = formats

    async def __call__(
        self,
        request: Request,
        response: Response | None,
        error: Exception,
        params: dict[str, Any],
        ws: WebSocket | None = None,
    ) -> None:
        """Write the error response, or close the WebSocket. Falcon passes either ``response`` or ``ws``."""
        problem = to_problem(error, request.request_id)
        self._request_metrics.count_rejection(problem)
        if problem.status == 500:
            _log.error("request_failed", request_id=request.request_id, route=request.uri_template, exc_info=error)
        if ws is not None:
            await ws.close(websocket_close_code(problem))
            log_access(request, websocket_close_code(problem))
        if response is None:
            return
        if isinstance(error, falcon.HTTPError) and error.headers:
            response.set_headers(error.headers)
        if (retry_after := retry_after_seconds(error)) is not None:
            response.set_header("Retry-After", str(retry_after))
        if problem.status == 401:
            response.set_header("WWW-Authenticate", "Bearer")
        formatted = choose_error_format(self._formats, request.path)(problem, error)
        response.status = formatted.status
        response.content_type = formatted.content_type
        response.data = msgspec.json.encode(formatted.body)
