"""Falcon middleware that traces HTTP requests."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final

from falcon.asgi import Request, Response

from app.telemetry.spans import TRACEPARENT, Attribute, Role, Tracer

__all__ = ["RequestTracing"]

# Monitoring requests these every few seconds.
_UNTRACED_PATHS: Final = frozenset({"/livez", "/readyz", "/metrics"})
# https://www.w3.org/TR/trace-context/#traceparent-header
_VALID_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class RequestTracing:
    """Creates a span for each request, in the trace of the client if it sent a valid ``traceparent`` header.

    The span of a streamed response ends before its body is sent.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    async def process_request(self, request: Request, response: Response) -> None:
        """Start the span."""
        if request.path in _UNTRACED_PATHS:
            return
        traceparent = request.get_header(TRACEPARENT) or ""
        attributes = {"http.request.method": request.method, "request_id": getattr(request, "request_id", "")}
        open_span = ExitStack()
        open_span.enter_context(
            self._tracer.span(
                request.method,
                attributes,
                role=Role.SERVER,
                parent=traceparent if _VALID_TRACEPARENT.fullmatch(traceparent) else None,
            )
        )
        request.context.open_span = open_span

    async def process_response(self, request: Request, response: Response, resource: object, succeeded: bool) -> None:
        """End the span. Its name contains the route, which is known only now."""
        open_span = getattr(request.context, "open_span", None)
        if open_span is None:
            return
        route = request.uri_template or ""
        attributes: dict[str, Attribute] = {"http.response.status_code": response.status_code, "http.route": route}
        self._tracer.annotate(attributes, f"{request.method} {route}".rstrip())
        open_span.close()

    async def process_shutdown(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Export the remaining spans."""
        await asyncio.to_thread(self._tracer.close)
