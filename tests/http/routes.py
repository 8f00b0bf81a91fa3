"""The routes that the gateway really has, as its router knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from falcon import inspect

from app.http import HttpSettings
from tests.http.conftest import make_app
from tests.http.fakes import InMemoryAdmissions, InMemoryJobs


def routes() -> Iterator[tuple[str, str]]:
    """Method and template of each; OPTIONS and sockets left out."""
    return ((method, path) for method, path in _all_routes() if method != "WEBSOCKET")


def sockets() -> set[str]:
    """The templates of those that open a WebSocket."""
    return {path for method, path in _all_routes() if method == "WEBSOCKET"}


def _all_routes() -> Iterator[tuple[str, str]]:
    app: Any = make_app(HttpSettings(), InMemoryJobs(), InMemoryAdmissions(1))
    for route in inspect.inspect_routes(app):
        for method in route.methods:
            if not method.internal and method.method != "OPTIONS":
                yield method.method, route.path


def job_routes() -> set[tuple[str, str]]:
    """Those below one job, its id written ``{id}``."""
    below = (path for path in routes() if path[1].startswith("/v1/jobs/{job_id}"))
    return {(method, path.replace("{job_id}", "{id}").replace("{name:path}", "left")) for method, path in below}
