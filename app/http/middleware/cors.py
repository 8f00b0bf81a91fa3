"""Cross-Origin Resource Sharing (https://fetch.spec.whatwg.org/#http-cors-protocol) for the routes that allow it.

Pages of the origins that can open WebSockets can use these routes. Other routes send no CORS headers, so that browsers
reject pages of other origins. Falcon's CORSMiddleware applies to all routes, and cannot allow the request's own host.
"""

from __future__ import annotations

from typing import Final

from falcon.asgi import Response

from app.http.origins import is_origin_allowed
from app.http.request import Request

__all__ = ["Cors"]

MAX_AGE_SECONDS: Final = 600


class Cors:
    """Falcon middleware for resources with ``is_cross_origin = True``, including their errors."""

    def __init__(self, allowed_origins: frozenset[str], allowed_hosts: frozenset[str]) -> None:
        self._allowed_origins = allowed_origins
        self._allowed_hosts = allowed_hosts

    async def process_response(self, request: Request, response: Response, resource: object, succeeded: bool) -> None:
        """Add the CORS headers if the origin is allowed."""
        if not getattr(resource, "is_cross_origin", False):
            return
        response.append_header("Vary", "Origin")
        origin, host = request.get_header("Origin"), request.get_header("Host")
        if origin is None or not is_origin_allowed(origin, host, self._allowed_origins, self._allowed_hosts):
            return
        response.set_header("Access-Control-Allow-Origin", origin)
        if request.method == "OPTIONS":
            response.set_header("Access-Control-Allow-Methods", response.get_header("Allow") or "OPTIONS")
            response.set_header("Access-Control-Allow-Headers", "Content-Type, Authorization, X-Auth-Token")
            response.set_header("Access-Control-Max-Age", str(MAX_AGE_SECONDS))
