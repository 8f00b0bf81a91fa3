"""The routes and the error format of goxec's API."""

from __future__ import annotations

from typing import Final

from app.http.compat.goxec.run import RunResource
from app.http.compat.goxec.watch import WatchResource
from app.http.errors import ErrorResponse, Problem
from app.http.services import Services

__all__ = ["RUN_PATH", "WATCH_PATH", "format_goxec_error", "goxec_routes"]

RUN_PATH: Final = "/api/run"
WATCH_PATH: Final = "/api/ws"


def goxec_routes(services: Services) -> dict[str, object]:
    """Return the resource of each URI template."""
    return {RUN_PATH: RunResource(services), WATCH_PATH: WatchResource(services)}


def format_goxec_error(problem: Problem, error: Exception) -> ErrorResponse:
    """Format an error as ``{"error": "..."}``. Invalid fields have the status 400, as in goxec."""
    message = problem.detail if problem.field is None else f"{problem.field} {problem.detail}"
    return ErrorResponse(400 if problem.status == 422 else problem.status, {"error": message})
