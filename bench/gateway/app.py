"""The gateway with an additional route that does nothing: ``gunicorn "bench.gateway.app:create()"``."""

from __future__ import annotations

from typing import Any

import falcon.asgi
from falcon.asgi import Request, Response

from app.asgi import create as create_gateway

__all__ = ["EMPTY", "create", "create_bare"]

EMPTY = "/bench/empty"


class _EmptyResource:
    async def on_post(self, request: Request, response: Response) -> None:
        """Read the body and return an empty 202 response."""
        await request.stream.read()
        response.status = 202


def create() -> Any:
    """Return the application with all its middleware."""
    app = create_gateway()
    app.add_route(EMPTY, _EmptyResource())
    return app


def create_bare() -> Any:
    """Return a bare Falcon application: the upper bound of framework and server."""
    app: falcon.asgi.App[Request, Response] = falcon.asgi.App()
    app.add_route(EMPTY, _EmptyResource())
    return app
