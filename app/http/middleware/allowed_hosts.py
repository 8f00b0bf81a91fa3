"""Rejects requests for host names that are not the gateway's, to protect it from DNS rebinding.

A web page of another site can resolve its own name to the address of the gateway. For the browser, the gateway then has
the origin of the page, so that no Origin header and no CORS rule protects it. Only the Host header shows the name.
"""

from __future__ import annotations

from typing import Any, Final

import falcon
from falcon.asgi import Response

from app.http.origins import is_host_allowed, remove_port
from app.http.request import Request

__all__ = ["AllowedHosts"]

_MISDIRECTED: Final = 421  # RFC 9110, section 15.5.20


class AllowedHosts:
    """Falcon middleware. The health checks are open to every host: a load balancer may use any name.

    Args:
        allowed: The names; see ``is_host_allowed``.
    """

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed

    async def process_resource(
        self, request: Request, response: Response, resource: object, params: dict[str, Any]
    ) -> None:
        """Raise falcon.HTTPError 421 for a host that is not allowed."""
        self._check(request)

    async def process_resource_ws(
        self, request: Request, socket: object, resource: object, params: dict[str, Any]
    ) -> None:
        """Raise falcon.HTTPError 421 for a host that is not allowed."""
        self._check(request)

    def _check(self, request: Request) -> None:
        host = request.get_header("Host")
        if host is None or request.uri_template in ("/livez", "/readyz") or is_host_allowed(host, self._allowed):
            return
        name = remove_port(host)[:100]
        raise falcon.HTTPError(_MISDIRECTED, description=f"add {name} to PYXEC_ALLOWED_HOSTS to serve this host name")
