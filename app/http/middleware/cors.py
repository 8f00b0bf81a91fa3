"""Lets web pages of other origins use the routes that are made for them (CORS): the same origins that may open a
WebSocket. No other route is touched: a browser keeps such pages away from them by itself."""

from __future__ import annotations

from typing import Final

from falcon.asgi import Response

from app.http.origins import is_origin_allowed
from app.http.request import Request

__all__ = ["Cors"]

REMEMBERED_SECONDS: Final = 600


class Cors:
    """Falcon middleware for every resource that says ``is_cross_origin``, its errors included."""

    def __init__(self, allowed_origins: frozenset[str]) -> None:
        self._allowed_origins = allowed_origins

    async def process_response(self, request: Request, response: Response, resource: object, succeeded: bool) -> None:
        """Tell the browser whether the page that asked may go on."""
        if not getattr(resource, "is_cross_origin", False):
            return
        response.append_header("Vary", "Origin")
        origin = request.get_header("Origin")
        if origin is None or not is_origin_allowed(origin, request.get_header("Host"), self._allowed_origins):
            return
        response.set_header("Access-Control-Allow-Origin", origin)
        if request.method == "OPTIONS":
            response.set_header("Access-Control-Allow-Methods", response.get_header("Allow") or "OPTIONS")
            response.set_header("Access-Control-Allow-Headers", "Content-Type, Authorization, X-Auth-Token")
            response.set_header("Access-Control-Max-Age", str(REMEMBERED_SECONDS))
