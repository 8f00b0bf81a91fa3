"""The gateway, and beside its routes one that does nothing: ``gunicorn "bench.gateway_app:create()"``."""

from __future__ import annotations

from typing import Any

import falcon.asgi
from falcon.asgi import Request, Response

from app.asgi import create as create_gateway

__all__ = ["EMPTY", "bare", "create"]

EMPTY = "/bench/empty"


class _EmptyResource:
    async def on_post(self, request: Request, response: Response) -> None:
        """Reads the body as every route has to, and answers without one."""
        await request.stream.read()
        response.status = 202


def create() -> Any:
    """The real application with its middleware: requests are logged, named and authenticated on both routes."""
    app = create_gateway()
    app.add_route(EMPTY, _EmptyResource())
    return app


def bare() -> Any:
    """Falcon alone: what the framework and the server could do if there were nothing to do."""
    app: falcon.asgi.App[Request, Response] = falcon.asgi.App()
    app.add_route(EMPTY, _EmptyResource())
    return app
