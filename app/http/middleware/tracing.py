"""A span for each HTTP request, in the trace of the client's ``traceparent`` if it sent one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final

from falcon.asgi import Request, Response

from app.telemetry.spans import TRACEPARENT, Attribute, Role, Tracer

__all__ = ["TraceRequests"]

# They are asked every few seconds, by machines, and nobody looks for them in a trace.
_UNTRACED: Final = frozenset({"/livez", "/readyz", "/metrics"})
_SANE: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class TraceRequests:
    """Falcon middleware. A stream's span ends where its answer begins: what follows may take hours."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    async def process_request(self, request: Request, response: Response) -> None:
        """Begin."""
        if request.path in _UNTRACED:
            return
        given = request.get_header(TRACEPARENT) or ""
        attributes = {"http.request.method": request.method, "request_id": getattr(request, "request_id", "")}
        opened = ExitStack()
        opened.enter_context(
            self._tracer.span(
                request.method, attributes, role=Role.SERVER, parent=given if _SANE.fullmatch(given) else None
            )
        )
        request.context.trace = opened

    async def process_response(self, request: Request, response: Response, resource: object, succeeded: bool) -> None:
        """End. The route is known only now."""
        opened = getattr(request.context, "trace", None)
        if opened is None:
            return
        route = request.uri_template or ""
        attributes: dict[str, Attribute] = {"http.response.status_code": response.status_code, "http.route": route}
        self._tracer.annotate(attributes, f"{request.method} {route}".rstrip())
        opened.close()

    async def process_shutdown(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """The last of it."""
        await asyncio.to_thread(self._tracer.close)
