"""The routes of the gateway, read from its router."""

from __future__ import annotations

from collections.abc import Iterator

from falcon import inspect

from app.config import read_settings
from app.wiring.gateway import create_api
from tests.http.worker import ARTIFACT


def http_routes() -> Iterator[tuple[str, str]]:
    """Method and path template of each route, without OPTIONS and WebSockets."""
    return ((method, path) for method, path in _all_routes() if method != "WEBSOCKET")


def websocket_routes() -> set[str]:
    """The path template of each WebSocket."""
    return {path for method, path in _all_routes() if method == "WEBSOCKET"}


def job_routes() -> set[tuple[str, str]]:
    """The routes below one job, with the placeholder ``{id}`` for its id and the name of an existing artifact."""
    routes = ((method, path) for method, path in http_routes() if path.startswith("/v1/jobs/{job_id}"))
    return {(method, path.replace("{job_id}", "{id}").replace("{name:path}", ARTIFACT.name)) for method, path in routes}


def _all_routes() -> Iterator[tuple[str, str]]:
    for route in inspect.inspect_routes(create_api(read_settings({}))):
        for method in route.methods:
            if not method.internal and method.method != "OPTIONS":
                yield method.method, route.path
